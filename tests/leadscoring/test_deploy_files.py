"""The files for Prometheus and Grafana name what is really exported, and their expressions hold together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from leadscoring import metrics
from leadscoring.metrics import PredictionTotals
from leadscoring.metrics_of_calls import CallTotals
from monitoring.services.operations import check
from scoring.models import Outcome
from tests.factories.operations import a_tally
from tests.factories.rows import NOW, a_lead, a_prediction, a_release, an_outcome

DEPLOY = Path(settings.BASE_DIR) / "deploy"
FUNCTIONS = {
    "sum", "max", "rate", "increase", "histogram_quantile", "scalar", "time", "label_values",
}  # fmt: skip
WORDS = {"by", "and", "or", "without", "le", "unless"}
TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")|(?P<range>\[[^\]]*\])|(?P<number>\d+(?:\.\d+)?)
        |(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)|(?P<sign>==|!=|=~|!~|>=|<=|[-+*/<>=(){},])
    )""",
    re.VERBOSE,
)
OPENS, CLOSES = {"(": ")", "{": "}"}, {")", "}"}


def tokens(expression: str) -> list[tuple[str, str]]:
    """Kind and text of each token. Raises ValueError for what is no PromQL."""
    found, at = [], 0
    expression = expression.strip()
    while at < len(expression):
        match = TOKEN.match(expression, at)
        if match is None:
            raise ValueError(f"at {expression[at : at + 20]!r}")
        found.append((str(match.lastgroup), match.group().strip()))
        at = match.end()
    return found


def check_structure(expression: str) -> None:
    """Raises ValueError where brackets, operands or ranges do not fit."""
    stack: list[str] = []
    wants_operand = True
    for kind, text in tokens(expression):
        if kind == "range":
            if not re.fullmatch(r"\[(\d+[smhdw]|\$__rate_interval)\]", text) or wants_operand:
                raise ValueError(f"range {text}")
        elif text in OPENS:
            stack.append(OPENS[text])
            wants_operand = True
        elif text in CLOSES:
            if not stack or stack.pop() != text:
                raise ValueError(f"bracket {text}")
            wants_operand = False
        elif kind == "sign" or text in WORDS - {"le"}:
            if wants_operand and text not in {"-", "by"} and "}" not in stack:
                raise ValueError(f"operator {text}")
            wants_operand = True
        else:
            wants_operand = False
    if stack or wants_operand:
        raise ValueError("it ends too early")


def selectors(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric named, with the labels it is chosen by."""
    for name, labels in re.findall(r"\b(leadscoring_[a-z0-9_]+)(?:\{([^}]*)\})?", expression):
        yield name, set(re.findall(r"([a-z_]+)\s*(?:=~|!~|!=|=)", labels))


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((DEPLOY / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return list(json.loads((DEPLOY / "grafana" / "leadscoring.json").read_text(encoding="utf-8"))["panels"])


EXPRESSIONS = [rule["expr"] for rule in rules()] + [
    target["expr"] for panel in panels() for target in panel["targets"]
]


@pytest.fixture
def exported(client: Client, monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """Sample names of `/metrics` with rows in every table, and the labels of each."""
    monkeypatch.setattr(metrics, "prediction_totals", PredictionTotals())
    monkeypatch.setattr(metrics, "call_totals", CallTotals())
    lead, release = a_lead(), a_release()
    a_prediction(lead, release)
    an_outcome(lead)
    assert Outcome.objects.exists()
    a_tally(NOW)
    check(as_of=timezone.now())
    text = client.get("/metrics").content.decode()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("expression", sorted(set(EXPRESSIONS)))
def test_every_metric_and_label_named_is_exported(expression: str, exported: dict[str, set[str]]) -> None:
    for name, labels in selectors(expression):
        assert name in exported, name
        assert labels <= exported[name], name
    for names in re.findall(r"\bby \(([^)]*)\)", expression):
        offered = set().union(*(exported[name] for name, _ in selectors(expression)))
        assert {name.strip() for name in names.split(",")} <= offered


@pytest.mark.django_db
def test_the_readme_lists_what_is_exported(exported: dict[str, set[str]]) -> None:
    text = (DEPLOY / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(leadscoring_[a-z_]+)`", text))
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in exported}
    own = {name for name in families if not name.startswith("leadscoring_web_")}
    assert named == own


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_expressions_hold_together(expression: str) -> None:
    check_structure(expression)
    for name in re.findall(r"([a-z_]+)\s*\(", expression):
        assert name in FUNCTIONS | WORDS, name


@pytest.mark.parametrize(
    "wrong", ["sum(x", "sum(x))", "x > ", "rate(x[5])", "[5m]", 'x{a="b"', "/ 2", "x ? 3", "(x}"]
)
def test_the_checker_refuses_what_is_no_expression(wrong: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check_structure(wrong)


def test_rules_say_how_bad_and_in_words() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    for rule in rules():
        assert rule["labels"]["severity"] in {"info", "warning", "critical"}
        assert rule["annotations"]["summary"]
        assert re.fullmatch(r"\d+[smh]", rule["for"])


def test_the_example_reads_the_rules_beside_it() -> None:
    document = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    for name in document["rule_files"]:
        assert (DEPLOY / "prometheus" / name).is_file()
    assert document["scrape_configs"][0]["metrics_path"] == "/metrics"


def test_panels_do_not_overlap_and_each_has_a_unit() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["description"]
