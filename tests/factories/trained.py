"""A small model that is really trained, once per process, and what is needed to serve it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from scoring import store
from scoring.ml.document import dump_document
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, parse_frame
from scoring.ml.training import TrainingConfig, TrainingData, TrainingResult, train
from scoring.models import FeatureSet, ModelVersion, Release
from tests.factories.files import lead_rows
from tests.factories.rows import a_feature_set, a_release, a_version

SPECS = (
    FeatureSpec(name="Source", label="Source", kind=Kind.CATEGORY, missing_tokens=("Select",)),
    FeatureSpec(name="Pages", label="Pages visited", kind=Kind.NUMBER, minimum=0.0, maximum=1000.0),
    FeatureSpec(name="Budget known", label="Budget known", kind=Kind.YES_NO),
    FeatureSpec(name="Country", label="Country", kind=Kind.CATEGORY),
    FeatureSpec(
        name="Contract", label="Contract", kind=Kind.YES_NO, excluded=True, exclusion_reason="a leak"
    ),
)
GOOD = {"Source": "referral", "Pages": "11", "Budget known": "yes", "Country": "AE"}
POOR = {"Source": "mail", "Pages": "0", "Budget known": "no", "Country": "AE"}
FEW_LEADS = 240


@cache
def tiny_result(seed: int = 1) -> TrainingResult:
    """A logistic model of a few hundred leads and how it was judged; another seed is another model."""
    rows = lead_rows(FEW_LEADS, seed=seed)
    schema = FeatureSchema(SPECS)
    raw = pd.DataFrame(rows, dtype=object).assign(Contract=None)
    data = TrainingData(
        frame=parse_frame(schema, raw),
        target=np.array([row["Converted"] == "1" for row in rows]),
        order=np.arange(len(rows), dtype=np.float64),
        order_kind="file",
    )
    return train(schema, data, TrainingConfig(trials=1, timeout_s=5.0, threads=1))


@cache
def tiny_document(seed: int = 1) -> bytes:
    """The bytes of that model."""
    return dump_document(tiny_result(seed).document)


def a_stored_version(*, seed: int = 1, feature_set: FeatureSet | None = None) -> ModelVersion:
    """A version whose file lies in this test's place."""
    document, result = tiny_document(seed), tiny_result(seed)
    report = result.to_json()
    return a_version(
        estimator=result.chosen.kind,
        metrics=report.pop("metrics"),
        importance=report.pop("importance"),
        report=report,
        reference_profile=result.reference,
        training_rows=FEW_LEADS,
        feature_set=feature_set or FeatureSet.objects.order_by("-number").first() or a_feature_set(SPECS),
        artefact_digest=store.put(document),
        artefact_size=len(document),
    )


def a_served_release(*, seed: int = 1) -> Release:
    """An open release of a version that can serve."""
    return a_release(a_stored_version(seed=seed))
