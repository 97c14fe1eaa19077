from django.apps import AppConfig


class LeadscoringConfig(AppConfig):
    name = "leadscoring"
    label = "leadscoring"
    verbose_name = "Lead scoring"
    default_auto_field = "django.db.models.BigAutoField"
