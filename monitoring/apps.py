from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MonitoringConfig(AppConfig):
    name = "monitoring"
    label = "monitoring"
    verbose_name = "Monitoring"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from monitoring.services import operations_setup, rules

        post_migrate.connect(rules.after_migrate, sender=self, dispatch_uid="monitoring.rules")
        operations_setup.register()
