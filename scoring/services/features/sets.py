"""Writing feature sets, and their form as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Max

from scoring.contracts import FeatureSetError, FeatureSetState
from scoring.ml.parsing import unstorable
from scoring.ml.schema import FeatureSchema, FeatureSpec, SchemaError
from scoring.models import Feature, FeatureSet

FORMAT = "leadscoring-feature-set"
WIDTHS = {
    field.name: field.max_length
    for field in Feature._meta.fields
    if field.max_length is not None and field.name in ("name", "label", "unit", "date_format")
}


def create_feature_set(
    schema: FeatureSchema,
    *,
    name: str,
    notes: Sequence[str] = (),
    audits: Mapping[str, dict[str, Any]] | None = None,
    feature_notes: Mapping[str, list[str]] | None = None,
    rows_audited: int = 0,
    by: User | None,
    as_of: datetime,
) -> FeatureSet:
    """Store a draft with the next number."""
    audits, feature_notes = audits or {}, feature_notes or {}
    with transaction.atomic():
        created = FeatureSet.objects.create(
            number=(FeatureSet.objects.aggregate(n=Max("number"))["n"] or 0) + 1,
            name=name[:255],
            notes=list(notes),
            rows_audited=rows_audited,
            created_at=as_of,
            created_by=by,
        )
        Feature.objects.bulk_create(
            [
                _row(created, position, spec, audits.get(spec.name, {}), feature_notes.get(spec.name, []))
                for position, spec in enumerate(schema.features)
            ]
        )
    return created


def _row(
    owner: FeatureSet, position: int, spec: FeatureSpec, audit: dict[str, Any], notes: list[str]
) -> Feature:
    return Feature(
        feature_set=owner,
        position=position,
        name=spec.name,
        label=spec.label,
        kind=spec.kind.value,
        unit=spec.unit,
        missing_tokens=list(spec.missing_tokens),
        minimum=spec.minimum,
        maximum=spec.maximum,
        known_at=spec.known_at.value,
        known_at_reason=spec.known_at_reason,
        excluded=spec.excluded,
        exclusion_reason=spec.exclusion_reason,
        sensitive=spec.sensitive,
        segment=spec.segment,
        decimal=spec.decimal,
        thousands=spec.thousands,
        date_format=spec.date_format,
        true_values=list(spec.true_values),
        false_values=list(spec.false_values),
        audit=audit,
        notes=notes,
    )


def activate_feature_set(feature_set_id: int, *, by: User | None, reason: str, as_of: datetime) -> FeatureSet:
    """Make a draft the one that imports and training use; the one before is retired.

    Raises:
        FeatureSetError: it is not a draft, holds every column out, or the reason is blank.
    """
    reason = reason.strip()
    if not reason:
        raise FeatureSetError("A reason is needed: it is what others read later.")
    found = FeatureSet.objects.filter(pk=feature_set_id).first()
    if found is None:
        raise FeatureSetError(f"There is no feature set with the key {feature_set_id}.")
    if not found.schema().trainable:
        raise FeatureSetError(f"{found} holds every column out; nothing would be left to learn from.")
    try:
        with transaction.atomic():
            FeatureSet.objects.filter(state=FeatureSetState.ACTIVE).exclude(pk=found.pk).update(
                state=FeatureSetState.RETIRED
            )
            # Conditional: two people activating at once, or an edit meanwhile, must not both succeed.
            done = FeatureSet.objects.filter(pk=found.pk, state=FeatureSetState.DRAFT).update(
                state=FeatureSetState.ACTIVE,
                activated_at=as_of,
                activated_by=by,
                activation_reason=reason,
            )
            if done != 1:
                raise FeatureSetError(
                    f"{found} is {found.state}; only a draft can be activated. Copy it to a new draft."
                )
    except IntegrityError as error:
        raise FeatureSetError("Another feature set was activated at this moment; look again.") from error
    found.refresh_from_db()
    return found


def copy_feature_set(feature_set_id: int, *, by: User | None, as_of: datetime) -> FeatureSet:
    """A new draft with the same features: the way to change a set that is in use."""
    source = FeatureSet.objects.filter(pk=feature_set_id).first()
    if source is None:
        raise FeatureSetError(f"There is no feature set with the key {feature_set_id}.")
    rows = list(source.features.all())
    return create_feature_set(
        source.schema(),
        name=source.name,
        notes=[f"Copied from feature set {source.number}.", *source.notes],
        audits={row.name: row.audit for row in rows},
        feature_notes={row.name: row.notes for row in rows},
        rows_audited=source.rows_audited,
        by=by,
        as_of=as_of,
    )


def export_feature_set(feature_set: FeatureSet) -> dict[str, Any]:
    """The set as JSON: everything a person may edit, and the audit beside it for reading."""
    return {
        "format": FORMAT,
        "number": feature_set.number,
        "name": feature_set.name,
        "state": feature_set.state,
        "notes": feature_set.notes,
        **feature_set.schema().to_json(),
        "audit": {row.name: row.audit for row in feature_set.features.all() if row.audit},
    }


def import_feature_set(payload: object, *, by: User | None, as_of: datetime) -> FeatureSet:
    """A new draft from JSON as `export_feature_set` writes it; number, state and audit are for reading only.

    Raises:
        FeatureSetError: naming the path, the value and what was expected.
    """
    if not isinstance(payload, dict):
        raise FeatureSetError("The file holds no JSON object; expected one with “name” and “features”.")
    known = {"format", "number", "name", "state", "notes", "features", "audit"}
    unknown = sorted(str(key) for key in set(payload) - known)
    if unknown:
        raise FeatureSetError(f"{unknown[0]!r}: unknown key; expected only {', '.join(sorted(known))}.")
    if payload.get("format", FORMAT) != FORMAT:
        raise FeatureSetError(f"format: got {payload['format']!r}; expected {FORMAT!r}.")
    name = payload.get("name", "")
    if not isinstance(name, str) or not name.strip():
        raise FeatureSetError(f"name: got {name!r}; expected a text.")
    try:
        schema = FeatureSchema.from_json({"features": payload.get("features")})
    except SchemaError as error:
        raise FeatureSetError(str(error)) from error
    audits = payload.get("audit", {})
    for key in ("name", "notes", "audit"):
        _check_storable(key, payload.get(key))
    _check_widths(schema)
    return create_feature_set(
        schema,
        name=name,
        notes=[str(note)[:500] for note in payload.get("notes", [])][:50]
        if isinstance(payload.get("notes", []), list)
        else [],
        audits={k: v for k, v in audits.items() if isinstance(v, dict)} if isinstance(audits, dict) else {},
        by=by,
        as_of=as_of,
    )


def _check_storable(key: str, value: object) -> None:
    """Raises FeatureSetError where a JSON column could not hold the value."""
    try:
        json.dumps(value, allow_nan=False)
        wrong = next((found for text in _texts(value) if (found := unstorable(text))), None)
    except RecursionError:
        raise FeatureSetError(
            f"{key}: nested too deeply; expected what `feature_set export` writes."
        ) from None
    except ValueError as error:
        raise FeatureSetError(f"{key}: {error}; expected finite numbers.") from None
    if wrong is not None:
        raise FeatureSetError(f"{key}: holds {wrong}; expected readable text.")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _check_widths(schema: FeatureSchema) -> None:
    """Raises FeatureSetError where a text is longer than its column: SQLite would not mind, PostgreSQL does."""
    for position, spec in enumerate(schema.features):
        for name, limit in WIDTHS.items():
            text = getattr(spec, name)
            if len(text) > limit:
                raise FeatureSetError(
                    f"features[{position}].{name}: got a text of {len(text):,} characters; "
                    f"expected at most {limit}."
                )
