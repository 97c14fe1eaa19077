"""A released model that needs no training, keys, and a client that speaks JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from django.test import Client

from scoring import loader
from scoring.api import throttling
from scoring.contracts import GradeLimits, NoModelReleased
from scoring.loader import CompiledVersion, Serving
from scoring.ml.compile import RowScore, RowScorer
from scoring.ml.schema import Kind, Value
from scoring.models import Feature, FeatureSet, ModelVersion, Release
from scoring.services import keys
from scoring.services.keys import IssuedKey

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FEATURES = (
    ("Lead Source", Kind.CATEGORY),
    ("Nationality", Kind.CATEGORY),
    ("Business Activity", Kind.CATEGORY),
    ("Visas wanted", Kind.NUMBER),
    ("Office wanted", Kind.YES_NO),
    ("Budget", Kind.NUMBER),
)


class PlainScorer:
    """A scorer worked out by hand: numbers count a tenth, known texts one, missing nothing."""

    def score_many(self, rows: Sequence[Mapping[str, Value]]) -> list[RowScore]:
        return [self.score(row) for row in rows]

    def score(self, values: Mapping[str, Value]) -> RowScore:
        parts = {name: self._part(values.get(name)) for name, _ in FEATURES}
        margin = -1.0 + sum(parts.values())
        probability = 1 / (1 + math.exp(-max(-30.0, min(30.0, margin))))
        unseen = tuple(name for name, value in values.items() if value == "never seen")
        score = max(1, min(99, round(probability * 100)))
        return RowScore(margin, probability, probability, -1.0, parts, unseen, score)

    @staticmethod
    def _part(value: Value) -> float:
        if value is None:
            return 0.0
        return 1.0 if isinstance(value, str) else max(-5.0, min(5.0, float(value) / 10))


@dataclass
class Answer:
    """A response, read."""

    status: int
    body: Any
    raw: bytes
    headers: Mapping[str, str]

    def problem(self, status: int, code: str) -> dict[str, Any]:
        """The problem document, checked for its form."""
        assert (self.status, self.headers["Content-Type"]) == (status, "application/problem+json"), self.raw[
            :500
        ]
        assert self.body["type"] == f"urn:leadscoring:problem:{code}", self.body
        assert self.body["status"] == status
        assert self.body["title"]
        assert self.body["detail"].endswith((".", "below."))
        for error in self.body.get("errors", []):
            assert set(error) == {"pointer", "value", "expected"}
        return cast("dict[str, Any]", self.body)

    def pointers(self) -> list[str]:
        return [error["pointer"] for error in self.body["errors"]]


class Api:
    """Calls the interface as one key holder."""

    def __init__(self, key: str | None) -> None:
        self.key = key
        self.client = Client(raise_request_exception=True)

    def call(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            named.setdefault("Authorization", f"Api-Key {self.key}")
        content_type = named.pop("Content-Type", "application/json")
        # Given twice, because Django's client leaves the type out when the body is empty.
        kind: dict[str, Any] = {"CONTENT_TYPE": content_type}
        response = self.client.generic(method, path, body, content_type=content_type, headers=named, **kind)
        raw = response.content
        is_json = "json" in response.headers.get("Content-Type", "")
        return Answer(
            response.status_code, json.loads(raw) if is_json and raw else None, raw, response.headers
        )

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", f"/api/v1/{path}", **headers)

    def post(self, path: str, payload: object, **headers: str) -> Answer:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.call("POST", f"/api/v1/{path}", body, **headers)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """No remembered keys, and a count of calls that no other test has added to."""
    keys.forget_keys()
    own = throttling.ProcessCounter()
    monkeypatch.setattr(throttling, "make_counter", lambda: own)


@pytest.fixture
def key(db: None) -> IssuedKey:
    return keys.create_key(
        name="CRM", scopes=["score", "outcomes", "read"], source_system="crm", as_of=NOW - timedelta(days=1)
    )


@pytest.fixture
def api(key: IssuedKey) -> Api:
    return Api(key.key)


@pytest.fixture
def unreleased(monkeypatch: pytest.MonkeyPatch) -> None:
    def serving() -> Serving:
        raise NoModelReleased(
            "No model version has been released yet. The lead is kept and scored as soon as one is."
        )

    monkeypatch.setattr(loader, "serving", serving)


@pytest.fixture
def release(db: None, monkeypatch: pytest.MonkeyPatch) -> Release:
    """Version 3 serves."""
    feature_set = FeatureSet.objects.create(number=1, name="test", state="active", created_at=NOW)
    for position, (name, kind) in enumerate(FEATURES):
        Feature.objects.create(
            feature_set=feature_set, position=position, name=name, label=name.capitalize(), kind=kind.value
        )
    version = ModelVersion.objects.create(
        number=3,
        feature_set=feature_set,
        estimator="logistic",
        artefact_digest="0" * 64,
        artefact_size=1,
        created_at=NOW,
        metrics={"roc_auc": {"value": 0.8, "low": 0.7, "high": 0.9, "n": 400, "method": "DeLong"}},
        importance=[{"feature": "Budget", "label": "Budget", "share": 0.5}],
    )
    opened = Release.objects.create(champion=version, opened_at=NOW, reason="First model")
    compiled = CompiledVersion(
        version_id=version.pk,
        number=version.number,
        name=version.name,
        schema=feature_set.schema(),
        scorer=cast("RowScorer", PlainScorer()),
        document={},
        max_difference=0.0,
        parity_rows=0,
        exact=True,
        unread=frozenset(),
    )
    serving = Serving(release_id=opened.pk, champion=compiled, limits=GradeLimits())
    monkeypatch.setattr(loader, "serving", lambda: serving)
    return opened


def lead(external_id: str = "L-1", **attributes: Any) -> dict[str, Any]:
    """A lead as it is sent."""
    return {"external_id": external_id, "attributes": attributes or {"Lead Source": "Website", "Budget": 20}}
