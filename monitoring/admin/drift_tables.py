"""The rows of a check as its pages show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString

from leadscoring.common.admin.words import NOTHING, badge, minus
from leadscoring.common.charts import TrendPoint, limit_bar, limit_trend, two_windows
from leadscoring.common.charts.svg import percent
from monitoring.contracts import RuleKind
from monitoring.models import DriftCheck
from monitoring.selectors.drift import own_limits, psi_history, rule_limits
from monitoring.selectors.profiles import NoReference, watched
from monitoring.stats.levels import Limits

TONES = {"critical": "bad", "warning": "warn", "quiet": "good", "unknown": "quiet"}
WORDS = {"critical": "critical", "warning": "warning", "quiet": "no drift", "unknown": "not enough data"}
LEVELS = tuple(WORDS.items())
DEFECTS = {
    "missing": "no value",
    "unseen": "a value training never saw",
    "unreadable": "cannot be read",
    "outside": "outside the allowed range",
}


def level_badge(level: str) -> SafeString:
    """A level in its colour."""
    return badge(WORDS.get(level, level), TONES.get(level, "quiet"))


def p_shown(p: float | None) -> str:
    """A p- or q-value."""
    if p is None:
        return NOTHING
    return "< .0001" if p < 1e-4 else f"{p:.4f}".lstrip("0") if p < 1 else "1"


def drift_rows(
    check: DriftCheck, own: Mapping[str, Limits]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of all leads, and rows of watched values, each as the table shows it."""
    usual = rule_limits(RuleKind.FEATURE_DRIFT)
    shown = [_row(check, row, own.get(row["feature"], usual)) for row in check.found]
    return [row for row in shown if not row["where"]], [row for row in shown if row["where"]]


def _row(check: DriftCheck, row: dict[str, Any], limits: Limits) -> dict[str, Any]:
    unknown = row["level"] == "unknown"
    address = reverse("admin:monitoring_driftcheck_feature", args=(check.pk,))
    ks = row["ks"]
    return {
        "label": row["label"],
        "where": f"{row['segment']['label']} = {row['segment']['value']}" if row["segment"] else "",
        "link": f"{address}?{urlencode({'name': row['feature']})}",
        "level": level_badge(row["level"]),
        "psi": NOTHING if row["psi"] is None else f"{row['psi']:.3f}",
        "bar": limit_bar(
            row["psi"], limits.warning, limits.critical, tone=TONES.get(row["level"], "quiet"), unit="PSI"
        ),
        "q": p_shown(row["q"]),
        "p": p_shown(row["p"]),
        "n": row["n"],
        "m": row["m"],
        "js": NOTHING if row["js"] is None else f"{row['js']:.3f}",
        "kl": NOTHING if row["kl"] is None else f"{row['kl']:.3f}",
        "chi2": NOTHING if row["chi2"] is None else f"{row['chi2']:.1f} (p {p_shown(row['chi2_p'])})",
        "ks": NOTHING if ks is None else f"{ks['gap']:.3f} ± {ks['error']:.3f} (p {p_shown(ks['p'])})",
        "shift": NOTHING if row["shift"] is None else minus(f"{row['shift']:+.2f} sd"),
        "moves": [
            f"{move['bin']}: {percent(move['before'], 0.001)} → {percent(move['now'], 0.001)}"
            for move in row["moves"]
        ],
        "importance": percent(row["importance"], 0.001),
        "mix": row["mix"] if row["mix"] != row["feature"] else "",
        "needs": _needs(row) if unknown else "",
    }


def _needs(row: dict[str, Any]) -> str:
    if row["needs"]:
        return f"n = {row['n']:,}, needs {row['needs']:,}"
    return str(row["problem"]) or f"the reference (n = {row['m']:,}) is too small"


def score_panel(check: DriftCheck) -> dict[str, Any]:
    """The probabilities: level, figures and both windows in bins of ten points."""
    score = check.summary["score"]
    before, now = (_tens(score[key]) for key in ("before", "now"))
    names = [f"{low} to {low + 10} %" for low in range(0, 100, 10)]
    return {
        "level": level_badge(score["level"]),
        "psi": NOTHING if score["psi"] is None else f"{score['psi']:.3f}",
        "p": p_shown(score["p"]),
        "q": p_shown(score["q"]),
        "needs": f"n = {check.n:,}, needs {score['needs']:,}"
        if score["level"] == "unknown" and score["needs"]
        else "",
        "chart": two_windows(names, before, now, noun="leads", labels=("reference", "these seven days")),
        "auc_before": check.summary["auc_before"],
        "auc_now": check.summary["auc_now"],
    }


def _tens(counts: list[int]) -> list[int]:
    return [sum(counts[start : start + 5]) for start in range(0, len(counts), 5)]


def grade_words(check: DriftCheck) -> list[tuple[str, int, str]]:
    """Grades given in the window: letter, count, share."""
    counts = check.summary["grades"]
    total = max(sum(counts), 1)
    return [(letter, n, percent(n / total, 0.001)) for letter, n in zip("ABCD", counts, strict=True)]


def quality_rows(check: DriftCheck) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Bad values and volumes of a look, worst first."""
    bad, volumes = [], []
    for row in check.found:
        where = f"{row['segment']['label']} = {row['segment']['value']}" if row["segment"] else ""
        common = {
            "label": row["label"],
            "where": where,
            "level": badge(
                {"quiet": "as usual"}.get(row["level"], row["level"]), TONES.get(row["level"], "quiet")
            ),
            "minutes": _span(row["minutes"]),
            "p": p_shown(row["p"]),
            "q": p_shown(row["q"]),
            "rank": list(TONES).index(row["level"]),
        }
        if row["what"] == "volume":
            volumes.append({
                **common, "came": row["came"], "expected": f"{row['expected']:.1f}",
                "usual": f"{row['low']:.0f} to {row['high']:.0f}", "weeks": row["weeks"],
            })  # fmt: skip
        else:
            bad.append({
                **common, "what": DEFECTS[row["what"]], "now": percent(row["now"], 0.001),
                "before": percent(row["before"], 0.001), "n": row["n"], "m": row["m"],
                "chart": _bad_share(row) if row["level"] != "quiet" else "",
            })  # fmt: skip
    return sorted(bad, key=lambda one: one["rank"]), sorted(volumes, key=lambda one: one["rank"])


def _bad_share(row: dict[str, Any]) -> SafeString:
    """What was to be expected beside what came."""
    before, now = (
        [round(share * n), n - round(share * n)]
        for share, n in ((row["before"], row["m"]), (row["now"], row["n"]))
    )
    names = (DEFECTS[row["what"]], "as it should be")
    labels = ("to be expected", f"the last {_span(row['minutes'])}")
    return two_windows(names, before, now, noun="leads", labels=labels)


def _span(minutes: int) -> str:
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"


def feature_page(check: DriftCheck, name: str) -> dict[str, Any] | None:
    """Everything about one feature of a check; None where it was not looked at."""
    rows = [row for row in check.found if row["feature"] == name]
    main = next((row for row in rows if row["segment"] is None), None)
    if main is None:
        return None
    limits = own_limits(check.version.feature_set_id).get(name, rule_limits(RuleKind.FEATURE_DRIFT))
    try:
        names = watched(check.version_id).reference.feature(name).bin_names
    except (NoReference, KeyError):
        names = tuple(f"bin {place + 1}" for place in range(len(main["before"])))
    history = psi_history(check.version_id, name, check.until)
    return {
        "label": main["label"],
        "row": _row(check, main, limits),
        "windows": two_windows(
            names, main["before"], main["now"], noun="leads", labels=("reference", "these seven days")
        ),
        "trend": limit_trend(
            [TrendPoint(at, psi, n) for at, psi, n in history],
            warning=limits.warning,
            critical=limits.critical,
            title=f"PSI of {main['label']} over the past weeks",
            unit="PSI",
            noun="leads",
            each="Each point is the check of one day over the seven days before it",
        ),
        "limits": limits,
        "segments": [_row(check, row, limits) for row in rows if row["segment"]],
    }
