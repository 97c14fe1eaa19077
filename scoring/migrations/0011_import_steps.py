"""Imports in steps, with a checkpoint; one open import for each source; who may upload and stop one."""

from django.conf import settings
from django.db import migrations, models


GRANTED = {
    "analyst": ["add_importrun", "change_importrun"],
    "integrator": ["add_importrun", "change_importrun"],
    "operator": ["change_importrun"],
}


def close_open_imports(apps, schema_editor):
    """No import outlives the upgrade of its program: what is still open belongs to a process that is gone."""
    apps.get_model("scoring", "ImportRun").objects.using(schema_editor.connection.alias).filter(
        state__in=["queued", "running"]
    ).update(
        state="failed",
        lease_until=None,
        error="The program was upgraded before this import ended; running it again repeats nothing.",
    )


def grant(apps, schema_editor):
    """Add to roles that exist; a role somebody deleted stays deleted."""
    using = schema_editor.connection.alias
    group_model = apps.get_model("auth", "Group")
    permission_model = apps.get_model("auth", "Permission")
    for name, codenames in GRANTED.items():
        permissions = permission_model.objects.using(using).filter(
            content_type__app_label="scoring", codename__in=codenames
        )
        for group in group_model.objects.using(using).filter(name=name):
            group.permissions.add(*permissions)


class Migration(migrations.Migration):

    dependencies = [
        ('scoring', '0010_lists_filled'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='importrun',
            name='audit',
            field=models.JSONField(blank=True, default=dict, help_text='What a dry run over the whole file found.'),
        ),
        migrations.AddField(
            model_name='importrun',
            name='file_size',
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='importrun',
            name='held_by',
            field=models.CharField(blank=True, default='', editable=False, help_text='Machine and folder of who runs it.', max_length=255),
        ),
        migrations.AddField(
            model_name='importrun',
            name='identity_columns',
            field=models.JSONField(blank=True, default=list, help_text='Without an id column: the columns whose content is the id.'),
        ),
        migrations.AddField(
            model_name='importrun',
            name='interrupted',
            field=models.BooleanField(default=False, editable=False, help_text='Its command was killed; the same one goes on with it.'),
        ),
        migrations.AddField(
            model_name='importrun',
            name='reason',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AddField(
            model_name='importrun',
            name='rows_converted',
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='importrun',
            name='step',
            field=models.CharField(choices=[('uploaded', 'Uploaded'), ('mapped', 'Columns told'), ('audited', 'Audited'), ('import', 'Import')], default='import', editable=False, max_length=16),
        ),
        migrations.AddField(
            model_name='importrun',
            name='stored_file',
            field=models.CharField(blank=True, default='', editable=False, max_length=255),
        ),
        migrations.AddField(
            model_name='trainingrun',
            name='held_by',
            field=models.CharField(blank=True, default='', editable=False, help_text='Machine and folder of the command that runs it; blank for a worker.', max_length=255),
        ),
        migrations.AlterField(
            model_name='importrun',
            name='state',
            field=models.CharField(choices=[('draft', 'Being prepared'), ('queued', 'Queued'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', editable=False, max_length=16),
        ),
        migrations.RunPython(close_open_imports, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(grant, migrations.RunPython.noop, elidable=False),
        migrations.AddConstraint(
            model_name='importrun',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['queued', 'running']), ('step', 'import')), fields=('source_system',), name='import_one_open_per_source'),
        ),
    ]
