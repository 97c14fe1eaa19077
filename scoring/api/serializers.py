"""The shapes of calls and answers, for OpenAPI. Reading and writing is done by `reading` and `answers`; tests
hold the two together."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from scoring.api.reading import AMOUNT, CURRENCY, EXTERNAL_ID, MAX_OWNER
from scoring.contracts import Cause, Grade, OutcomeKind, Role
from scoring.services.leads import MAX_ATTRIBUTES, MAX_ID, MAX_NAME, MAX_TEXT
from scoring.services.overrides import MAX_REASON

# Lists with a least and a greatest length, and objects that take no other names; the rest may grow.
BATCHES = {"LeadsToScore": "leads", "OutcomeReports": "outcomes"}
CLOSED = ("LeadToScore", "LeadsToScore", "OutcomeReport", "OutcomeReports", "OverrideToSet")

FLAT_VALUE: dict[str, Any] = {
    "oneOf": [
        {"type": "string", "maxLength": MAX_TEXT},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "null"},
    ]
}
ATTRIBUTES: dict[str, Any] = {
    "type": "object",
    "maxProperties": MAX_ATTRIBUTES,
    "propertyNames": {"minLength": 1, "maxLength": MAX_NAME},
    "additionalProperties": FLAT_VALUE,
    "description": "What is known about the lead, by the names of its feature set: text, a number, true or "
    "false, "
    "or null. Names that are left out keep their stored value; null clears it. Names that the feature set "
    "does not "
    "know are stored, and named in `warnings`.",
}
EXTERNAL_ID_SCHEMA: dict[str, Any] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_ID,
    "pattern": EXTERNAL_ID,
    "description": "The lead's id in the source system of the API key.",
}
REVENUE: dict[str, Any] = {
    "oneOf": [
        {"type": "string", "pattern": f"^{AMOUNT.pattern}$"},
        {"type": "number", "minimum": 0, "exclusiveMaximum": 1e14},
    ],
    "description": "What the lead brought, with at most two decimals; as text if it must be exact.",
}


@extend_schema_field(ATTRIBUTES)
class AttributesField(serializers.DictField):
    """Flat attributes."""


@extend_schema_field(EXTERNAL_ID_SCHEMA)
class ExternalIdField(serializers.CharField):
    """A lead's id at its source."""


@extend_schema_field(REVENUE)
class RevenueField(serializers.CharField):
    """Money as text or number."""


class LeadToScoreSerializer(serializers.Serializer[Any]):
    """One lead to store and score."""

    external_id = ExternalIdField()
    attributes = AttributesField()
    created_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="When the lead was created at its source; RFC 3339 with offset.",
    )
    owner = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=MAX_OWNER)
    stage = serializers.CharField(required=False, allow_null=True, allow_blank=True, max_length=MAX_OWNER)


class LeadsToScoreSerializer(serializers.Serializer[Any]):
    """Up to 500 leads."""

    leads = LeadToScoreSerializer(
        many=True,
        help_text="An item that cannot be read gets a problem of its own; the others go on.",
    )


class ReasonSerializer(serializers.Serializer[Any]):
    """What raised or lowered the chance, in words."""

    feature = serializers.CharField(help_text="The name of the attribute.")
    label = serializers.CharField()  # type: ignore[assignment]
    value = serializers.CharField(allow_blank=True)
    direction = serializers.ChoiceField(choices=["up", "down"])
    contribution = serializers.FloatField(help_text="Log-odds added by this feature; exact, not an estimate.")
    text = serializers.CharField(help_text="The sentence to show.")


class WarningSerializer(serializers.Serializer[Any]):
    """Something that did not stop the answer, mostly about one attribute."""

    feature = serializers.CharField(allow_blank=True)
    code = serializers.ChoiceField(
        choices=["missing", "unseen", "unreadable", "out_of_range", "unknown_field", "merged_into"],
        help_text="`merged_into`: the id sent is of a merged lead; `value` is the id of the lead that answers for it.",
    )
    value = serializers.CharField(allow_blank=True)
    message = serializers.CharField()


class ModelSerializer(serializers.Serializer[Any]):
    """Which version answered, in which role."""

    name = serializers.CharField()
    version = serializers.IntegerField()
    role = serializers.ChoiceField(choices=[role.value for role in Role])


class ScoreFields(serializers.Serializer[Any]):
    """Shared by a fresh score and one of the history."""

    prediction_id = serializers.UUIDField()
    probability = serializers.FloatField(min_value=0, max_value=1, help_text="Calibrated chance to convert.")
    score = serializers.IntegerField(
        min_value=1, max_value=99, help_text="Rank among the leads the model was judged on; 99 is the best."
    )
    grade = serializers.ChoiceField(choices=[grade.value for grade in Grade])
    reasons = ReasonSerializer(many=True)
    warnings = WarningSerializer(many=True)
    model = ModelSerializer()
    scored_at = serializers.DateTimeField()


class ScoreSerializer(ScoreFields):
    """A lead's score with its reasons."""

    external_id = serializers.CharField()


class PastScoreSerializer(ScoreFields):
    """One score of a lead's history."""

    external_id = serializers.CharField(
        help_text="The lead it was made for: the one of the answer, or one that was merged into it."
    )
    cause = serializers.ChoiceField(choices=[cause.value for cause in Cause], help_text="Why it was made.")


class FieldProblemSerializer(serializers.Serializer[Any]):
    """One wrong field."""

    pointer = serializers.CharField(
        allow_blank=True,
        help_text="A JSON Pointer into the body, or `header:<name>` or `query:<name>`.",
    )
    value = serializers.CharField(allow_blank=True, help_text="What was found, shortened.")
    expected = serializers.CharField(allow_blank=True)


class ProblemSerializer(serializers.Serializer[Any]):
    """A problem document (RFC 9457)."""

    type = serializers.CharField(help_text="`urn:leadscoring:problem:<code>`; the code never changes.")
    title = serializers.CharField()
    status = serializers.IntegerField(min_value=400, max_value=599)
    detail = serializers.CharField(help_text="What is wrong, where, and what was expected.")
    errors = FieldProblemSerializer(many=True, required=False)  # type: ignore[assignment]


class ItemScoreSerializer(serializers.Serializer[Any]):
    """The answer to one lead of a call: a result or a problem."""

    index = serializers.IntegerField(min_value=0)
    external_id = serializers.CharField(allow_null=True)
    result = ScoreSerializer(required=False)
    problem = ProblemSerializer(required=False)


class ScoresOfCallSerializer(serializers.Serializer[Any]):
    """The answers in the order sent."""

    scored = serializers.IntegerField(min_value=0)
    refused = serializers.IntegerField(min_value=0)
    results = ItemScoreSerializer(many=True)


class OutcomeReportSerializer(serializers.Serializer[Any]):
    """What became of one lead."""

    external_id = ExternalIdField()
    outcome = serializers.ChoiceField(choices=[kind.value for kind in OutcomeKind])
    occurred_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="RFC 3339 with offset; not in the future."
    )
    revenue = RevenueField(required=False, allow_null=True)
    currency = serializers.RegexField(
        f"^{CURRENCY.pattern}$", required=False, allow_null=True, help_text="ISO 4217, such as AED."
    )


class OutcomeReportsSerializer(serializers.Serializer[Any]):
    """Up to 500 outcomes."""

    outcomes = OutcomeReportSerializer(
        many=True,
        help_text="An item that cannot be read gets a problem of its own; the others go on.",
    )


class OutcomeRecordedSerializer(serializers.Serializer[Any]):
    """What is recorded now."""

    outcome_id = serializers.IntegerField()
    external_id = serializers.CharField()
    outcome = serializers.ChoiceField(choices=[kind.value for kind in OutcomeKind])
    changed = serializers.BooleanField(help_text="False when the same was known already.")
    warnings = WarningSerializer(many=True)


class ItemOutcomeSerializer(serializers.Serializer[Any]):
    """The answer to one outcome of a call: a result or a problem."""

    index = serializers.IntegerField(min_value=0)
    external_id = serializers.CharField(allow_null=True)
    result = OutcomeRecordedSerializer(required=False)
    problem = ProblemSerializer(required=False)


class OutcomesOfCallSerializer(serializers.Serializer[Any]):
    """The answers in the order sent."""

    recorded = serializers.IntegerField(min_value=0)
    refused = serializers.IntegerField(min_value=0)
    results = ItemOutcomeSerializer(many=True)


class VersionSerializer(serializers.Serializer[Any]):
    """A model version."""

    name = serializers.CharField()
    version = serializers.IntegerField()


class LeadOutcomeSerializer(serializers.Serializer[Any]):
    """A lead's outcome as last reported."""

    outcome = serializers.ChoiceField(choices=[kind.value for kind in OutcomeKind])
    occurred_at = serializers.DateTimeField(allow_null=True)
    revenue = serializers.CharField(allow_null=True)
    currency = serializers.CharField(allow_null=True)
    recorded_at = serializers.DateTimeField()


class OverrideToSetSerializer(serializers.Serializer[Any]):
    """A rep's word: a grade, a score, or both; or `end`."""

    grade = serializers.ChoiceField(
        choices=[grade.value for grade in Grade],
        required=False,
        allow_null=True,
        help_text="Left out where `score` is given: it has a grade of its own.",
    )
    score = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=99)
    reason = serializers.CharField(max_length=MAX_REASON, help_text="Why, for everyone who sees the lead.")
    expires_at = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Up to 366 days ahead; 30 days when left out."
    )
    by = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=MAX_OWNER, help_text="The rep's name."
    )
    end = serializers.BooleanField(
        required=False,
        allow_null=True,
        help_text="True: end the override that holds; then without a grade or score.",
    )


class MachineScoreSerializer(serializers.Serializer[Any]):
    """What the machine said when the override was set."""

    score = serializers.IntegerField(allow_null=True, min_value=1, max_value=99)
    grade = serializers.ChoiceField(choices=[grade.value for grade in Grade], allow_null=True)


class OverrideSerializer(serializers.Serializer[Any]):
    """An override that holds."""

    grade = serializers.ChoiceField(choices=[grade.value for grade in Grade])
    score = serializers.IntegerField(allow_null=True, min_value=1, max_value=99)
    reason = serializers.CharField()
    set_by = serializers.CharField()
    set_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    machine = MachineScoreSerializer()


class OverriddenSerializer(serializers.Serializer[Any]):
    """What holds for the lead now: the rep's word, and the machine's score beside it."""

    external_id = serializers.CharField()
    override = OverrideSerializer(allow_null=True)
    score = serializers.IntegerField(allow_null=True, min_value=1, max_value=99, help_text="The machine's.")
    grade = serializers.ChoiceField(
        choices=[grade.value for grade in Grade], allow_null=True, help_text="The machine's."
    )
    changed = serializers.BooleanField(help_text="False when there was nothing to end.")
    warnings = WarningSerializer(many=True)


class LeadSerializer(serializers.Serializer[Any]):
    """A lead as it is known now."""

    external_id = serializers.CharField()
    source_system = serializers.CharField()
    created_at = serializers.DateTimeField(allow_null=True)
    owner = serializers.CharField(allow_blank=True)
    stage = serializers.CharField(allow_blank=True)
    attributes = AttributesField()
    score = serializers.IntegerField(allow_null=True, min_value=1, max_value=99)
    grade = serializers.ChoiceField(choices=[grade.value for grade in Grade], allow_null=True)
    scored_at = serializers.DateTimeField(allow_null=True)
    model = VersionSerializer(allow_null=True)
    awaiting_score = serializers.BooleanField(
        help_text="Arrived while no model was released; scored when one comes."
    )
    outcome = LeadOutcomeSerializer(allow_null=True)
    override = OverrideSerializer(
        allow_null=True, help_text="What a rep set in place of score and grade, if it holds."
    )
    warnings = WarningSerializer(many=True)
    first_seen = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class ScoreHistorySerializer(serializers.Serializer[Any]):
    """One page of a lead's scores, newest first."""

    external_id = serializers.CharField()
    warnings = WarningSerializer(many=True)
    results = PastScoreSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    next = serializers.CharField(
        allow_null=True, help_text="The address of the next page; null on the last one."
    )


class ModelInfoSerializer(serializers.Serializer[Any]):
    """What serves, and how it was judged. `release` and `champion` are null while nothing serves."""

    release = serializers.DictField(allow_null=True, help_text="id, mode, since when, and the reason given.")
    champion = serializers.DictField(
        allow_null=True,
        help_text="name, version, training size and dates, features with label, kind, unit, known_at and "
        "importance, and metrics, each with value, low, high (95 %), n and method.",
    )
    grade_limits = serializers.DictField(
        child=serializers.IntegerField(), help_text="The least score of each grade."
    )


OUTCOMES_REQUEST = PolymorphicProxySerializer(
    component_name="OutcomesRequest",
    serializers=[OutcomeReportSerializer, OutcomeReportsSerializer],
    resource_type_field_name=None,
)
OUTCOMES_ANSWER = PolymorphicProxySerializer(
    component_name="OutcomesAnswer",
    serializers=[OutcomeRecordedSerializer, OutcomesOfCallSerializer],
    resource_type_field_name=None,
)
