"""From a sample of a file to a feature set: types guessed, columns audited, suspected leaks held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
from django.contrib.auth.models import AbstractBaseUser
from numpy.typing import NDArray

from scoring.contracts import FeatureSetState
from scoring.ml.drafting import ColumnDraft, Draft, draft_features
from scoring.ml.leakage import ColumnAudit, audit
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, parse_column
from scoring.models import FeatureSet
from scoring.services.features.sets import activate_feature_set, create_feature_set
from scoring.services.imports.options import ImportOptions, ImportSummary
from scoring.services.imports.target import Target


@dataclass(frozen=True, slots=True)
class Audited:
    """A draft with the audit's findings put in, and how the mapped columns are written."""

    schema: FeatureSchema
    columns: Mapping[str, ColumnDraft]
    audits: Mapping[str, ColumnAudit]
    mapped: Mapping[str, FeatureSpec]
    notes: tuple[str, ...]
    rows: int


def draft_for_import(sample: pd.DataFrame, options: ImportOptions, target: Target) -> Audited:
    """Draw up the features of a file and audit each column against its outcomes.

    `sample` holds raw texts, one row a lead. Rows without an outcome say nothing about leaks and are left aside.
    """
    told = ~sample[options.converted].map(target.is_blank).to_numpy(dtype=np.bool_)
    frame = sample.loc[told].reset_index(drop=True)
    converted = frame[options.converted].map(target.is_converted).to_numpy(dtype=np.bool_)
    mapped = _mapped_specs(frame, options, converted)
    created = _days(frame, mapped.get(options.created_at or ""))
    converted_at = _days(frame, mapped.get(options.converted_at or ""))
    if converted_at is not None:
        converted_at = np.where(converted, converted_at, np.nan)
    features = frame[[name for name in frame.columns if name not in options.not_attributes()]]
    draft = draft_features(features, converted, created=created)
    audits = {
        found.name: found
        for found in audit(features, draft.schema, converted, created=created, converted_at=converted_at)
    }
    specs = tuple(_judged(column.spec, audits.get(column.spec.name), options) for column in draft.columns)
    return Audited(
        schema=FeatureSchema(specs),
        columns={column.spec.name: column for column in draft.columns},
        audits=audits,
        mapped=mapped,
        notes=draft.notes,
        rows=len(frame),
    )


def _mapped_specs(
    frame: pd.DataFrame, options: ImportOptions, converted: NDArray[np.bool_]
) -> dict[str, FeatureSpec]:
    """How dates and money of the mapped columns are written; the kind is what the option says it is."""
    kinds = {options.created_at: Kind.DATE, options.converted_at: Kind.DATE, options.revenue: Kind.NUMBER}
    names = [name for name in kinds if name is not None]
    drafted: Draft = draft_features(frame[names], converted)
    found = {spec.name: spec for spec in drafted.schema.features}
    return {
        name: replace(found[name], excluded=False)
        if found[name].kind is kinds[name]
        else FeatureSpec(name=name, label=name, kind=kinds[name])
        for name in names
    }


def _days(frame: pd.DataFrame, spec: FeatureSpec | None) -> NDArray[np.float64] | None:
    return None if spec is None else parse_column(spec, frame[spec.name]).astype(np.float64)


def _judged(spec: FeatureSpec, found: ColumnAudit | None, options: ImportOptions) -> FeatureSpec:
    if found is not None:
        spec = replace(spec, known_at=found.known_at, known_at_reason=found.reason)
        if found.held_out:
            spec = replace(spec, excluded=True, exclusion_reason=found.reason)
    if spec.name in options.exclude:
        spec = replace(spec, excluded=True, exclusion_reason="Left out on request at import.")
    return spec


def settle_feature_set(
    audited: Audited, summary: ImportSummary, *, by: AbstractBaseUser | None, as_of: datetime, name: str
) -> None:
    """Activate the first draft; keep a later one as a draft where the file's columns differ from the active set.

    Fills the summary. A dry run stores nothing.
    """
    summary.notes.extend(audited.notes)
    summary.held_out = [
        {"feature": spec.name, "label": spec.label, "reason": spec.exclusion_reason}
        for spec in audited.schema.features
        if spec.excluded and spec.kind is not Kind.IDENTIFIER
    ]
    if summary.dry_run:
        return
    active = FeatureSet.objects.filter(state=FeatureSetState.ACTIVE).first()
    if active is not None and _covered(active.schema(), audited.schema):
        summary.feature_set, summary.feature_set_state = active.number, "active; the file has its columns"
        return
    drafts = FeatureSet.objects.filter(state=FeatureSetState.DRAFT)
    same = next((draft for draft in drafts if _covered(draft.schema(), audited.schema)), None)
    if same is not None:
        summary.feature_set, summary.feature_set_state = same.number, _activate_words(same.number)
        return
    created = create_feature_set(
        audited.schema,
        name=name,
        notes=list(audited.notes),
        audits={key: found.to_json() for key, found in audited.audits.items()},
        feature_notes={key: _column_notes(column) for key, column in audited.columns.items()},
        rows_audited=audited.rows,
        by=by,
        as_of=as_of,
    )
    summary.feature_set = created.number
    if active is None:
        activate_feature_set(
            created.pk,
            by=by,
            reason="First import: activated as drawn up, suspected leaks held out.",
            as_of=as_of,
        )
        summary.feature_set_state = "active"
    else:
        summary.feature_set_state = _activate_words(created.number)


def _activate_words(number: int) -> str:
    return (
        "a draft, because the file's columns differ from the active one's. "
        f"To use it: manage.py feature_set activate {number} --reason TEXT"
    )


def _covered(known: FeatureSchema, drafted: FeatureSchema) -> bool:
    """Whether a set reads this file already: it names all its columns, and trains on none the file lacks."""
    names = set(drafted.by_name)
    return names <= set(known.by_name) and {spec.name for spec in known.trainable} <= names


def _column_notes(column: ColumnDraft) -> list[str]:
    counted = [f"“{m.token}” read as missing: {m.count:,} rows ({m.reason})" for m in column.missing]
    return [*column.notes, *counted]
