"""Whether enough is known about a lead, by what the model leans on."""

from __future__ import annotations

from scoring.ml.sufficiency import judge_sufficiency

IMPORTANCE = [
    {"feature": "a", "label": "A", "share": 0.5},
    {"feature": "b", "label": "B", "share": 0.3},
    {"feature": "c", "label": "C", "share": 0.2},
    {"feature": "d", "label": "D", "share": 0.0},
]


def missing(*names: str, code: str = "missing") -> list[dict[str, object]]:
    return [{"feature": name, "code": code} for name in names]


def test_half_of_what_the_model_leans_on_is_too_much_to_miss() -> None:
    verdict = judge_sufficiency(IMPORTANCE, missing("a"))
    assert (verdict.enough, verdict.missing_share, verdict.would_help) == (False, 0.5, ("A",))
    assert judge_sufficiency(IMPORTANCE, missing("b")).enough
    assert judge_sufficiency(IMPORTANCE, missing("d", "e")).missing_share == 0


def test_less_is_too_much_where_a_usual_lead_lacks_little() -> None:
    assert judge_sufficiency(IMPORTANCE, missing("b"), usually_missing={"b": 0.9, "c": 0.5}).enough
    assert judge_sufficiency(IMPORTANCE, missing("b"), usually_missing={"b": 0.2}).enough is False


def test_what_would_tell_most_comes_first() -> None:
    verdict = judge_sufficiency(
        IMPORTANCE, [*missing("c"), *missing("b", code="unreadable"), *missing("a", code="unseen")]
    )
    assert [(lack.label, lack.code) for lack in verdict.lacking] == [
        ("A", "unseen"),
        ("B", "unreadable"),
        ("C", "missing"),
    ]
    assert verdict.would_help == ("A", "B")


def test_other_remarks_do_not_count() -> None:
    assert judge_sufficiency(IMPORTANCE, missing("a", code="out_of_range")).missing_share == 0
    assert judge_sufficiency(IMPORTANCE, missing("", code="merged_into")).enough


def test_a_model_that_leans_on_nothing_gets_no_verdict() -> None:
    for importance in ([], [{"feature": "a", "label": "A", "share": 0}], [{"feature": "a", "share": "x"}]):
        assert judge_sufficiency(importance, missing("a")).enough is None
