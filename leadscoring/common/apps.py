from django.apps import AppConfig


class CommonConfig(AppConfig):
    name = "leadscoring.common"
    label = "common"
    verbose_name = "Operation"
    default_auto_field = "django.db.models.BigAutoField"
