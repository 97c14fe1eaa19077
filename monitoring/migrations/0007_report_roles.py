"""Who may read, prepare and send reports, who keeps the list of recipients, and who sees scheduled runs."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

READ = ["view_report", "view_reportdelivery"]
PEOPLE = ["view_stakeholder", "add_stakeholder", "change_stakeholder", "delete_stakeholder"]

ROLES = {
    "analyst": {"monitoring": [*READ, "send_report", "view_stakeholder"], "common": ["view_jobrun"]},
    "approver": {"monitoring": READ},
    "operator": {"monitoring": [*READ, *PEOPLE, "send_report"], "common": ["view_jobrun"]},
}


def extend_roles(apps, schema_editor):
    using = schema_editor.connection.alias
    group_model = apps.get_model("auth", "Group")
    permission_model = apps.get_model("auth", "Permission")
    for app_label in ("monitoring", "common"):
        app_config = apps.get_app_config(app_label)
        # Django makes permissions after the last migration; they are needed now.
        app_config.models_module = True
        create_permissions(app_config, apps=apps, verbosity=0, using=using)
        app_config.models_module = None
    for name, granted in ROLES.items():
        group = group_model.objects.using(using).filter(name=name).first()
        # An administrator may have removed a role; it is not brought back.
        if group is None:
            continue
        for app_label, codenames in granted.items():
            found = permission_model.objects.using(using).filter(
                content_type__app_label=app_label, codename__in=codenames
            )
            missing = set(codenames) - set(found.values_list("codename", flat=True))
            if missing:
                raise LookupError(f"Role {name!r}: {app_label} has no permission {', '.join(sorted(missing))}.")
            group.permissions.add(*found)


class Migration(migrations.Migration):
    dependencies = [
        ("monitoring", "0006_report"),
        ("common", "0003_job_runs"),
        ("scoring", "0002_roles"),
    ]

    operations = [migrations.RunPython(extend_roles, migrations.RunPython.noop, elidable=False)]
