"""The five roles as groups. Running it again adds what is missing and takes nothing away."""

from django.contrib.auth.management import create_permissions
from django.db import migrations

READ = [
    "view_lead",
    "view_outcome",
    "view_prediction",
    "view_featureset",
    "view_feature",
    "view_modelversion",
    "view_release",
    "view_gradeband",
    "view_importrun",
    "view_importrowerror",
    "view_trainingrun",
    "view_trainingpolicy",
    "view_maturitywindow",
]

ROLES = {
    "sales rep": {"scoring": ["view_lead", "change_lead", "view_prediction"]},
    "analyst": {
        "scoring": [
            *READ,
            "add_featureset",
            "change_featureset",
            "change_feature",
            "activate_featureset",
            "start_training",
            "change_trainingrun",
            "change_trainingpolicy",
            "add_maturitywindow",
            "change_maturitywindow",
        ]
    },
    "approver": {"scoring": [*READ, "activate_release", "add_gradeband"]},
    "operator": {
        "scoring": [*READ, "change_trainingrun", "view_apikey", "add_apikey", "change_apikey"],
        "django_celery_beat": [
            "view_periodictask",
            "change_periodictask",
            "view_intervalschedule",
            "view_crontabschedule",
        ],
        "axes": ["view_accessattempt", "delete_accessattempt"],
    },
    "integrator": {
        "scoring": [
            "view_lead",
            "view_outcome",
            "view_prediction",
            "view_featureset",
            "view_feature",
            "view_importrun",
            "view_importrowerror",
            "view_apikey",
            "add_apikey",
            "change_apikey",
        ]
    },
}


def make_roles(apps, schema_editor):
    using = schema_editor.connection.alias
    group_model = apps.get_model("auth", "Group")
    permission_model = apps.get_model("auth", "Permission")
    for app_label in sorted({label for permissions in ROLES.values() for label in permissions}):
        # Django makes permissions after the last migration, which on a new database is after this one.
        app_config = apps.get_app_config(app_label)
        app_config.models_module = True
        create_permissions(app_config, apps=apps, verbosity=0, using=using)
        app_config.models_module = None
    for name, granted in ROLES.items():
        group, _ = group_model.objects.using(using).get_or_create(name=name)
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
        ("scoring", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("axes", "0001_initial"),
        ("django_celery_beat", "0001_initial"),
    ]

    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop, elidable=False)]
