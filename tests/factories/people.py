"""People with a role, as an administrator would make them."""

from __future__ import annotations

from django.contrib.auth.models import Group, User

ROLES = ("sales rep", "analyst", "approver", "operator", "integrator")


def a_person(role: str, name: str = "") -> User:
    """Somebody who may sign in to the admin: with one of the roles, "superuser", or "nobody" (no role)."""
    name = name or role.replace(" ", "_")
    if role == "superuser":
        return User.objects.create_superuser(name, password=None)
    person = User.objects.create_user(name, is_staff=True)
    if role != "nobody":
        person.groups.add(Group.objects.get(name=role))
    return person
