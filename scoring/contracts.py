"""Names and values that cross a room: states, roles, causes, and the answers of services.

Frozen and free of Django rows, so that views, tasks, commands and other apps can hold them safely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from scoring.ml.reasons import Reason

UNKNOWN_SOURCE = "file"
MAX_BATCH = 500
MAX_REASONS = 5


class OutcomeKind(StrEnum):
    """What became of a lead."""

    CONVERTED = "converted"
    LOST = "lost"


class Role(StrEnum):
    """The part a model version played when it scored."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    SHADOW = "shadow"


class Cause(StrEnum):
    """Why a prediction was made."""

    API = "api"
    IMPORT = "import"
    RELEASE = "release"
    RESCORE = "rescore"
    WAITING = "waiting"


class EventKind(StrEnum):
    """What may happen to a lead besides being scored and having an outcome."""

    STAGE = "stage"
    OWNER = "owner"
    ATTRIBUTES = "attributes"
    OVERRIDDEN = "overridden"
    OVERRIDE_ENDED = "override_ended"
    MERGED = "merged"
    MERGE_UNDONE = "merge_undone"


class OverrideEnd(StrEnum):
    """How a rep's override ended."""

    BY_HAND = "by_hand"
    EXPIRED = "expired"
    REPLACED = "replaced"
    MERGED = "merged"


class IdentityKind(StrEnum):
    """By what a person is known across systems."""

    EMAIL = "email"
    PHONE = "phone"


class ProposalState(StrEnum):
    """Open → confirmed, dismissed, or outdated when the leads no longer share anything."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    OUTDATED = "outdated"


class FeatureSetState(StrEnum):
    """Draft → active → retired. One feature set is active at a time."""

    DRAFT = "draft"
    ACTIVE = "active"
    RETIRED = "retired"


class VersionState(StrEnum):
    """Whether a version may serve."""

    READY = "ready"
    UNUSABLE = "unusable"


class VersionOrigin(StrEnum):
    """Whether this program trained a version or adopted it from another tool."""

    TRAINED = "trained"
    ADOPTED = "adopted"


class ReleaseMode(StrEnum):
    """How traffic is shared."""

    CHAMPION = "champion"
    CANARY = "canary"
    AB = "ab"


class GradeMode(StrEnum):
    """How the grade limits came about: set one by one, or following from target shares."""

    LIMITS = "limits"
    SHARES = "shares"


class Grade(StrEnum):
    """A (call first) to D."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


@dataclass(frozen=True, slots=True)
class GradeLimits:
    """The least score (1-99) of grades A, B and C; everything below C is D."""

    a: int = 75
    b: int = 50
    c: int = 25

    def grade(self, score: int) -> Grade:
        """The grade of a score.

        >>> GradeLimits().grade(75), GradeLimits().grade(74), GradeLimits().grade(1)
        (<Grade.A: 'A'>, <Grade.B: 'B'>, <Grade.D: 'D'>)
        """
        if score >= self.a:
            return Grade.A
        if score >= self.b:
            return Grade.B
        return Grade.C if score >= self.c else Grade.D


@dataclass(frozen=True, slots=True)
class LeadInput:
    """One lead as a caller sends it; attributes are flat: text, number, yes/no or null."""

    external_id: str
    attributes: Mapping[str, object]
    created_at: datetime | None = None
    owner: str | None = None
    stage: str | None = None


@dataclass(frozen=True, slots=True)
class ScoredLead:
    """The answer to one scored lead."""

    prediction_id: UUID
    external_id: str
    probability: float
    score: int
    grade: Grade
    reasons: tuple[Reason, ...]
    warnings: tuple[Mapping[str, str], ...]
    model_name: str
    model_version: int
    role: Role
    scored_at: datetime


@dataclass(frozen=True, slots=True)
class OutcomeInput:
    """What became of a lead, as a caller reports it."""

    external_id: str
    kind: OutcomeKind
    occurred_at: datetime | None = None
    revenue: str | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class OverrideInput:
    """What a rep says a lead is worth: a grade, a score, or both; `expires_at` None means the usual time."""

    grade: Grade | None
    score: int | None
    reason: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one item of a batch was not done; the others were."""

    code: str
    detail: str
    errors: tuple[Mapping[str, object], ...] = field(default=())


class ScoringError(Exception):
    """Something the core refuses or cannot do; `detail` is a sentence for the caller."""

    code = "scoring-error"

    def __init__(self, detail: str, *, errors: tuple[Mapping[str, object], ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors


class NoModelReleased(ScoringError):
    """No version serves. The lead is stored and scored when one comes; call again later."""

    code = "no-model-released"
    retry_after_s = 30


class ReleasedVersionUnusable(NoModelReleased):
    """A version is released, its file cannot be used, and none served before. The lead is stored all the same."""

    code = "released-version-unusable"


class LeadNotFound(ScoringError):
    """No lead with this id in this source system."""

    code = "lead-not-found"


class LeadRefused(ScoringError):
    """The lead as sent cannot be read; `errors` name field, value and what was expected."""

    code = "lead-refused"


class OverrideRefused(ScoringError):
    """The override as sent makes no sense; `errors` name field, value and what was expected."""

    code = "override-refused"


class MergeRefused(ScoringError):
    """The leads cannot be merged, or the merge not undone, as things are now; the sentence says why."""

    code = "merge-refused"


class ReleaseConflict(ScoringError):
    """Another release was opened meanwhile; look again and decide again."""

    code = "release-conflict"


class VersionUnusable(ScoringError):
    """The version's file is missing, altered or not a model document. `detail` is for those who run the program;
    `why` says it to callers, without names of files or machines."""

    code = "version-unusable"

    def __init__(self, number: int, words: str, *, why: str) -> None:
        super().__init__(f"Version {number}: {words}")
        self.number = number
        self.why = why


class FeatureSetError(ScoringError):
    """A feature set cannot be used, edited or activated as asked."""

    code = "feature-set-error"


class TrainingRefused(ScoringError):
    """There is nothing a model could be trained on; the sentence says what is missing."""

    code = "training-refused"


class AdoptionRefused(ScoringError):
    """A model of another tool cannot be adopted; `reasons` are all that were found."""

    code = "adoption-refused"

    def __init__(self, *reasons: str) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


class ImportRefused(ScoringError):
    """The file as a whole cannot be imported; nothing was written."""

    code = "import-refused"
