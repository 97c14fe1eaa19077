"""Who may read how the service runs. Takes nothing away."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

ROLES = ("analyst", "approver", "operator", "integrator")


def extend_roles(apps, schema_editor):
    using = schema_editor.connection.alias
    group_model = apps.get_model("auth", "Group")
    permission_model = apps.get_model("auth", "Permission")
    app_config = apps.get_app_config("monitoring")
    # Django makes permissions after the last migration; they are needed now.
    app_config.models_module = True
    create_permissions(app_config, apps=apps, verbosity=0, using=using)
    app_config.models_module = None
    found = permission_model.objects.using(using).get(
        content_type__app_label="monitoring", codename="view_operationscheck"
    )
    # An administrator may have removed a role; it is not brought back.
    for group in group_model.objects.using(using).filter(name__in=ROLES):
        group.permissions.add(found)


class Migration(migrations.Migration):
    dependencies = [
        ("monitoring", "0008_operations"),
        ("scoring", "0002_roles"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(extend_roles, migrations.RunPython.noop, elidable=False)]
