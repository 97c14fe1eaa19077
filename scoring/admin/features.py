"""Feature sets: what a column is, when it is known, what the leak audit found, and whether it may train."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from leadscoring.common.admin.base import ListPage, count_column, page_action
from leadscoring.common.admin.confirm import (
    ConfirmForm,
    ReasonForm,
    confirm_page,
    note_change,
    refused,
    signed_in,
)
from leadscoring.common.admin.words import count, moment, person, state_badge
from scoring.admin.feature_changes import changes_between
from scoring.admin.feature_forms import UploadForm, feature_formset
from scoring.admin.feature_table import audit_table
from scoring.contracts import FeatureSetError, FeatureSetState
from scoring.models import Feature, FeatureSet

EDITED_AT_ONCE = 50
WRITTEN = {"minimum", "maximum", "decimal", "thousands", "date_format", "true_values", "false_values"}
DRAFT, ACTIVE = FeatureSetState.DRAFT.value, FeatureSetState.ACTIVE.value


@admin.register(FeatureSet)
class FeatureSetAdmin(ListPage[FeatureSet]):
    """Drafts are edited here; active and retired sets are read and copied."""

    list_display = (
        "number",
        "name",
        "state_shown",
        count_column("rows_audited", "Rows audited"),
        "created_shown",
        "activated_shown",
    )
    list_display_links = ("number", "name")
    search_fields = ("name",)
    empty_words = "The first import draws up a feature set. There is none yet."
    fields = ("name",)
    change_form_template = "scoring/admin/feature_set.html"
    actions_list = ("upload_json",)
    actions_detail = ("edit_features", "activate", "copy_to_draft", "view_json", "download_json")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: FeatureSet | None = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or obj.state == DRAFT)

    def has_delete_permission(self, request: HttpRequest, obj: FeatureSet | None = None) -> bool:
        # From its own page only: the list has no bulk deletion.
        return obj is not None and obj.state == DRAFT and super().has_delete_permission(request, obj)

    def has_activate_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.activate_featureset")

    def has_edit_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.change_featureset")

    def has_copy_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return request.user.has_perm("scoring.add_featureset")

    def offers(self, row: FeatureSet, action: str) -> bool:
        """A draft is edited and activated, the others are copied."""
        return action not in ({"copy_to_draft"} if row.state == DRAFT else {"edit_features", "activate"})

    @admin.display(description="State", ordering="state")
    def state_shown(self, row: FeatureSet) -> SafeString:
        return state_badge(row.state)

    @admin.display(description="Drawn up", ordering="created_at")
    def created_shown(self, row: FeatureSet) -> str:
        return moment(row.created_at)

    @admin.display(description="Activated", ordering="activated_at")
    def activated_shown(self, row: FeatureSet) -> str:
        return moment(row.activated_at)

    def page_context(self, request: HttpRequest, row: FeatureSet) -> dict[str, Any]:
        features = list(row.features.all())
        held = [f for f in features if f.excluded]
        return {
            "state_shown": state_badge(row.state),
            "features": features,
            "held_out": held,
            "table": audit_table(features),
            "summary": f"{count(len(features), 'column')}, {len(held)} held out, "
            f"{len([f for f in features if not f.excluded and f.kind != 'identifier'])} may train a model",
            "created_by": person(row.created_by),
            "activated_by": person(row.activated_by),
        }

    @page_action("Edit features", permission="edit", icon="edit")
    def edit_features(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        if row.state != DRAFT:
            messages.error(
                request, f"{row} is {row.state} and stays as it is; copy it to a new draft to edit."
            )
            return HttpResponseRedirect(self._address(row))
        pages = Paginator(row.features.all(), EDITED_AT_ONCE)
        page = pages.get_page(request.GET.get("page"))
        ids = [f.pk for f in page.object_list]
        formset = feature_formset(request.POST or None, Feature.objects.filter(pk__in=ids))
        if request.method == "POST" and formset.is_valid():
            changed = [form.instance.name for form in formset.forms if form.has_changed()]
            formset.save()
            if changed:
                note_change(request, row, f"Changed {', '.join(changed[:20])}.")
            target = f"?page={page.next_page_number()}" if "_next" in request.POST and page.has_next() else ""
            return HttpResponseRedirect(request.path + target if target else self._address(row))
        return confirm_page(
            self,
            request,
            title=f"Edit features: {row}",
            verb="Save",
            form=ConfirmForm(),
            row=row,
            template="scoring/admin/feature_edit.html",
            context={"formset": formset, "page": page, "written": WRITTEN},
            status=200 if request.method == "GET" else 400,
        )

    @page_action("Activate", permission="activate", icon="check_circle", tone="primary")
    def activate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        from scoring.services.features import activate_feature_set

        row = self.row_or_404(request, object_id)
        active = FeatureSet.objects.filter(state=ACTIVE).prefetch_related("features").first()
        form = ReasonForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                activate_feature_set(
                    row.pk, by=signed_in(request), reason=form.cleaned_data["reason"], as_of=timezone.now()
                )
            except FeatureSetError as error:
                refused(form, error)
            else:
                note_change(request, row, f"{row} is active. The next training run reads it.")
                return HttpResponseRedirect(self._address(row))
        features = list(row.features.all())
        return confirm_page(
            self,
            request,
            title=f"Activate {row}",
            verb="Activate this feature set",
            form=form,
            row=row,
            template="scoring/admin/feature_activate.html",
            context={
                "row": row,
                "active": active,
                "changes": changes_between(list(active.features.all()) if active else [], features),
                "overruled": [f for f in features if f.audit.get("held_out") and not f.excluded],
                "held_out": [f for f in features if f.excluded],
                "trains": len([f for f in features if not f.excluded and f.kind != "identifier"]),
            },
            status=400 if form.errors else 200,
        )

    @page_action("Copy to a new draft", permission="copy", icon="content_copy")
    def copy_to_draft(self, request: HttpRequest, object_id: str) -> HttpResponse:
        from scoring.services.features import copy_feature_set

        row = self.row_or_404(request, object_id)
        if request.method == "POST":
            draft = copy_feature_set(row.pk, by=signed_in(request), as_of=timezone.now())
            note_change(request, draft, f"{draft} is a copy of set {row.number}: edit it, then activate it.")
            return HttpResponseRedirect(self._address(draft))
        return confirm_page(
            self,
            request,
            title=f"Copy {row}",
            verb="Copy to a new draft",
            form=ConfirmForm(),
            row=row,
            template="scoring/admin/feature_copy.html",
            context={"row": row},
        )

    @page_action("JSON", permission="view", icon="data_object")
    def view_json(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        return confirm_page(
            self,
            request,
            title=f"{row} as JSON",
            verb="",
            form=ConfirmForm(),
            row=row,
            template="scoring/admin/feature_json.html",
            context={"document": _document(row), "row": row},
        )

    @page_action("Download JSON", permission="view", icon="download")
    def download_json(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = self.row_or_404(request, object_id)
        name = f"feature-set-{row.number}.json"
        return HttpResponse(
            _document(row),
            content_type="application/json; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    @page_action("Upload JSON", permission="copy", icon="upload")
    def upload_json(self, request: HttpRequest) -> HttpResponse:
        from scoring.services.features import import_feature_set

        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                draft = import_feature_set(
                    form.cleaned_data["file"], by=signed_in(request), as_of=timezone.now()
                )
            except FeatureSetError as error:
                refused(form, error)
            else:
                note_change(request, draft, f"{draft} was made from the file: read it, then activate it.")
                return HttpResponseRedirect(self._address(draft))
        return confirm_page(
            self,
            request,
            title="Upload a feature set",
            verb="Make a draft from this file",
            form=form,
            status=400 if form.errors else 200,
        )

    def _address(self, row: FeatureSet) -> str:
        return reverse("admin:scoring_featureset_change", args=(row.pk,))


def _document(row: FeatureSet) -> str:
    from scoring.services.features import export_feature_set

    return json.dumps(export_feature_set(row), indent=2, ensure_ascii=False)
