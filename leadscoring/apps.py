from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class LeadscoringConfig(AppConfig):
    name = "leadscoring"
    label = "leadscoring"
    verbose_name = "Lead scoring"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from leadscoring import checks, schedule

        checks.register_all()
        post_migrate.connect(
            schedule.after_migrate,
            sender=apps.get_app_config("django_celery_beat"),
            dispatch_uid="leadscoring.schedule",
        )
