"""Who may read checks of drift, have one made, and set limits of features. Given once."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

READ = ["view_driftcheck", "view_featurelimit"]
ROLES = {
    "analyst": [*READ, "run_driftcheck", "add_featurelimit", "change_featurelimit", "delete_featurelimit"],
    "approver": READ,
    "operator": [*READ, "run_driftcheck"],
}


def extend_roles(apps, schema_editor):
    using = schema_editor.connection.alias
    group_model = apps.get_model("auth", "Group")
    permission_model = apps.get_model("auth", "Permission")
    app_config = apps.get_app_config("monitoring")
    # Django makes permissions after the last migration; they are needed now.
    app_config.models_module = True
    create_permissions(app_config, apps=apps, verbosity=0, using=using)
    app_config.models_module = None
    for name, codenames in ROLES.items():
        group = group_model.objects.using(using).filter(name=name).first()
        # An administrator may have removed a role; it is not brought back.
        if group is not None:
            group.permissions.add(
                *permission_model.objects.using(using).filter(
                    content_type__app_label="monitoring", codename__in=codenames
                )
            )


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0004_profiles_drift"), ("scoring", "0007_lead_roles")]

    operations = [migrations.RunPython(extend_roles, migrations.RunPython.noop, elidable=False)]
