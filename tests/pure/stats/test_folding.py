"""Predictions folded into profiles: every value read as the model read it."""

from __future__ import annotations

import json
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitoring.stats.folding import Folder, Scored
from monitoring.stats.profiles import LATENCY_EDGES, Layout, LayoutMismatch, Profile
from scoring.ml.reference import reference_profile
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, parse_frame, parse_row

SCHEMA = FeatureSchema(
    (
        FeatureSpec(
            "budget", "Budget", Kind.NUMBER, missing_tokens=("-1", "n/a"), minimum=0.0, maximum=1000.0
        ),
        FeatureSpec("source", "Source", Kind.CATEGORY, missing_tokens=("unknown",), segment=True),
        FeatureSpec("vip", "VIP", Kind.YES_NO),
        FeatureSpec("since", "Since", Kind.DATE),
        FeatureSpec("note", "Note", Kind.TEXT),
    )
)
RNG = np.random.default_rng(5)
LEADS = pd.DataFrame(
    {
        "budget": RNG.uniform(0, 900, 400).round(2),
        "source": RNG.choice(["Web", "Fair", "Mail"], 400),
        "vip": RNG.choice(["yes", "no"], 400),
        "since": RNG.choice(["2025-01-01", "2025-06-01"], 400),
        "note": RNG.choice(["short", "rather longer"], 400),
    }
)
REFERENCE = reference_profile(
    parse_frame(SCHEMA, LEADS), SCHEMA, RNG.uniform(0, 1, 400), RNG.integers(1, 100, 400)
)
LAYOUT = Layout.of(REFERENCE)


def scored(rows: list[Any]) -> Scored:
    n = len(rows)
    return Scored(
        [json.dumps(row) for row in rows],
        np.linspace(0, 1, n),
        np.arange(n) % 99 + 1,
        ["ABCD"[i % 4] for i in range(n)],
        np.linspace(0.05, 40.0, n),
    )


def folded(rows: list[Any]) -> Profile:
    return Folder(LAYOUT, SCHEMA).fold(scored(rows))["", 0]


def test_the_reference_leads_fold_into_the_reference() -> None:
    profile = folded(LEADS.to_dict("records"))
    for place, feature in enumerate(REFERENCE.features):
        assert profile.bins(place).tolist() == feature.counts.tolist(), feature.name
        window = profile.window(place)
        if feature.moments is not None:
            assert window.moments is not None
            assert int(window.moments.n) == int(feature.moments.n)
            assert float(window.moments.mean) == pytest.approx(float(feature.moments.mean), rel=1e-12)
            assert float(window.moments.m2) == pytest.approx(float(feature.moments.m2), rel=1e-9)
    assert profile.n == 400
    assert profile.part("outside").tolist() == [feature.outside for feature in REFERENCE.features]


RAW = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", " ", "n/a", "-1", "unknown", "Web", "Fäir", "1,200", "1e400", "yes", "2025-03-01", "\u0000"]
    ),
    st.text(max_size=8),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=1),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(SCHEMA.by_name, RAW)), min_size=1, max_size=6)
)
def test_any_json_value_is_counted_as_the_request_path_reads_it(rows: list[dict[str, Any]]) -> None:
    profile = folded(rows)
    for place, feature in enumerate(LAYOUT.features):
        spec = SCHEMA.by_name[feature.name]
        values, codes = [], {"unreadable": 0, "out_of_range": 0}
        for row in rows:
            parsed, remarks = parse_row(FeatureSchema((spec,)), json.loads(json.dumps(row)))
            values.append(parsed[spec.name])
            for remark in remarks:
                if remark.feature == spec.name and remark.code in codes:
                    codes[remark.code] += 1
        if spec.kind is Kind.CATEGORY:
            expected = feature.bins.count(np.array([*values, None], dtype=object)[:-1])
        else:
            numbers = [
                np.nan if v is None else float(len(v)) if isinstance(v, str) else float(v) for v in values
            ]
            expected = feature.bins.count(np.array(numbers))
        assert profile.bins(place).tolist() == expected.tolist(), feature.name
        assert profile.part("unreadable")[place] == codes["unreadable"], feature.name
        assert profile.part("outside")[place] == codes["out_of_range"], feature.name


def test_what_is_no_object_counts_as_a_lead_without_values() -> None:
    profile = folded([[], 3, "text", None])
    assert profile.n == 4
    assert [int(profile.bins(place)[-1]) for place in range(len(LAYOUT.features))] == [4] * 5


def test_each_value_of_a_watched_feature_gets_a_profile_and_they_sum_to_all() -> None:
    found = Folder(LAYOUT, SCHEMA).fold(scored(LEADS.to_dict("records")))
    parts = [profile for (feature, _), profile in found.items() if feature == "source"]
    total = reduce(Profile.merge, parts)
    assert total.n == found["", 0].n
    assert total.counts.tolist() == found["", 0].counts.tolist()
    np.testing.assert_allclose(total.moments.mean, found["", 0].moments.mean, rtol=1e-12)
    assert not total.sketches


def test_segments_of_the_reference_are_the_profiles_of_their_leads() -> None:
    found = Folder(LAYOUT, SCHEMA).fold(scored(LEADS.to_dict("records")))
    assert len(REFERENCE.segments) == 3
    for segment in REFERENCE.segments:
        mine = found[segment.feature, segment.bin]
        assert (mine.n, mine.counts[: LAYOUT.total_bins].tolist()) == (segment.n, segment.counts.tolist())


def test_a_profile_comes_back_from_its_bytes() -> None:
    profile = folded(LEADS.to_dict("records")[:50])
    again = Profile.from_bytes(
        LAYOUT, profile.n, profile.counts_bytes(), profile.moments_bytes(), profile.sketches_bytes()
    )
    assert again.counts.tolist() == profile.counts.tolist()
    assert again.moments_bytes() == profile.moments_bytes()
    assert again.sketches_bytes() == profile.sketches_bytes()
    assert again.sketches[0].quantile(0.5) == profile.sketches[0].quantile(0.5)


def test_bytes_of_another_layout_are_refused() -> None:
    profile = folded(LEADS.to_dict("records")[:5])
    other = Layout(LAYOUT.features[:2])
    with pytest.raises(LayoutMismatch):
        Profile.from_bytes(other, profile.n, profile.counts_bytes(), profile.moments_bytes())
    with pytest.raises(LayoutMismatch):
        profile.merge(Profile.empty(other))


def test_a_merge_with_nothing_changes_nothing() -> None:
    profile = folded(LEADS.to_dict("records")[:5])
    assert profile.merge(Profile.empty(LAYOUT)) is profile
    assert Profile.empty(LAYOUT).merge(profile) is profile


def test_a_memory_that_is_full_starts_anew_and_counts_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitoring.stats.folding.MOST_REMEMBERED", 3)
    folder = Folder(LAYOUT, SCHEMA)
    rows = LEADS.to_dict("records")
    total = reduce(Profile.merge, [folder.fold(scored(rows[at : at + 7]))["", 0] for at in range(0, 400, 7)])
    assert total.counts[: LAYOUT.total_bins].tolist() == folded(rows).counts[: LAYOUT.total_bins].tolist()


def test_every_answer_is_counted_once_by_its_latency() -> None:
    counts = folded(LEADS.to_dict("records")).part("latency")
    slow = np.linspace(0.05, 40.0, 400) > LATENCY_EDGES[20]
    assert int(counts.sum()) == 400
    assert int(counts[21:].sum()) == int(slow.sum())
