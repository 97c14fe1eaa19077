from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "leadscoring.common"
    label = "common"
    verbose_name = "Plumbing"
    default_auto_field = "django.db.models.BigAutoField"
