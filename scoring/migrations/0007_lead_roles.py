"""Who may override a score, merge duplicates and read about both. Takes nothing away."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

READ = ["view_scoreoverride", "view_leadevent", "view_mergeproposal", "view_leadmerge", "view_identityscan"]

ROLES = {
    "sales rep": ["override_lead", "view_scoreoverride"],
    "analyst": [*READ, "override_lead", "merge_lead", "view_mergepolicy", "change_mergepolicy"],
    "approver": [*READ, "view_mergepolicy"],
    "operator": [*READ, "merge_lead", "view_mergepolicy", "change_mergepolicy"],
}


def extend_roles(apps, schema_editor):
    using = schema_editor.connection.alias
    group_model = apps.get_model("auth", "Group")
    permission_model = apps.get_model("auth", "Permission")
    app_config = apps.get_app_config("scoring")
    # Django makes permissions after the last migration; they are needed now.
    app_config.models_module = True
    create_permissions(app_config, apps=apps, verbosity=0, using=using)
    app_config.models_module = None
    for name, codenames in ROLES.items():
        group = group_model.objects.using(using).filter(name=name).first()
        # An administrator may have removed a role; it is not brought back.
        if group is not None:
            found = permission_model.objects.using(using).filter(
                content_type__app_label="scoring", codename__in=codenames
            )
            missing = set(codenames) - set(found.values_list("codename", flat=True))
            if missing:
                raise LookupError(f"Role {name!r}: scoring has no permission {', '.join(sorted(missing))}.")
            group.permissions.add(*found)


class Migration(migrations.Migration):
    dependencies = [("scoring", "0006_lead_history")]

    operations = [migrations.RunPython(extend_roles, migrations.RunPython.noop, elidable=False)]
