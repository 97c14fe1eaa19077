"""Feature sets in the admin: drafts are edited and activated, others are read and copied."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from scoring.contracts import FeatureSetState
from scoring.models import Feature, FeatureSet
from tests.factories.rows import counts, features_of
from tests.scoring.admin.conftest import Core

pytestmark = pytest.mark.django_db

UPLOAD = "/admin/scoring/featureset/upload-json/"


def edit_path(feature_set: FeatureSet) -> str:
    return f"/admin/scoring/featureset/{feature_set.pk}/edit-features/"


def as_form(client: Client, feature_set: FeatureSet, **changes: Any) -> dict[str, Any]:
    """What a browser would send back, with `changes` by column and field."""
    formset = client.get(edit_path(feature_set)).context["formset"]
    data: dict[str, Any] = {f"form-{key}": value for key, value in formset.management_form.initial.items()}
    for form in formset.forms:
        for bound in (*form.visible_fields(), *form.hidden_fields()):
            value = changes.get(form.instance.name, {}).get(bound.name, bound.value())
            if value not in (None, False):
                data[bound.html_name] = value
    return data


def test_it_saves_what_a_person_edits(core: Core, admin_client: Client) -> None:
    data = as_form(
        admin_client,
        core.draft,
        pages={"label": "Pages seen", "missing_tokens": "-, unknown ,-1", "minimum": "0", "unit": ""},
        budget={"excluded": False, "known_at": "contact", "known_at_reason": "asked in the first call"},
    )
    answer = admin_client.post(edit_path(core.draft), data)
    assert answer.status_code == 302
    features = features_of(core.draft)
    pages, budget = features["pages"], features["budget"]
    assert (pages.label, pages.missing_tokens, pages.minimum, pages.unit) == (
        "Pages seen",
        ["-", "unknown", "-1"],
        0.0,
        "",
    )
    assert (budget.excluded, budget.known_at, budget.known_at_reason) == (
        False,
        "contact",
        "asked in the first call",
    )
    assert features["source"].missing_tokens == ["unknown"]


def test_it_keeps_everything_when_nothing_is_edited(core: Core, admin_client: Client) -> None:
    before = list(core.draft.features.values())
    admin_client.post(edit_path(core.draft), as_form(admin_client, core.draft))
    assert list(core.draft.features.values()) == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"budget": {"excluded": False, "known_at_reason": ""}}, "write why it may train"),
        ({"pages": {"excluded": "on"}}, "Write why this column is held out"),
        ({"pages": {"minimum": "9", "maximum": "1"}}, "expected minimum ≤ maximum"),
        ({"pages": {"decimal": ",", "thousands": ","}}, "also the decimal mark"),
        ({"pages": {"kind": "money"}}, "Select a valid choice"),
        ({"pages": {"minimum": "inf"}}, "Enter a number"),
        ({"pages": {"date_format": "sometimes"}}, "expected iso, dmy, mdy"),
        ({"pages": {"label": ""}}, "This field is required"),
        ({"budget": {"true_values": "yes", "false_values": "Yes"}}, "also a true value"),
        ({"pages": {"missing_tokens": "a\x00b"}}, "Null characters"),
    ],
)
def test_it_refuses_and_saves_nothing(
    changes: dict[str, dict[str, Any]], words: str, core: Core, admin_client: Client
) -> None:
    before = list(core.draft.features.values())
    data = as_form(admin_client, core.draft, **changes)
    data["form-0-label"] = "would be saved"
    answer = admin_client.post(edit_path(core.draft), data)
    assert answer.status_code == 400
    assert words in answer.content.decode().replace("&#x27;", "'")
    assert list(core.draft.features.values()) == before


def test_it_edits_no_other_set_through_the_ids_of_a_form(core: Core, admin_client: Client) -> None:
    data = as_form(admin_client, core.draft, pages={"label": "changed"})
    foreign = core.active.features.get(name="pages")
    for key, value in list(data.items()):
        if key.endswith("-id") and int(value) == core.draft.features.get(name="pages").pk:
            data[key] = foreign.pk
    assert admin_client.post(edit_path(core.draft), data).status_code == 400
    assert Feature.objects.get(pk=foreign.pk).label == "Pages visited"


def test_it_leaves_an_active_set_as_it_is(core: Core, admin_client: Client) -> None:
    before = counts(), list(core.active.features.values())
    answer = admin_client.post(edit_path(core.active), {"form-TOTAL_FORMS": "0", "form-INITIAL_FORMS": "0"})
    assert answer.status_code == 302
    rename = admin_client.post(f"/admin/scoring/featureset/{core.active.pk}/change/", {"name": "other"})
    assert rename.status_code == 403
    assert (counts(), list(core.active.features.values())) == before


def test_it_names_columns_that_a_person_puts_back_against_the_audit(core: Core, admin_client: Client) -> None:
    core.draft.features.filter(name="budget").update(excluded=False, known_at_reason="asked first")
    page = admin_client.get(f"/admin/scoring/featureset/{core.draft.pk}/activate/").content.decode()
    assert "The audit held these columns out" in page
    assert "held out: yes → no" in page


def test_it_activates_with_a_reason_only(core: Core, admin_client: Client) -> None:
    path = f"/admin/scoring/featureset/{core.draft.pk}/activate/"
    assert admin_client.post(path, {"reason": " "}).status_code == 400
    assert FeatureSet.objects.get(pk=core.draft.pk).state == FeatureSetState.DRAFT
    assert admin_client.post(path, {"reason": "read it all"}).status_code == 302
    states = dict(FeatureSet.objects.values_list("pk", "state"))
    assert states == {core.draft.pk: "active", core.active.pk: "retired"}


def test_it_says_kindly_that_a_set_is_active_already(core: Core, admin_client: Client) -> None:
    answer = admin_client.post(f"/admin/scoring/featureset/{core.active.pk}/activate/", {"reason": "again"})
    assert answer.status_code == 400
    assert "only a draft can be activated" in answer.content.decode()


def test_it_gives_and_takes_json(core: Core, admin_client: Client) -> None:
    answer = admin_client.get(f"/admin/scoring/featureset/{core.active.pk}/download-json/")
    assert (
        answer.headers["Content-Disposition"]
        == f'attachment; filename="feature-set-{core.active.number}.json"'
    )
    document = json.loads(answer.content)
    document["features"][0]["label"] = "Where from"
    file = SimpleUploadedFile("set.json", json.dumps(document).encode())
    assert admin_client.post(UPLOAD, {"file": file}).status_code == 302
    made = FeatureSet.objects.order_by("-number")[0]
    assert (made.state, made.features.all()[0].label) == ("draft", "Where from")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "not JSON"),
        (b"[]", "no JSON object"),
        (b"\xff\xfe{", "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b'{"name": "x", "features": [{"name": "a"}]}', "features[0].kind"),
        (b'{"name": "x", "features": [{"name": "a", "kind": "money"}]}', "expected one of"),
        (b'{"name": "x", "surprise": 1, "features": []}', "unknown key"),
        (b"", "empty"),
    ],
)
def test_it_says_what_is_wrong_with_an_uploaded_file(
    content: bytes, words: str, core: Core, admin_client: Client
) -> None:
    before = counts()
    answer = admin_client.post(UPLOAD, {"file": SimpleUploadedFile("set.json", content)})
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert counts() == before
