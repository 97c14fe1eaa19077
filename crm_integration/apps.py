from django.apps import AppConfig


class CrmIntegrationConfig(AppConfig):
    name = "crm_integration"
    label = "crm_integration"
    verbose_name = "CRM integration"
    default_auto_field = "django.db.models.BigAutoField"
