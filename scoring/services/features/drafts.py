"""From a sample of a file to a feature set: types guessed, columns audited, suspected leaks held out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from numpy.typing import NDArray

from scoring.contracts import FeatureSetError, FeatureSetState
from scoring.ml.phrases import count
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind
from scoring.models import FeatureSet
from scoring.services.features.sets import create_feature_set

if TYPE_CHECKING:
    import pandas as pd

    from scoring.ml.drafting import ColumnDraft
    from scoring.ml.leakage import ColumnAudit

SETTLE_TRIES = 5
DIFFERS = "a draft, because the file's columns differ from the active one's"


@dataclass(frozen=True, slots=True)
class Audited:
    """A draft with the audit's findings put in."""

    schema: FeatureSchema
    columns: Mapping[str, ColumnDraft]
    audits: Mapping[str, ColumnAudit]
    notes: tuple[str, ...]
    rows: int

    def held_out(self) -> list[dict[str, str]]:
        """What a person should look at: columns held out, with the reason; identifiers go without saying."""
        return [
            {"feature": spec.name, "label": spec.label, "reason": spec.exclusion_reason}
            for spec in self.schema.features
            if spec.excluded and spec.kind is not Kind.IDENTIFIER
        ]


@dataclass(frozen=True, slots=True)
class Settled:
    """Which feature set reads the file, and in words where it stands."""

    number: int
    words: str
    waits: bool = False
    """Whether somebody must activate it before it is used."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """What settling would come to: in words, and the set that is meant, if there is one. `waits` says that a draft
    is or would be there for somebody to activate."""

    words: str
    number: int | None = None
    waits: bool = False

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return asdict(self)


def draft_audited(
    frame: pd.DataFrame,
    converted: NDArray[np.bool_],
    *,
    created: NDArray[np.float64] | None,
    converted_at: NDArray[np.float64] | None,
    exclude: Collection[str] = (),
) -> Audited:
    """Draw up the features of raw columns (n rows of texts) and audit each against the outcomes (shape n).

    `created` and `converted_at` are days since 1970, NaN where not known.
    """
    from scoring.ml.drafting import draft_features
    from scoring.ml.leakage import audit

    draft = draft_features(frame, converted, created=created)
    audits = {
        found.name: found
        for found in audit(frame, draft.schema, converted, created=created, converted_at=converted_at)
    }
    specs = tuple(_judged(column.spec, audits.get(column.spec.name), exclude) for column in draft.columns)
    return Audited(
        schema=FeatureSchema(specs),
        columns={column.spec.name: column for column in draft.columns},
        audits=audits,
        notes=draft.notes,
        rows=len(frame),
    )


def _judged(spec: FeatureSpec, found: ColumnAudit | None, exclude: Collection[str]) -> FeatureSpec:
    if found is not None:
        spec = replace(spec, known_at=found.known_at, known_at_reason=found.reason)
        if found.held_out:
            spec = replace(spec, excluded=True, exclusion_reason=found.reason)
    if spec.name in exclude:
        spec = replace(spec, excluded=True, exclusion_reason="Left out on request at import.")
    return spec


def settle_feature_set(audited: Audited, *, by: User | None, as_of: datetime, name: str) -> Settled:
    """Activate the first draft; keep a later one as a draft where the file's columns differ from the active set.

    Of two first imports that end at once the first to commit activates its set, and the other one looks again.
    """
    for _ in range(SETTLE_TRIES):
        try:
            with transaction.atomic():
                return _settle(audited, by=by, as_of=as_of, name=name)
        except IntegrityError:
            # The other's set is committed and seen from here on.
            continue
    raise FeatureSetError("Other feature sets were activated at this moment; import the file again.")


def would_settle(audited: Audited) -> Prospect:
    """What `settle_feature_set` would come to now; writes nothing."""
    active = FeatureSet.objects.filter(state=FeatureSetState.ACTIVE).first()
    known = _known_set(audited, active)
    if known is not None:
        stays = f"stays as it is: {known.words.removeprefix('active; ')}."
        return Prospect(f"Feature set {known.number} {stays}", known.number, known.waits)
    if active is not None:
        words = f"Feature set {active.number} stays active; a draft is drawn up, because the file's columns differ."
        return Prospect(words, active.number, waits=True)
    if not audited.schema.trainable:
        return Prospect(
            "A feature set is drawn up as a draft: every column is held out, so it cannot be activated as it is.",
            waits=True,
        )
    held = count(len(audited.held_out()), "column")
    return Prospect(f"The first feature set is drawn up and activated, with {held} held out.")


def _known_set(audited: Audited, active: FeatureSet | None) -> Settled | None:
    """The set that reads this file already."""
    if active is not None and not audited.schema.features:
        return Settled(active.number, "active; the file tells outcomes only")
    if active is not None and _covered(active.schema(), audited.schema):
        return Settled(active.number, "active; the file has its columns")
    drafts = FeatureSet.objects.filter(state=FeatureSetState.DRAFT)
    same = next((draft for draft in drafts if _covered(draft.schema(), audited.schema)), None)
    return None if same is None else Settled(same.number, DIFFERS, waits=True)


def _settle(audited: Audited, *, by: User | None, as_of: datetime, name: str) -> Settled:
    active = FeatureSet.objects.filter(state=FeatureSetState.ACTIVE).first()
    known = _known_set(audited, active)
    if known is not None:
        return known
    created = create_feature_set(
        audited.schema,
        name=name,
        notes=list(audited.notes),
        audits={key: found.to_json() for key, found in audited.audits.items()},
        feature_notes={key: list(column.notes) for key, column in audited.columns.items()},
        rows_audited=audited.rows,
        by=by,
        as_of=as_of,
    )
    if active is not None:
        return Settled(created.number, DIFFERS, waits=True)
    if not audited.schema.trainable:
        return Settled(
            created.number,
            "a draft: every column is held out. Let in what is known in time, then activate it",
            waits=True,
        )
    # Nothing is retired here: where another set became active meanwhile, the constraint refuses this one.
    FeatureSet.objects.filter(pk=created.pk).update(
        state=FeatureSetState.ACTIVE,
        activated_at=as_of,
        activated_by=by,
        activation_reason="First import: activated as drawn up, suspected leaks held out.",
    )
    return Settled(created.number, "active")


def _covered(known: FeatureSchema, drafted: FeatureSchema) -> bool:
    """Whether a set reads this file already: it names all its columns, and trains on none the file lacks."""
    names = set(drafted.by_name)
    return names <= set(known.by_name) and {spec.name for spec in known.trainable} <= names
