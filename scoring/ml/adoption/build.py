"""From the file of another tool to a model document, and its judgement on leads of one's own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scoring.ml.adoption.catboost_json import convert_catboost
from scoring.ml.adoption.columns import Converted
from scoring.ml.adoption.lightgbm_text import convert_lightgbm
from scoring.ml.adoption.linear import as_sum
from scoring.ml.adoption.mlmodel import FLAVOUR_WORDS, Flavour, ForeignModel
from scoring.ml.adoption.pipelines import columns_of_frame, pipeline_json, serve
from scoring.ml.adoption.probing import check_answers, reference_lead
from scoring.ml.adoption.refusal import AdoptionError
from scoring.ml.adoption.signature import fit
from scoring.ml.calibration import Calibrator, fit_calibrator
from scoring.ml.compile import (
    PARITY_TOLERANCE,
    ParityReport,
    compile_document,
    parity,
    raw_probabilities,
    reference_probabilities,
)
from scoring.ml.document import FORMAT, FORMAT_VERSION, DocumentError, dump_document, load_document
from scoring.ml.encoding import Encoder
from scoring.ml.finish import parsed_rows, profile
from scoring.ml.importance import Importance, global_importance
from scoring.ml.intervals import Estimate
from scoring.ml.judging import cross_calibrated
from scoring.ml.metrics import CalibrationBin, GainPoint, calibration_curve, evaluate, gain_curve
from scoring.ml.pipeline_scorer import log_odds
from scoring.ml.results import TrainingData
from scoring.ml.samples import draw_sample
from scoring.ml.schema import FeatureSchema, Value

Floats = NDArray[np.float64]
FOLDS = 5
SAMPLE_ROWS, PIPELINE_SAMPLE_ROWS = 200, 60
IMPORTANCE_ROWS, PIPELINE_IMPORTANCE_ROWS = 1000, 200
FLATTERY = (
    "Judged on leads of this installation. The model was made elsewhere and may have learned from these very leads; "
    "if it did, the numbers flatter it."
)


@dataclass(frozen=True, slots=True)
class Adopted:
    """One adopted model and its evidence, in the forms a trained version has.

    `rows` are some parsed leads, for measuring how long one takes.
    """

    document: dict[str, Any]
    metrics: Mapping[str, Estimate]
    left_out: Mapping[str, str]
    calibration_curve: tuple[CalibrationBin, ...]
    gain_curve: tuple[GainPoint, ...]
    importance: tuple[Importance, ...]
    reference: dict[str, Any]
    parity: ParityReport
    notes: tuple[str, ...]
    rows: list[dict[str, Value]] = field(repr=False)

    @property
    def kind(self) -> str:
        """The kind of estimator the document holds."""
        return str(self.document["estimator"]["kind"])


def adopt(
    model: ForeignModel,
    data: bytes,
    schema: FeatureSchema,
    leads: TrainingData,
    *,
    recalibrate: bool,
    seed: int = 0,
    progress: Callable[[str, float], None] = lambda message, share: None,
) -> Adopted:
    """Check, convert and judge one model on parsed ripe leads with outcomes.

    Raises AdoptionError with every reason found when the model cannot be adopted; nothing of it was run then but
    scikit-learn's own prediction functions.
    """
    compared = fit(model.signature, schema)
    if not compared.ok:
        raise AdoptionError(*compared.reasons)
    frame, y = leads.frame.reset_index(drop=True), leads.target.astype(np.bool_)
    progress("Reading the model file", 0.2)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        converted = _convert(model, data, schema, frame)
        progress("Scoring ripe leads", 0.4)
        document = _document(schema, converted, y)
        raw = _scored(document, frame)
        calibrator = _calibrator(y, raw, recalibrate, seed)
        judged = cross_calibrated(y, log_odds(raw), FOLDS, seed) if recalibrate else calibrator.apply(raw)
        progress("Judging on ripe leads", 0.6)
        document = _finished(document, schema, frame, calibrator, calibrator.apply(raw), seed)
        scorer = compile_document(document)
        report = parity(document, scorer)
        progress("Explaining", 0.8)
        rows = parsed_rows(
            schema,
            frame,
            rows=PIPELINE_IMPORTANCE_ROWS if scorer.kind == "pipeline" else IMPORTANCE_ROWS,
            seed=seed,
        )
        importance = global_importance(scorer, rows)
        evaluation = evaluate(y, judged, seed=seed)
        found = profile(schema, frame, document, calibrator.apply(raw))
    return Adopted(
        document=document,
        metrics=evaluation,
        left_out=evaluation.left_out,
        calibration_curve=calibration_curve(y, judged),
        gain_curve=gain_curve(y, judged),
        importance=importance,
        reference=found,
        parity=report,
        notes=(
            FLATTERY,
            *compared.notes,
            *converted.notes,
            *_remarks(model, scorer.kind, report, calibrator, recalibrate, evaluation, told),
        ),
        rows=rows[:PIPELINE_IMPORTANCE_ROWS],
    )


def _convert(model: ForeignModel, data: bytes, schema: FeatureSchema, frame: pd.DataFrame) -> Converted:
    inputs = model.signature.inputs
    if model.flavour is Flavour.LIGHTGBM:
        return convert_lightgbm(data, inputs)
    if model.flavour is Flavour.CATBOOST:
        levels = {
            item.name: sorted({value for value in frame[item.name].tolist() if value is not None})
            for item in inputs
            if item.given.value == "text"
        }
        return convert_catboost(data, inputs, levels)
    pipeline = serve(data, inputs)
    reference = reference_lead(inputs, frame)
    check_answers(pipeline, schema.by_name, reference)
    try:
        native = as_sum(pipeline, schema.by_name, frame)
    except Exception as error:  # noqa: BLE001  # the measuring asks more of a pipeline than serving does
        native, why = None, f" ({type(error).__name__})"
    else:
        why = ""
    if native is not None:
        answers = pipeline.probabilities(columns_of_frame(inputs, frame), len(frame))
        distance = float(np.abs(_scored(_document(schema, native, None), frame) - answers).max(initial=0.0))
        if distance <= PARITY_TOLERANCE:
            note = (
                "The pipeline is a sum of one part for each column, so it is scored as such and explained exactly; "
                f"largest difference from the pipeline on {len(frame):,} leads: {distance:.1e}."
            )
            return replace(native, notes=(*native.notes, note))
        why = f" (the difference was {distance:.1e})"
    note = (
        f"This pipeline could not be turned into columns and weights{why}: scikit-learn's own pipeline serves, which "
        "takes longer. Its reasons are not exact: each lead is walked from a usual lead to its own values in one order "
        "and in the reverse of it, and a reason is the mean of its two steps. They add up to the difference in "
        "log-odds from the usual lead."
    )
    return Converted(Encoder((), ()), pipeline_json(data, pipeline, reference), (note,))


def _document(schema: FeatureSchema, converted: Converted, y: NDArray[np.bool_] | None) -> dict[str, Any]:
    leads, conversions = (len(y), int(y.sum())) if y is not None else (1, 0)
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "schema": schema.to_json(),
        "encoder": converted.encoder.to_json(),
        "estimator": converted.estimator,
        "calibrator": Calibrator("identity", reason="The chances are the model's own.").to_json(),
        "score_quantiles": [0.5] * 99,
        "baseline": {"leads": leads, "conversions": conversions, "rate": conversions / leads},
        "sample": [],
    }


def _scored(document: dict[str, Any], frame: pd.DataFrame) -> Floats:
    """Raw chances of all leads, through the same checks a server makes. Raises AdoptionError."""
    try:
        raw = raw_probabilities(load_document(dump_document(document)), frame)
    except (DocumentError, ValueError) as error:
        if isinstance(error, AdoptionError):
            raise
        raise AdoptionError(f"The model cannot be used: {error}.") from None
    if not bool(np.isfinite(raw).all()):
        raise AdoptionError("The model gives leads a chance that is no number.")
    return raw


def _calibrator(y: NDArray[np.bool_], raw: Floats, recalibrate: bool, seed: int) -> Calibrator:
    if not recalibrate:
        return Calibrator("identity", reason="The chances are the model's own.")
    return fit_calibrator(y, raw, seed=seed)


def _finished(
    document: dict[str, Any],
    schema: FeatureSchema,
    frame: pd.DataFrame,
    calibrator: Calibrator,
    probabilities: Floats,
    seed: int,
) -> dict[str, Any]:
    """The document with its calibrator, the percentiles of one's own leads, and the sample compared at each load."""
    cuts = np.quantile(probabilities, np.arange(1, 100) / 100.0)
    document = {
        **document,
        "calibrator": calibrator.to_json(),
        "score_quantiles": np.maximum.accumulate(cuts).tolist(),
    }
    few = document["estimator"]["kind"] == "pipeline"
    rows = draw_sample(schema.trainable, frame, rows=PIPELINE_SAMPLE_ROWS if few else SAMPLE_ROWS, seed=seed)
    raw = pd.DataFrame(
        {spec.name: pd.Series([row[spec.name] for row in rows], dtype=object) for spec in schema.trainable}
    )
    known = reference_probabilities(document, raw)
    document["sample"] = [
        {"attributes": row, "probability": float(p)} for row, p in zip(rows, known, strict=True)
    ]
    try:
        return load_document(dump_document(document))
    except (DocumentError, ValueError) as error:
        raise AdoptionError(f"The model cannot be used: {error}.") from None


def _remarks(
    model: ForeignModel,
    kind: str,
    report: ParityReport,
    calibrator: Calibrator,
    recalibrate: bool,
    metrics: Mapping[str, Estimate],
    told: list[warnings.WarningMessage],
) -> list[str]:
    notes = []
    if recalibrate:
        notes.append(f"Its chances were recalibrated on the ripe leads: {calibrator.reason}.")
    else:
        slope, level = metrics.get("calibration_slope"), metrics.get("calibration_intercept")
        off = [
            e for e, right in ((slope, 1.0), (level, 0.0)) if e is not None and not e.low <= right <= e.high
        ]
        if off:
            notes.append(
                "Its chances do not match what became of the leads (see calibration). The order of leads is not "
                "touched by that; adopt it again with recalibration if the chances themselves are used."
            )
    versions = sorted(
        {str(one.message)[:300] for one in told if "InconsistentVersion" in one.category.__name__}
    )
    if versions:
        notes.append(
            f"It was made with scikit-learn {model.tool_version or 'of another version'}; this program has another one."
        )
    if not report.ok:
        notes.append(
            f"The row scorer differs from the reference pipeline by {report.max_difference:.2g} on the sample: the "
            "pipeline will serve instead."
        )
    if kind != "pipeline":
        words = FLAVOUR_WORDS[model.flavour]
        notes.append(f"Read from {words} and scored by this program's own row scorer, with exact reasons.")
    return notes
