"""Who reads how models do, and who has it checked out of turn. Takes nothing away."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

ROLES = {
    "analyst": ["view_performancecheck", "run_performancecheck"],
    "approver": ["view_performancecheck", "run_performancecheck"],
    "operator": ["view_performancecheck", "run_performancecheck"],
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
            found = permission_model.objects.using(using).filter(
                content_type__app_label="monitoring", codename__in=codenames
            )
            missing = set(codenames) - set(found.values_list("codename", flat=True))
            if missing:
                raise LookupError(f"Role {name!r}: monitoring has no permission {', '.join(sorted(missing))}.")
            group.permissions.add(*found)


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0010_performance"), ("scoring", "0002_roles")]

    operations = [migrations.RunPython(extend_roles, migrations.RunPython.noop, elidable=False)]
