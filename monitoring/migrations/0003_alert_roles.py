"""The rules and channels that the program brings along, and who may read and handle alerts. Made once."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

CHANNELS = [
    ("E-mail (files)", "email", "critical"),
    ("Slack (files)", "slack", "warning"),
    ("PagerDuty (files)", "pagerduty", "critical"),
]
READ = ["view_alert", "view_alertrule", "view_notificationchannel"]
ROLES = {
    "analyst": [*READ, "handle_alert", "change_alertrule"],
    "approver": READ,
    "operator": [
        *READ,
        "handle_alert",
        "change_alertrule",
        "add_notificationchannel",
        "change_notificationchannel",
        "view_delivery",
    ],
    "integrator": ["view_notificationchannel", "add_notificationchannel", "change_notificationchannel"],
}


def make_channels(apps, schema_editor):
    channel = apps.get_model("monitoring", "NotificationChannel")
    rows = channel.objects.using(schema_editor.connection.alias)
    for name, kind, least_level in CHANNELS:
        rows.get_or_create(name=name, defaults={"kind": kind, "least_level": least_level})


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
    dependencies = [("monitoring", "0002_alerts"), ("scoring", "0007_lead_roles")]

    operations = [
        migrations.RunPython(make_channels, migrations.RunPython.noop, elidable=False),
        migrations.RunPython(extend_roles, migrations.RunPython.noop, elidable=False),
    ]
