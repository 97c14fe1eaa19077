"""People with a role, as an administrator would make them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import connection

ROLES = ("sales rep", "analyst", "approver", "operator", "integrator")

roles = import_module("scoring.migrations.0002_roles")
lead_roles = import_module("scoring.migrations.0007_lead_roles")
adoption = import_module("scoring.migrations.0008_adoption")
lists = import_module("scoring.migrations.0010_lists_filled")
imports = import_module("scoring.migrations.0011_import_steps")
MONITORING = "monitoring.migrations"
watch = [
    import_module(f"{MONITORING}.{path.stem}")
    for path in sorted(Path(str(import_module(MONITORING).__file__)).parent.glob("*_roles.py"))
]


def make_roles() -> None:
    """The migrations' functions; all they read of a schema editor is the connection."""
    editor = SimpleNamespace(connection=connection)
    roles.make_roles(apps, editor)
    lead_roles.extend_roles(apps, editor)
    adoption.grant(apps, editor)
    lists.grant(apps, editor)
    imports.grant(apps, editor)
    for migration in watch:
        migration.extend_roles(apps, editor)


def a_person(role: str, name: str = "") -> User:
    """Somebody who may sign in to the admin: with one of the roles, "superuser", or "nobody" (no role)."""
    name = name or role.replace(" ", "_")
    if role == "superuser":
        return User.objects.create_superuser(name, password=None)
    person = User.objects.create_user(name, is_staff=True)
    if role != "nobody":
        if not Group.objects.filter(name=role).exists():
            # A test with transactions of its own has emptied every table, those filled by migrations among them.
            make_roles()
        person.groups.add(Group.objects.get(name=role))
    return person
