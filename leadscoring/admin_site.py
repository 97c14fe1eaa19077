"""The admin as a house of its own: navigation by role, and the pages of other people's apps in the same look.

The lists of Django's users and of the libraries are registered again with Unfold's classes, because a page in
another look has fields that cannot be read in dark mode.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from axes.admin import AccessAttemptAdmin, AccessFailureLogAdmin, AccessLogAdmin
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from django.urls import reverse_lazy
from django_celery_beat.admin import ClockedScheduleAdmin, CrontabScheduleAdmin, PeriodicTaskAdmin
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    Styled = ModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin as Styled


for model in (
    User,
    Group,
    PeriodicTask,
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    SolarSchedule,
    AccessAttempt,
    AccessFailureLog,
    AccessLog,
):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(User)
class PeopleAdmin(UserAdmin, Styled):  # type: ignore[misc,type-arg,unused-ignore]  # the libraries have no types
    """People and their roles. Only a superuser may make another."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        # Whoever may edit people could otherwise give themselves everything.
        return (
            fields if request.user.is_superuser else (*fields, "is_superuser", "groups", "user_permissions")
        )


@admin.register(Group)
class RoleAdmin(GroupAdmin, Styled):  # type: ignore[misc,unused-ignore]  # the libraries have no types
    """Roles: groups of permissions."""


@admin.register(PeriodicTask)
class ScheduleAdmin(PeriodicTaskAdmin, Styled):  # type: ignore[misc,unused-ignore]  # the libraries have no types
    """What beat starts, and when."""


@admin.register(CrontabSchedule)
class CrontabAdmin(CrontabScheduleAdmin, Styled):  # type: ignore[misc,unused-ignore]  # the libraries have no types
    """Times by the clock."""


@admin.register(ClockedSchedule)
class ClockedAdmin(ClockedScheduleAdmin, Styled):  # type: ignore[misc,unused-ignore]  # the libraries have no types
    """Single times."""


@admin.register(IntervalSchedule)
class IntervalAdmin(Styled):
    """Times by distance."""


@admin.register(AccessAttempt)
class AttemptAdmin(AccessAttemptAdmin, Styled):  # type: ignore[misc,unused-ignore]  # the libraries have no types
    """Failed sign-ins; deleting one unlocks the account at once."""


@admin.register(AccessFailureLog)
class FailureAdmin(AccessFailureLogAdmin, Styled):  # type: ignore[misc,unused-ignore]  # the libraries have no types
    """Every failed sign-in."""


@admin.register(AccessLog)
class SignInAdmin(AccessLogAdmin, Styled):  # type: ignore[misc,unused-ignore]  # the libraries have no types
    """Every sign-in."""


def _may(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)


def _item(title: str, icon: str, model: str, app: str = "scoring", permission: str = "") -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{model}_changelist"),
        "permission": _may(permission or f"{app}.view_{model}"),
    }


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu; Unfold leaves out what the person may not see, and groups left empty with it."""
    return [
        {
            "title": "",
            "items": [
                {"title": "Dashboard", "icon": "dashboard", "link": reverse_lazy("admin:index")},
                _item("Leads", "person_search", "lead"),
                _item("Predictions", "speed", "prediction"),
                _item("Outcomes", "flag", "outcome"),
                _item("Overrides", "back_hand", "scoreoverride"),
                _item("Possible duplicates", "join", "mergeproposal"),
                _item("Merges", "merge", "leadmerge"),
            ],
        },
        {
            "title": "Models",
            "separator": True,
            "items": [
                _item("Feature sets", "view_column", "featureset"),
                _item("Model versions", "deployed_code", "modelversion"),
                _item("Releases", "rocket_launch", "release"),
                _item("Grade limits", "tune", "gradeband"),
            ],
        },
        {
            "title": "Monitoring",
            "separator": True,
            "items": [
                _item("Alerts", "notifications", "alert", "monitoring"),
                _item("Performance", "query_stats", "performancecheck", "monitoring"),
                _item("Drift and data quality", "troubleshoot", "driftcheck", "monitoring"),
                {
                    "title": "Operations",
                    "icon": "monitor_heart",
                    "link": reverse_lazy("admin:monitoring_operationscheck_overview"),
                    "permission": _may("monitoring.view_operationscheck"),
                },
                _item("Alert rules", "notification_settings", "alertrule", "monitoring"),
                _item("Limits of features", "straighten", "featurelimit", "monitoring"),
                _item("Channels", "campaign", "notificationchannel", "monitoring"),
                _item("Reports", "summarize", "report", "monitoring"),
                _item("Stakeholders", "contact_mail", "stakeholder", "monitoring"),
            ],
        },
        {
            "title": "Data and training",
            "separator": True,
            "items": [
                _item("Imports", "upload_file", "importrun"),
                _item("Readiness", "monitoring", "readinesssnapshot", permission="scoring.view_trainingrun"),
                _item("Training runs", "model_training", "trainingrun"),
                _item("Models of other tools", "download", "foreignversion"),
                _item("Adoptions", "fact_check", "adoptionrun"),
                _item("Rescorings", "refresh", "rescorerun"),
                _item("Training limits", "rule", "trainingpolicy"),
                _item("Maturity windows", "hourglass_top", "maturitywindow"),
                _item("Searches for duplicates", "manage_search", "identityscan"),
                _item("Duplicate search settings", "rule_settings", "mergepolicy"),
            ],
        },
        {
            "title": "Access and operation",
            "separator": True,
            "items": [
                _item("API keys", "key", "apikey"),
                _item("People", "group", "user", "auth"),
                _item("Roles", "badge", "group", "auth"),
                _item("Failed sign-ins", "lock_person", "accessattempt", "axes"),
                _item("Schedule", "schedule", "periodictask", "django_celery_beat"),
                _item("Scheduled runs", "history", "jobrun", "common"),
            ],
        },
    ]
