"""Names and values that cross a room: what a check measures, how a rule judges it, and the words of an alert."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AlertLevel(StrEnum):
    """How much an alert asks of people, least first."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 to 2, so that levels can be compared."""
        return list(AlertLevel).index(self)


class AlertState(StrEnum):
    """Open; held: closed by a person while the condition lasts, so that it must not open again by itself; closed."""

    OPEN = "open"
    HELD = "held"
    CLOSED = "closed"


class HappenedKind(StrEnum):
    """A line in the history of an alert."""

    ONSET = "onset"
    WORSE = "got worse"
    BETTER = "got better"
    UPDATED = "updated"
    ACKNOWLEDGED = "acknowledged"
    OWNER = "owner"
    SNOOZED = "snoozed"
    SNOOZE_ENDED = "snooze ended"
    CLEARED = "cleared"
    CLOSED = "closed"
    GONE = "condition gone"


class MessageKind(StrEnum):
    """What a message to a channel does."""

    TRIGGER = "trigger"
    UPDATE = "update"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    TEST = "test"


class MonitoringRefused(Exception):
    """Something a person asked for that is not to be had; `detail` is a sentence for them."""

    def __init__(self, detail: str, *, errors: tuple[Mapping[str, object], ...] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors


class RuleKind(StrEnum):
    """What a rule looks at. Each reading is of one kind; higher is always worse."""

    FEATURE_DRIFT = "feature_drift"
    SCORE_DRIFT = "score_drift"
    SLOW_CHANGE = "slow_change"
    MISSING = "missing_values"
    UNSEEN = "unseen_values"
    OUT_OF_RANGE = "out_of_range"
    UNREADABLE = "unreadable_values"
    VOLUME = "volume"
    RANKING = "ranking"
    ESTIMATED_RANKING = "estimated_ranking"
    CALIBRATION = "calibration"
    GRADE_ORDER = "grade_order"
    FAIRNESS = "fairness"
    LATENCY = "latency"
    ERRORS = "errors"
    QUEUE_LAG = "queue_lag"
    FAILED_WORK = "failed_work"
    MODEL_AGE = "model_age"
    NO_MODEL = "no_model"
    BLIND = "blind"
    DEAD_CHANNEL = "dead_channel"


@dataclass(frozen=True, slots=True)
class RuleDefault:
    """A rule as it is made once: its name, the unit of its value, from which value on it warns or is critical (None:
    never), and what the value is, in words."""

    kind: RuleKind
    name: str
    unit: str
    warning: float | None
    critical: float | None
    meaning: str


RULES: tuple[RuleDefault, ...] = (
    RuleDefault(
        RuleKind.FEATURE_DRIFT,
        "A feature drifted",
        "PSI",
        0.25,
        0.5,
        "PSI of the last seven days against the reference of the version",
    ),
    RuleDefault(
        RuleKind.SCORE_DRIFT,
        "The scores drifted",
        "PSI",
        0.25,
        0.5,
        "PSI of the probabilities of the last seven days against the reference",
    ),
    RuleDefault(
        RuleKind.SLOW_CHANGE,
        "A feature changes slowly",
        "standard deviations",
        0.3,
        None,
        "change of level over the past weeks, in standard deviations of the reference",
    ),
    RuleDefault(
        RuleKind.MISSING,
        "Values are missing",
        "share of leads",
        0.05,
        0.25,
        "rise of the share of leads without a value",
    ),
    RuleDefault(
        RuleKind.UNSEEN,
        "Unknown categories arrive",
        "share of leads",
        0.05,
        0.25,
        "rise of the share of leads with a category that training never saw",
    ),
    RuleDefault(
        RuleKind.OUT_OF_RANGE,
        "Values out of range",
        "share of leads",
        0.05,
        0.25,
        "rise of the share of values outside the allowed range",
    ),
    RuleDefault(
        RuleKind.UNREADABLE,
        "Values cannot be read",
        "share of leads",
        0.05,
        0.25,
        "rise of the share of values that are not of the feature's type",
    ),
    RuleDefault(
        RuleKind.VOLUME,
        "Leads stopped coming",
        "share of leads",
        0.5,
        0.9,
        "share of the expected leads that did not come",
    ),
    RuleDefault(
        RuleKind.RANKING,
        "The model ranks worse",
        "AUC",
        0.03,
        0.06,
        "loss of ROC-AUC on ripe leads against the version's test",
    ),
    RuleDefault(
        RuleKind.ESTIMATED_RANKING,
        "The model probably ranks worse",
        "AUC",
        0.03,
        None,
        "estimated loss of ROC-AUC, before outcomes are known",
    ),
    RuleDefault(
        RuleKind.CALIBRATION,
        "Probabilities are off",
        "relative",
        0.2,
        0.5,
        "how far conversions lie from what was promised, as a share of it",
    ),
    RuleDefault(
        RuleKind.GRADE_ORDER,
        "A grade converts more than a better one",
        "points",
        0.02,
        0.05,
        "by how much the worse grade converts more, in shares of its leads",
    ),
    RuleDefault(
        RuleKind.FAIRNESS,
        "A group is graded A too rarely",
        "ratio below 1",
        0.2,
        None,
        "one minus the ratio of the shares of grade A against the best group",
    ),
    RuleDefault(
        RuleKind.LATENCY,
        "Answers are slow",
        "ms",
        200.0,
        1000.0,
        "95th percentile of the time of an answer over five minutes",
    ),
    RuleDefault(
        RuleKind.ERRORS,
        "Calls fail",
        "share of calls",
        0.01,
        0.05,
        "share of calls answered with a server error over fifteen minutes",
    ),
    RuleDefault(
        RuleKind.QUEUE_LAG, "Work waits", "s", 300.0, 1800.0, "how long the oldest due work has waited"
    ),
    RuleDefault(
        RuleKind.FAILED_WORK, "Work failed", "rows", 1.0, 10.0, "work that failed within the last day"
    ),
    RuleDefault(
        RuleKind.MODEL_AGE,
        "The model is old",
        "days",
        120.0,
        None,
        "days since the serving version was trained",
    ),
    RuleDefault(
        RuleKind.NO_MODEL, "Leads wait for a model", "leads", 1.0, 100.0, "leads stored without a score"
    ),
    RuleDefault(
        RuleKind.BLIND,
        "Monitoring is behind",
        "h",
        1.0,
        6.0,
        "hours since predictions were last folded into profiles, while there are newer ones",
    ),
    RuleDefault(
        RuleKind.DEAD_CHANNEL,
        "Alerts do not arrive",
        "deliveries",
        3.0,
        10.0,
        "deliveries in a row that failed through one channel",
    ),
)


@dataclass(frozen=True, slots=True)
class Story:
    """What an alert says, in the order it says it. Plain text, no markup; `link` is a path within the admin.

    title: one line that leads with the consequence. what: what changed, with figures and units. sure: how sure that
    is (n, p, interval). consequence: what it does to the business. next_step: what to do.
    """

    title: str
    what: str
    sure: str
    consequence: str
    next_step: str
    link: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing measured at one moment, as a rule judges it.

    subject: a stable key, unchanged from check to check ("feature=budget", "source=Website", "all"): with the kind it
    is the fingerprint of an alert.
    value: in the rule's unit, higher is worse; None when there was too little data to say: an open alert then stays.
    sure: the highest level that the evidence at this sample size carries; None: nothing more than chance.
    limits: own limits (warning, critical) of this subject, which go before the rule's.
    cause: readings of one check with the same cause make one alert; empty: each its own.
    weight: how much it matters; the heaviest of a group speaks for it.
    """

    kind: RuleKind
    subject: str
    value: float | None
    n: int
    sure: AlertLevel | None
    story: Story
    p: float | None = None
    limits: tuple[float | None, float | None] | None = None
    cause: str = ""
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Looked:
    """What one check looked at: the kinds it speaks for, and its readings. An open alert of these kinds whose subject
    is not among the readings has lost its subject, and clears."""

    at: datetime
    kinds: frozenset[RuleKind]
    readings: tuple[Reading, ...]
