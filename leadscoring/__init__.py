"""Settings, URLs, Celery, schedule and admin site: composes the apps and is imported by none of them."""

from leadscoring.celery import app as celery_app

__all__ = ["celery_app"]
