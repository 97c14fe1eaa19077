"""What the OpenAPI description says about each call: words, shapes, examples, and how it may refuse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from scoring.api import examples, serializers
from scoring.api.problems import PROBLEM_TYPE

JSON = "application/json"
REFUSALS: dict[int, tuple[str, dict[str, Any]]] = {
    400: (
        (
            "The body is not JSON or holds what cannot be stored (NaN, numbers too large, NUL, half "
            "characters, a name twice, more than 32 levels), or the Idempotency-Key is not usable."
        ),
        examples.problem(
            "bad-json",
            "The body cannot be read as JSON",
            400,
            "/attributes/Budget is NaN; expected a number that JSON and 64 bits can hold, or null.",
        ),
    ),
    401: (
        "No API key, or one that is mistyped, unknown, revoked or expired.",
        examples.problem("not-authenticated", "A valid API key is needed", 401, "The API key was revoked."),
    ),
    403: (
        "The key does not carry the scope of this call.",
        examples.problem(
            "scope-missing",
            "The API key may not do this",
            403,
            "This call needs the scope score; the API key carries read.",
        ),
    ),
    404: (
        "No such lead in the key's source system.",
        examples.problem(
            "lead-not-found", "The lead is not known", 404, "No lead 'CRM-1' is known in 'crm'."
        ),
    ),
    409: (
        "A call with the same Idempotency-Key is being answered; ask again in a second.",
        examples.problem(
            "in-flight",
            "The same request is being answered",
            409,
            "A request with this Idempotency-Key is being answered; expected to be asked again after it is "
            "done.",
        ),
    ),
    413: (
        "The body is larger than this call takes.",
        examples.problem(
            "body-too-large",
            "The body is too large",
            413,
            "The body has 2097152 bytes; expected at most 1048576.",
        ),
    ),
    415: (
        "Not sent as application/json in UTF-8.",
        examples.problem(
            "media-type",
            "The body is not sent as JSON",
            415,
            'Content-Type is "text/plain"; expected application/json.',
        ),
    ),
    422: ("Readable JSON with a field that is not valid; each is named.", examples.NESTED),
    429: (
        "The key has used up its calls of this minute; Retry-After says when the next one is due.",
        examples.problem(
            "throttled",
            "Too many calls",
            429,
            "The API key allows 6000 calls a minute and they are used up; expected the next call in 12 s.",
        ),
    ),
    503: (
        (
            "No model is released yet, or the released one cannot be used (type `released-version-unusable`, with "
            "the reason): the lead is stored, and scored as soon as a model can be used. Or the database does not "
            "answer. Retry-After says when to ask again."
        ),
        examples.problem(
            "no-model-released",
            "No model is released",
            503,
            "No model is released yet; the lead is stored and will be scored when one is.",
        ),
    ),
}
COMMON = (401, 403, 429, 503)
POSTED = (400, 401, 403, 409, 413, 415, 422, 429, 503)

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Optional. 1 to 255 visible ASCII characters, in quotes or bare. The same key with the same "
    "body is "
    "answered with the same bytes for 72 hours and done once; with another body it is refused (422).",
)
EXTERNAL_ID = OpenApiParameter(
    "external_id",
    OpenApiTypes.STR,
    OpenApiParameter.PATH,
    description="The lead's id in the source system of the API key, percent-encoded. Where an id that ends "
    "in "
    "`/scores` or `/` could also mean a shorter one, the shorter one wins if there is such a lead.",
)


def _answers(answer: Any, words: str, example: Any, refusals: Sequence[int]) -> dict[Any, OpenApiResponse]:
    found: dict[Any, OpenApiResponse] = {
        (200, JSON): OpenApiResponse(
            answer, words, examples=[OpenApiExample(words.rstrip("."), value=example, response_only=True)]
        )
    }
    for status in refusals:
        description, document = REFUSALS[status]
        example_shown = OpenApiExample(document["title"], value=document, response_only=True)
        found[status, PROBLEM_TYPE] = OpenApiResponse(
            serializers.ProblemSerializer, description, examples=[example_shown]
        )
    return found


def _request(name: str, value: Any) -> OpenApiExample:
    return OpenApiExample(name, value=value, request_only=True)


unlisted = extend_schema(exclude=True)
score_lead = extend_schema(
    operation_id="score_lead",
    tags=["Scoring"],
    summary="Score one lead",
    description="Stores the lead under its external id, scores it with the released model, and answers with "
    "the "
    "score and its reasons. The same lead may be sent as often as something about it changes; each score is "
    "kept. "
    "Needs the scope `score`. Body at most 1 MiB.",
    parameters=[IDEMPOTENCY_KEY],
    request={JSON: serializers.LeadToScoreSerializer},
    responses=_answers(serializers.ScoreSerializer, "The score.", examples.SCORE, POSTED),
    examples=[_request("A lead", examples.LEAD)],
)
score_leads = extend_schema(
    operation_id="score_leads",
    tags=["Scoring"],
    summary="Score up to 500 leads",
    description="Each lead answers for itself, in the order sent: with a result, or with a problem while the "
    "others go "
    "on. The second lead with one external id is refused. More than 500 leads are refused as a whole. Needs "
    "the scope "
    "`score`. Body at most 4 MiB.",
    parameters=[IDEMPOTENCY_KEY],
    request={JSON: serializers.LeadsToScoreSerializer},
    responses=_answers(
        serializers.ScoresOfCallSerializer, "A result or a problem for each lead.", examples.SCORES, POSTED
    ),
    examples=[_request("Two leads with one wrong", examples.LEADS)],
)
outcomes = extend_schema(
    operation_id="outcomes",
    tags=["Outcomes"],
    summary="Report what became of leads",
    description="Converted or lost, when, and what it brought: for one lead, or for up to 500 as `outcomes`, "
    "each of "
    "which answers for itself. The same report again changes nothing; another one corrects the earlier one, "
    "which is "
    "kept. Needs the scope `outcomes`. Body at most 4 MiB.",
    parameters=[IDEMPOTENCY_KEY],
    request={JSON: serializers.OUTCOMES_REQUEST},
    responses=_answers(
        serializers.OUTCOMES_ANSWER, "What is recorded now.", examples.OUTCOME_RECORDED, (*POSTED, 404)
    ),
    examples=[_request("One outcome", examples.OUTCOME), _request("Several", examples.OUTCOMES)],
)
lead = extend_schema(
    operation_id="lead",
    tags=["Leads"],
    summary="A lead as it is known now",
    description="Its attributes, last score, outcome and override. The id of a merged lead answers with the lead that "
    "stands for it, and says so in `warnings`. Needs the scope `read`.",
    parameters=[EXTERNAL_ID],
    responses=_answers(serializers.LeadSerializer, "The lead.", examples.LEAD_NOW, (*COMMON, 404, 422)),
)
scores = extend_schema(
    operation_id="scores",
    tags=["Leads"],
    summary="A lead's score history",
    description="Newest first, with what caused each score; those of leads merged into this one are among them, "
    "each with the `external_id` it was made for. `next` is the address of the following page; rows that are added "
    "meanwhile neither repeat nor hide any. Needs the scope `read`.",
    parameters=[
        EXTERNAL_ID,
        OpenApiParameter(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
            description="Scores on a page.",
        ),
        OpenApiParameter("cursor", OpenApiTypes.STR, description="`next_cursor` of the page before."),
    ],
    responses=_answers(
        serializers.ScoreHistorySerializer, "One page.", examples.HISTORY, (*COMMON, 404, 422)
    ),
)
override = extend_schema(
    operation_id="override",
    tags=["Leads"],
    summary="Set another grade or score by hand",
    description="A rep's word against the machine's: a grade, a score or both, with a reason and an end. One that "
    "holds already ends as replaced; `end` ends it without another. The machine's score is kept, and scoring goes on. "
    "For the id of a merged lead, the lead that stands for it. Needs the scope `score`. Body at most 1 MiB.",
    parameters=[EXTERNAL_ID, IDEMPOTENCY_KEY],
    request={JSON: serializers.OverrideToSetSerializer},
    responses=_answers(
        serializers.OverriddenSerializer, "What holds now.", examples.OVERRIDDEN, (*POSTED, 404)
    ),
    examples=[_request("Grade A for a month", examples.OVERRIDE), _request("End it", examples.OVERRIDE_END)],
)
model_info = extend_schema(
    operation_id="model_info",
    tags=["Model"],
    summary="What serves, and how good it is",
    description="The open release, its version, the features with their importance, and the test metrics, "
    "each with "
    "its sample size and 95 % interval. Needs the scope `read`.",
    responses=_answers(serializers.ModelInfoSerializer, "What serves.", examples.MODEL_INFO, (*COMMON, 422)),
)
