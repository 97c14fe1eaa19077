"""The inverted index of search words, an empty row of words for each lead, and who may do what in the lists.

The words themselves are filled in by the sweep, a batch at a time: reading ten million leads here would keep the
program away for minutes.
"""

from django.contrib.auth.management import create_permissions
from django.db import migrations

POSTGRESQL = (
    "CREATE INDEX lead_search_words ON scoring_leadsearch"
    " USING gin (array_to_tsvector(string_to_array(words, ' ')))"
)
SQLITE = (
    # Every character but the space belongs to a word: the words were cut before they came here.
    "CREATE VIRTUAL TABLE scoring_leadsearch_words USING fts5(words, content='scoring_leadsearch',"
    " content_rowid='id', prefix='2 3',"
    " tokenize=\"unicode61 remove_diacritics 0 categories 'L* M* N* P* S* Co'\")",
    "CREATE TRIGGER scoring_leadsearch_added AFTER INSERT ON scoring_leadsearch BEGIN"
    " INSERT INTO scoring_leadsearch_words (rowid, words) VALUES (new.id, new.words); END",
    "CREATE TRIGGER scoring_leadsearch_gone AFTER DELETE ON scoring_leadsearch BEGIN"
    " INSERT INTO scoring_leadsearch_words (scoring_leadsearch_words, rowid, words)"
    " VALUES ('delete', old.id, old.words); END",
    "CREATE TRIGGER scoring_leadsearch_changed AFTER UPDATE OF words ON scoring_leadsearch BEGIN"
    " INSERT INTO scoring_leadsearch_words (scoring_leadsearch_words, rowid, words)"
    " VALUES ('delete', old.id, old.words);"
    " INSERT INTO scoring_leadsearch_words (rowid, words) VALUES (new.id, new.words); END",
)
SQLITE_BACK = (
    "DROP TRIGGER scoring_leadsearch_added",
    "DROP TRIGGER scoring_leadsearch_gone",
    "DROP TRIGGER scoring_leadsearch_changed",
    "DROP TABLE scoring_leadsearch_words",
)

ROLES = {
    "analyst": ["export_lead", "rescore_lead", "view_rescorerun", "change_rescorerun", "share_savedview"],
    "approver": ["export_lead", "view_rescorerun", "share_savedview"],
    "operator": ["rescore_lead", "view_rescorerun", "change_rescorerun"],
}


def make_index(apps, schema_editor):
    sqlite = schema_editor.connection.vendor == "sqlite"
    for statement in SQLITE if sqlite else (POSTGRESQL,):
        schema_editor.execute(statement, params=None)


def drop_index(apps, schema_editor):
    sqlite = schema_editor.connection.vendor == "sqlite"
    for statement in SQLITE_BACK if sqlite else ("DROP INDEX lead_search_words",):
        schema_editor.execute(statement, params=None)


def grant(apps, schema_editor):
    using = schema_editor.connection.alias
    # Django makes permissions after the last migration, which on a new database is after this one.
    app_config = apps.get_app_config("scoring")
    app_config.models_module = True
    create_permissions(app_config, apps=apps, verbosity=0, using=using)
    app_config.models_module = None
    permission_model = apps.get_model("auth", "Permission")
    for name, codenames in ROLES.items():
        group = apps.get_model("auth", "Group").objects.using(using).filter(name=name).first()
        if group is not None:
            found = permission_model.objects.using(using).filter(
                content_type__app_label="scoring", codename__in=codenames
            )
            group.permissions.add(*found)


def add_rows(apps, schema_editor):
    schema_editor.execute(
        "INSERT INTO scoring_leadsearch (lead_id, words) SELECT id, '' FROM scoring_lead"
    )


class Migration(migrations.Migration):
    dependencies = [("scoring", "0009_lists")]

    operations = [
        migrations.RunPython(make_index, drop_index, elidable=False),
        migrations.RunPython(grant, migrations.RunPython.noop, elidable=False),
        migrations.RunPython(add_rows, migrations.RunPython.noop, elidable=False),
    ]
