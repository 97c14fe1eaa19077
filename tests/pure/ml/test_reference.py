"""The reference profile: bins, extra bins, counts that add up, and later windows counted in the same bins."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.ml.feature_bins import MOST_RARE, FeatureBins, bins_of_categories, bins_of_numbers
from scoring.ml.reference import ProfileError, ReferenceProfile, reference_profile
from scoring.ml.schema import FeatureSchema, FeatureSpec, Kind, parse_frame

SCHEMA = FeatureSchema(
    (
        FeatureSpec("pages", "Pages visited", Kind.NUMBER, unit="pages"),
        FeatureSpec("city", "City", Kind.CATEGORY),
        FeatureSpec("news", "Newsletter", Kind.YES_NO),
        FeatureSpec("founded", "Founded", Kind.DATE, date_format="iso"),
        FeatureSpec("note", "Note", Kind.TEXT),
        FeatureSpec("id", "Lead", Kind.IDENTIFIER),
    )
)


def _frame(n: int = 2000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    raw = pd.DataFrame(
        {
            "pages": rng.poisson(3, n).astype(str),
            "city": rng.choice(["Dubai", "Sharjah", "Ajman"], n, p=[0.7, 0.298, 0.002]),
            "news": np.where(rng.random(n) < 0.96, "yes", "no"),
            "founded": pd.Series(
                pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), "D")
            ).dt.strftime("%Y-%m-%d"),
            "note": ["call " + "again " * int(k) for k in rng.integers(0, 9, n)],
            "id": np.arange(n).astype(str),
        }
    )
    raw.loc[::5, "pages"] = ""
    raw.loc[::10, "city"] = ""
    return parse_frame(SCHEMA, raw)


def _profile(frame: pd.DataFrame, **options: object) -> ReferenceProfile:
    rng = np.random.default_rng(1)
    return reference_profile(
        frame, SCHEMA, rng.random(len(frame)), rng.integers(1, 100, len(frame)), **options
    )  # type: ignore[arg-type]


def test_every_trainable_feature_is_profiled_and_its_counts_add_up() -> None:
    frame = _frame()
    profile = _profile(frame)
    assert [feature.name for feature in profile.features] == ["pages", "city", "news", "founded", "note"]
    for feature in profile.features:
        assert feature.n == profile.n == 2000
        assert len(feature.bin_names) == len(feature.counts)
        assert feature.bin_names[-1] == "missing"
    assert profile.feature("pages").missing == 400
    assert profile.feature("city").missing == 200
    assert (profile.feature("pages").label, profile.feature("pages").unit) == ("Pages visited", "pages")
    assert profile.probability_counts.sum() == profile.score_counts.sum() == 2000
    assert profile.probability.n == 2000


def test_numbers_keep_moments_and_quantiles() -> None:
    frame = _frame()
    feature = _profile(frame).feature("pages")
    assert feature.moments is not None
    assert feature.sketch is not None
    assert int(feature.moments.n) == 1600
    assert float(feature.moments.mean) == pytest.approx(frame["pages"].mean())
    assert feature.sketch.quantile(0.5) == frame["pages"].median()


def test_categories_keep_neither_and_have_their_extra_bins() -> None:
    feature = _profile(_frame()).feature("city")
    assert (feature.moments, feature.sketch) == (None, None)
    assert feature.bin_names == ("Dubai", "Sharjah", "other", "unseen", "missing")
    assert feature.counts[3] == 0
    assert 0 < feature.counts[2] < 0.005 * 2000


def test_yes_no_and_dates_are_named_for_people() -> None:
    profile = _profile(_frame())
    assert profile.feature("news").bin_names == ("no", "yes", "missing")
    assert profile.feature("news").counts[1] > 1850
    founded = profile.feature("founded").bin_names
    assert founded[0].startswith("up to 2020-")
    assert founded[-2].startswith("after 2022-")


def test_free_text_is_profiled_by_length_and_its_words_are_not_stored() -> None:
    frame = _frame()
    profile = _profile(frame)
    note = profile.feature("note")
    assert note.sketch is not None
    assert note.sketch.maximum == frame["note"].str.len().max()
    assert "again" not in json.dumps(profile.to_json())


def test_a_later_window_is_counted_in_the_bins_of_the_reference() -> None:
    frame = _frame()
    city = _profile(frame).feature("city")
    later = pd.Series(["Dubai", "Ajman", "Fujairah", None, "Dubai"], dtype=object, name="city")
    assert city.count(later).tolist() == [2, 0, 1, 1, 1]
    pages = _profile(frame).feature("pages")
    assert pages.count(frame["pages"]).tolist() == pages.counts.tolist()
    far = pages.count(pd.Series([-1e9, 1e9, np.nan], name="pages"))
    assert (far[0], far[-2], far[-1]) == (1, 1, 1)


def test_the_profile_survives_json_exactly() -> None:
    profile = _profile(_frame(), created=np.linspace(18_000, 18_365, 2000))
    stored = json.loads(json.dumps(profile.to_json(), allow_nan=False))
    again = ReferenceProfile.from_json(stored)
    assert again.to_json() == profile.to_json() == stored
    assert (again.created_from, again.created_to) == (18_000.0, 18_365.0)
    assert again.feature("city").count(_frame(seed=3)["city"]).sum() == 2000


def test_creation_dates_may_be_unknown() -> None:
    assert _profile(_frame()).created_from is None
    assert _profile(_frame(), created=np.full(2000, np.nan)).created_to is None
    some = np.full(2000, np.nan)
    some[3] = 5.0
    assert _profile(_frame(), created=some).created_from == 5.0


def test_columns_without_any_value_are_profiled_as_missing() -> None:
    frame = parse_frame(SCHEMA, pd.DataFrame({"pages": ["", ""]}))
    profile = _profile(frame)
    for feature in profile.features:
        assert feature.missing == feature.n == 2
        assert feature.sketch is None or feature.sketch.n == 0
    assert ReferenceProfile.from_json(profile.to_json()).to_json() == profile.to_json()


@pytest.mark.parametrize(
    ("probability", "score", "words"),
    [
        ([0.1], [1, 2], "2 probabilities and scores"),
        ([0.1, 1.1], [1, 2], "between 0 and 1"),
        ([0.1, math.nan], [1, 2], "between 0 and 1"),
        ([0.1, 0.2], [0, 2], "from 1 to 99"),
        ([0.1, 0.2], [1.5, 2], "from 1 to 99"),
    ],
)
def test_scores_out_of_range_are_refused(probability: list[float], score: list[float], words: str) -> None:
    frame = _frame(2)
    with pytest.raises(ValueError, match=words):
        reference_profile(frame, SCHEMA, np.array(probability), np.array(score))


def test_an_empty_or_incomplete_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 lead"):
        reference_profile(_frame().iloc[:0], SCHEMA, np.array([]), np.array([]))
    with pytest.raises(ValueError, match="lacks the column 'city'"):
        _profile(_frame().drop(columns="city"))
    with pytest.raises(ValueError, match="creation dates"):
        _profile(_frame(), created=np.zeros(3))
    broken = _frame()
    broken.loc[0, "pages"] = math.inf
    with pytest.raises(ValueError, match="'pages' holds infinite values"):
        _profile(broken)
    with pytest.raises(KeyError, match="no feature 'id'"):
        _profile(_frame()).feature("id")


def test_a_broken_stored_profile_is_refused_in_words() -> None:
    good = _profile(_frame()).to_json()
    short = json.loads(json.dumps(good))
    short["features"][0]["counts"].pop()
    cases = [
        ({}, "format_version"),
        ({**good, "format_version": 99}, "expected 1, got 99"),
        ({key: value for key, value in good.items() if key != "n"}, "'n' is missing"),
        ({**good, "score_counts": [1]}, "99 counts"),
        ({**good, "features": 3}, "reference:"),
        ({**good, "created_from": "x"}, "day number"),
        (short, "counts of 0 or more"),
    ]
    for document, words in cases:
        with pytest.raises(ProfileError, match=words):
            ReferenceProfile.from_json(document)


def test_numbers_get_deciles() -> None:
    bins = bins_of_numbers(np.random.default_rng(0).permutation(1000).astype(float))
    assert bins.edges == tuple(range(99, 900, 100))
    assert bins.count(np.arange(1000.0)).tolist() == [100] * 10 + [0]


def test_tied_edges_are_merged() -> None:
    bins = bins_of_numbers(np.repeat([0.0, 1.0, 2.0, 50.0], [700, 150, 100, 50]))
    assert bins.edges == (0.0, 1.0, 2.0)
    assert bins.count(np.array([0.0, 1.0, 1.5, 2.0, 3.0, math.nan])).tolist() == [1, 1, 2, 1, 1]
    assert bins.names == ("up to 0", "over 0 to 1", "over 1 to 2", "over 2", "missing")


def test_a_rare_low_value_keeps_its_own_bin_below_the_mass() -> None:
    bins = bins_of_numbers(np.repeat([0.0, 1.0], [3, 97]))
    assert bins.count(np.array([0.0, 1.0, 1.0])).tolist() == [1, 2, 0]


@pytest.mark.parametrize("values", [[], [math.nan], [7.0], [7.0, 7.0, math.nan]])
def test_a_column_of_one_value_or_none_has_one_bin(values: list[float]) -> None:
    bins = bins_of_numbers(np.array(values))
    assert bins.names == ("any number", "missing")
    assert bins.count(np.array([1.0, math.nan])).tolist() == [1, 1]


@settings(max_examples=80)
@given(st.lists(st.one_of(st.integers(-5, 5).map(float), st.just(math.nan)), max_size=60))
def test_no_bin_of_numbers_is_empty_in_the_reference(values: list[float]) -> None:
    data = np.array(values, dtype=float)
    counts = bins_of_numbers(data).count(data)
    assert counts.sum() == len(values)
    assert counts[-1] == np.isnan(data).sum()
    if not np.isnan(data).all():
        assert (counts[:-1] > 0).all()


def test_a_category_needs_half_a_per_cent() -> None:
    values = np.array(["big"] * 989 + ["five"] * 5 + ["four"] * 4 + [None] * 2, dtype=object)
    bins = bins_of_categories(values)
    assert bins.levels == ("big", "five")
    assert bins.rare == frozenset({"four"})
    assert bins.count(values).tolist() == [989, 5, 4, 0, 2]
    assert (bins.unseen, bins.missing) == (3, 4)
    assert bins_of_numbers(np.array([1.0])).unseen is None


def test_too_many_rare_levels_are_not_listed_and_new_ones_count_as_other() -> None:
    values = np.array([f"k{index}" for index in range(MOST_RARE + 50)], dtype=object)
    bins = bins_of_categories(values)
    assert len(bins.rare) == MOST_RARE
    assert bins.count(values).tolist() == [len(values), 0, 0]
    assert bins.count(np.array(["new"], dtype=object)).tolist() == [1, 0, 0]
    assert FeatureBins.from_json(json.loads(json.dumps(bins.to_json()))) == bins


@pytest.mark.parametrize(
    "broken",
    [
        {"edges": (1.0, 1.0)},
        {"edges": (math.nan,)},
        {"levels": ("a", "a")},
        {"levels": ("a",), "rare": frozenset("a")},
        {},
        {"edges": (), "levels": ()},
    ],
)
def test_impossible_bins_are_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="bins"):
        FeatureBins(**broken)  # type: ignore[arg-type]
