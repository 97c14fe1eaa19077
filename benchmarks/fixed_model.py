"""A model of a fixed kind and size, learned from the leads in the database and put into service.

    DATABASE_URL=… python -m benchmarks.fixed_model boosting|logistic

The way of `train_model` without its search: the same leads, encoding (pairs of features included) and
document, but the rung and its settings are given, so that measurements do not depend on what a search found.
Calibrated on the rows it learned from: good enough to be timed, not to be judged.
"""

from __future__ import annotations

import json
import os
import sys

SETTINGS: dict[str, float | int] = {
    "learning_rate": 0.05,
    "num_leaves": 31,
    "max_depth": 8,
    "min_data_in_leaf": 20,
    "penalty": 10.0,
}
TREES = 100
MAX_PAIRS = 24


def serve(kind: str) -> dict[str, object]:
    """Fit, keep, register and release; what was made."""
    from django.db.models import Max
    from django.utils import timezone

    from scoring import store
    from scoring.ml.document import dump_document
    from scoring.ml.finish import build_document
    from scoring.ml.fitting import Recipe, fit_recipe
    from scoring.ml.results import TrainingConfig
    from scoring.models import ModelVersion
    from scoring.selectors.versions import open_release
    from scoring.services.releases import activate_version
    from scoring.services.training.data import collect
    from scoring.services.training.run import active_feature_set

    now = timezone.now()
    feature_set = active_feature_set()
    learned = collect(feature_set, as_of=now)
    schema, frame, target = feature_set.schema(), learned.data.frame, learned.data.target
    recipe = Recipe(MAX_PAIRS, 0).choosing(kind, SETTINGS, TREES)
    model = fit_recipe(schema.trainable, frame, target, recipe, lambda: None)
    document = build_document(schema, frame, target, model, model.margins(frame), TrainingConfig())[0]
    data = dump_document(document)
    version = ModelVersion.objects.create(
        number=(ModelVersion.objects.aggregate(n=Max("number"))["n"] or 0) + 1,
        feature_set=feature_set,
        estimator=kind,
        metrics={},
        report={},
        importance=[],
        reference_profile={},
        training_rows=learned.rows,
        training_conversions=learned.conversions,
        data_fingerprint=learned.fingerprint,
        code_revision="benchmark",
        artefact_digest=store.put(data),
        artefact_size=len(data),
        created_at=now,
    )
    current = open_release()
    activate_version(
        version.pk,
        expected_open_release_id=current.pk if current else None,
        by=None,
        reason="Benchmark.",
        as_of=now,
    )
    text = document["estimator"].get("model", "")
    return {
        "features": len(schema.trainable),
        "columns": len(document["encoder"]["columns"]),
        "trees": text.count("\nTree=") + text.startswith("Tree="),
        "leaves": sum(
            int(line.partition("=")[2]) for line in text.split("\n") if line.startswith("num_leaves=")
        ),
    }


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leadscoring.settings")
    django.setup()
    print(json.dumps(serve(sys.argv[1])))


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in ("boosting", "logistic"):
        raise SystemExit(__doc__)
    main()
