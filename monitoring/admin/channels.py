"""Channels: where alerts are told. Secrets go in and are never shown again."""

from __future__ import annotations

import email
import email.policy
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import ADDITION, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_variables

from leadscoring.common import outbox
from leadscoring.common.admin.base import ReadOnlyPage, choice_filter, page_action
from leadscoring.common.admin.confirm import ConfirmForm, confirm_page, note_change, refused, signed_in
from leadscoring.common.admin.words import badge, moment, state_badge
from leadscoring.common.crypto import CannotOpen, masked
from leadscoring.common.text import plain
from monitoring.channels import CHANNELS
from monitoring.channels.base import Setting
from monitoring.contracts import AlertLevel, MonitoringRefused
from monitoring.models import Delivery, NotificationChannel
from monitoring.services.channels import save_channel
from monitoring.services.notifications import send_test

KINDS = tuple((name, channel.label) for name, channel in CHANNELS.items())
LEVELS = (
    (AlertLevel.CRITICAL.value, "critical"),
    (AlertLevel.WARNING.value, "warning, critical"),
    (AlertLevel.INFO.value, "info, warning, critical"),
)
MOST_SHOWN = 50
LONGEST_FILE = 100_000


class SecretInput(forms.TextInput):
    """Shows what is typed, so that it can be compared; never puts it back into a page."""

    def format_value(self, value: Any) -> None:
        return None


class KindForm(forms.Form):
    """Which kind of channel to add."""

    kind = forms.ChoiceField(label="Kind", choices=KINDS)


class ChannelForm(forms.Form):
    """What all kinds have; the settings of the kind are added by `fields_of`."""

    name = forms.CharField(max_length=120, help_text="How the channel is called on pages and in messages.")
    least_level = forms.ChoiceField(label="Tells of", choices=LEVELS)
    enabled = forms.BooleanField(label="On", required=False, initial=True)

    def __init__(
        self, *args: Any, settings: tuple[Setting, ...], known: dict[str, Any], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.settings, self.known = settings, known
        for one in settings:
            kept = one.secret and bool(known.get(one.name))
            words = one.help_text + (f" Now {masked(str(known[one.name]))}; empty keeps it." if kept else "")
            value = known.get(one.name, "")
            self.fields[f"setting_{one.name}"] = forms.CharField(
                label=one.label,
                required=False,
                max_length=4000,
                initial="" if one.secret else "\n".join(value) if one.many else value,
                help_text=words,
                widget=forms.Textarea(attrs={"rows": 3})
                if one.many
                else SecretInput(attrs={"autocomplete": "off", "spellcheck": "false"})
                if one.secret
                else forms.TextInput(),
            )
        if known:
            self.fields["forget"] = forms.BooleanField(
                label="Take the settings away: messages become files",
                required=False,
            )

    def config(self) -> dict[str, Any] | None:
        """The new settings; None keeps the old ones, {} takes them away."""
        if self.cleaned_data.get("forget"):
            return {}
        found: dict[str, Any] = {}
        for one in self.settings:
            typed = self.cleaned_data[f"setting_{one.name}"].strip()
            if one.many:
                value: Any = [line.strip() for line in typed.splitlines() if line.strip()]
            else:
                value = typed or (self.known.get(one.name, "") if one.secret else "")
            if value:
                found[one.name] = value
        if found == self.known:
            return None
        return found


@admin.register(NotificationChannel)
class ChannelAdmin(ReadOnlyPage[NotificationChannel]):
    """By name."""

    list_display = ("name", "kind_shown", "level_shown", "state_shown", "success_shown", "failures_shown")
    search_fields = ("name",)
    list_filter = (
        choice_filter("kind", "kind", KINDS),
        choice_filter("state", "enabled", (("1", "on"), ("0", "off"))),
    )
    empty_words = "Without a channel alerts are shown here and on the dashboard only."
    fields: ClassVar[Any] = ()
    change_form_template = "monitoring/admin/channel.html"
    actions_list = ("new_channel", "files")
    actions_detail = ("edit", "test")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.file_view)
        own = path("files/<str:name>/", view, name="monitoring_notificationchannel_file")
        return [own, *super().get_urls()]

    def has_make_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("monitoring.add_notificationchannel")

    def has_edit_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("monitoring.change_notificationchannel")

    def has_look_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        # What was written holds alerts and reports whole.
        return request.user.has_perms(["monitoring.view_notificationchannel", "monitoring.view_alert"])

    @admin.display(description="Kind", ordering="kind")
    def kind_shown(self, row: NotificationChannel) -> str:
        return CHANNELS.get(row.kind).label if row.kind in CHANNELS else row.kind

    @admin.display(description="Tells of", ordering="least_level")
    def level_shown(self, row: NotificationChannel) -> str:
        return dict(LEVELS)[row.least_level]

    @admin.display(description="State")
    def state_shown(self, row: NotificationChannel) -> SafeString:
        if not row.enabled:
            return badge("off", "quiet")
        if row.broken:
            return badge("settings must be mended", "bad")
        if row.dead_since is not None:
            return badge("fails", "bad")
        return badge("on", "good") if row.sealed else badge("on, writes files", "info")

    @admin.display(description="Last success", ordering="last_success")
    def success_shown(self, row: NotificationChannel) -> str:
        return moment(row.last_success) if row.last_success else "none yet"

    @admin.display(description="Failures in a row", ordering="consecutive_failures")
    def failures_shown(self, row: NotificationChannel) -> str:
        return f"{row.consecutive_failures:,}"

    def page_context(self, request: HttpRequest, row: NotificationChannel) -> dict[str, Any]:
        known, trouble = _known(row)
        channel = CHANNELS.get(row.kind)
        deliveries = Delivery.objects.filter(channel=row).select_related("alert", "channel").order_by("-pk")
        return {
            "kind_shown": channel.label,
            "level_shown": state_badge(row.least_level),
            "tells_of": self.level_shown(row),
            "state_shown": self.state_shown(row),
            "last_success": self.success_shown(row),
            "trouble": trouble,
            "settings": [(one.label, _value_shown(one, known)) for one in channel.settings] if known else [],
            "deliveries": deliveries[:MOST_SHOWN] if request.user.has_perm("monitoring.view_alert") else [],
        }

    @page_action("New channel", permission="make", icon="add", tone="primary")
    def new_channel(self, request: HttpRequest) -> HttpResponse:
        chosen = request.GET.get("kind", "")
        if chosen not in CHANNELS:
            return confirm_page(
                self,
                request,
                title="New channel",
                verb="Next",
                form=KindForm(),
                template="monitoring/admin/channel_kind.html",
            )
        return self._form(request, None, chosen, {}, "")

    @page_action("Edit", permission="edit", icon="tune")
    def edit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        known, trouble = _known(row)
        return self._form(request, row, row.kind, known, trouble)

    @sensitive_variables()
    def _form(
        self,
        request: HttpRequest,
        row: NotificationChannel | None,
        kind: str,
        known: dict[str, Any],
        trouble: str,
    ) -> HttpResponse:
        channel = CHANNELS.get(kind)
        initial = {
            "name": row.name if row else "",
            "least_level": row.least_level if row else channel.least_level.value,
            "enabled": row.enabled if row else True,
        }
        data = request.POST if request.method == "POST" else None
        form = ChannelForm(data, initial=initial, settings=channel.settings, known=known)
        if request.method == "POST" and form.is_valid():
            try:
                saved = save_channel(
                    channel_id=row.pk if row else None,
                    name=form.cleaned_data["name"],
                    kind=kind,
                    least_level=AlertLevel(form.cleaned_data["least_level"]),
                    enabled=form.cleaned_data["enabled"],
                    config=form.config(),
                )
            except MonitoringRefused as error:
                refused(form, error)
            else:
                if row is None:
                    LogEntry.objects.log_actions(
                        signed_in(request).pk, [saved], ADDITION, "Made.", single_object=True
                    )
                    messages.success(request, f"“{saved}” is made. Press its test button next.")
                else:
                    note_change(request, saved, f"“{saved}” is saved.")
                return HttpResponseRedirect(
                    reverse("admin:monitoring_notificationchannel_change", args=(saved.pk,))
                )
        return confirm_page(
            self,
            request,
            title=f"Edit “{row}”" if row else f"New channel: {channel.label}",
            verb="Save the channel",
            form=form,
            row=row,
            template="monitoring/admin/channel_edit.html",
            context={"trouble": trouble, "channel": channel},
            status=400 if form.errors else 200,
        )

    @page_action("Test", permission="edit", icon="send", tone="primary")
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        from django.utils import timezone

        row = self.row_or_404(request, object_id)
        if request.method == "POST":
            sent = send_test(row.pk, as_of=timezone.now())
            if sent.is_sent:
                note_change(request, row, f"The test went through. {sent.outcome}")
            else:
                messages.error(request, f"The test did not go through. {sent.outcome or sent.error}")
            return HttpResponseRedirect(
                reverse("admin:monitoring_notificationchannel_change", args=(row.pk,))
            )
        return confirm_page(
            self,
            request,
            title=f"Test “{row}”",
            verb="Send a test",
            form=ConfirmForm(),
            row=row,
            template="monitoring/admin/channel_test.html",
            context={"kind_shown": self.kind_shown(row), "files": not row.sealed},
        )

    @page_action("Messages in files", permission="look", icon="folder_open")
    def files(self, request: HttpRequest) -> HttpResponse:
        context = {"files": outbox.written(), "most": outbox.MOST_SHOWN, "title": "Messages in files"}
        return TemplateResponse(request, "monitoring/admin/outbox.html", self._around(request, context))

    def file_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """One file, as plain text."""
        if not self.has_look_permission(request):
            raise PermissionDenied
        data = outbox.read(name)
        if data is None:
            raise Http404("There is no such file.")
        context = {"name": name, "title": name, **_file_shown(name, data)}
        return TemplateResponse(request, "monitoring/admin/outbox_file.html", self._around(request, context))

    def _around(self, request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
        return {**self.admin_site.each_context(request), "opts": self.opts, **context}


def _known(row: NotificationChannel) -> tuple[dict[str, Any], str]:
    try:
        return row.config(), ""
    except CannotOpen as error:
        return {}, error.detail


def _value_shown(one: Setting, known: dict[str, Any]) -> str:
    value = known.get(one.name, "")
    if one.many:
        return ", ".join(value)
    return masked(str(value)) if one.secret else str(value) or "as brought along"


def _file_shown(name: str, data: bytes) -> dict[str, Any]:
    if not name.endswith(".eml"):
        return {"text": plain(data.decode("utf-8", "replace"), LONGEST_FILE)}
    mail = email.message_from_bytes(data, policy=email.policy.default)
    body = mail.get_body(preferencelist=("plain", "html"))
    return {
        "headers": [(key, plain(str(mail.get(key, "")), 500)) for key in ("From", "To", "Subject", "Date")],
        "text": plain(str(body.get_content()), LONGEST_FILE) if body is not None else "",
        "attached": [part.get_filename() or part.get_content_type() for part in mail.iter_attachments()],
    }
