"""Found by Django's admin at start: the pages that belong to no app of ours."""

from leadscoring import admin_site, scheduled_runs

__all__ = ["admin_site", "scheduled_runs"]
