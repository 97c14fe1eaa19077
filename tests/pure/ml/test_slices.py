"""Groups of leads: cut as people would name them, flagged when they are weak, and only then."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from benchmarks.simulations.weak_slices import Planted, look
from scoring.ml.slice_cuts import cut_feature, groups
from scoring.ml.slice_words import Slices
from scoring.ml.slices import LEAST_LEADS, find_slices
from scoring.ml.values import FeatureSpec, Kind

N = 3000
SOURCE = FeatureSpec("source", "Lead source", Kind.CATEGORY)
CITY = FeatureSpec("city", "City", Kind.CATEGORY)
PAGES = FeatureSpec("pages", "Pages", Kind.NUMBER)


def cut(kind: Kind, values: list[object], least: int = 1) -> dict[str, int]:
    dtype = object if kind in (Kind.CATEGORY, Kind.TEXT) else np.float64
    found = cut_feature(FeatureSpec("x", "X", kind), np.array(values, dtype=dtype), least=least)
    return {} if found is None else {group.parts[0][2]: int(group.rows.sum()) for group in groups(found)}


def test_levels_are_one_whatever_their_case_and_shown_as_most_spell_them() -> None:
    values = ["Google Ads"] * 3 + ["GOOGLE  ads"] * 2 + ["Fair"] * 2 + [None, None, "Rare"]
    assert cut(Kind.CATEGORY, values, least=2) == {"Google Ads": 5, "Fair": 2, "not given": 2}


def test_numbers_are_cut_into_quarters_or_kept_when_few() -> None:
    assert cut(Kind.NUMBER, [1, 1, 2, 2, np.nan]) == {"1": 2, "2": 2, "not given": 1}
    quarters = cut(Kind.NUMBER, list(range(1000, 1100)))
    assert quarters == {
        "1,000 to 1,024": 25,
        "1,025 to 1,049": 25,
        "1,050 to 1,074": 25,
        "1,075 to 1,099": 25,
    }
    assert cut(Kind.NUMBER, [-1.5] * 90 + list(range(20))) == {"−1.5": 90, "0 to 19": 20}


def test_dates_yes_and_no_and_texts_are_named_in_words() -> None:
    assert list(cut(Kind.DATE, [20_000.0, 20_001.0] * 4)) == ["2024-10-04", "2024-10-05"]
    assert cut(Kind.YES_NO, [1.0, 0.0, 0.0, np.nan]) == {"yes": 1, "no": 2, "not given": 1}
    assert cut(Kind.TEXT, ["hello", None, "there"]) == {"given": 2, "not given": 1}


@pytest.mark.parametrize("kind", [Kind.CATEGORY, Kind.NUMBER, Kind.DATE, Kind.YES_NO, Kind.TEXT])
def test_a_column_that_is_empty_or_always_the_same_makes_no_group(kind: Kind) -> None:
    nothing = None if kind in (Kind.CATEGORY, Kind.TEXT) else np.nan
    assert cut(kind, [nothing] * 5) == {}


def test_a_long_level_is_shortened() -> None:
    assert max(map(len, cut(Kind.CATEGORY, ["x" * 500] * 3 + ["y"]))) <= 60


def world(seed: int = 0) -> tuple[pd.DataFrame, NDArray[np.float64], NDArray[np.int64], np.random.Generator]:
    rng = np.random.default_rng(seed)
    columns = {
        "source": np.array(["Meta Ads", "Referral", "Fair"], dtype=object)[rng.integers(0, 3, N)],
        "city": np.array(["Dubai", "Sharjah"], dtype=object)[rng.integers(0, 2, N)],
        "pages": rng.poisson(3, N).astype(float),
    }
    frame = pd.DataFrame({name: pd.Series(values, dtype=values.dtype) for name, values in columns.items()})
    return frame, 1 / (1 + np.exp(-rng.normal(-1.2, 1, N))), rng.integers(0, 5, N), rng


def found(
    frame: pd.DataFrame, y: NDArray[np.bool_], p: NDArray[np.float64], fold: NDArray[np.int64]
) -> Slices:
    return find_slices(
        (SOURCE, CITY, PAGES), frame, y, p, fold, {"source": 0.5, "city": 0.3, "pages": 0.2}, seed=0
    )


def test_where_the_probabilities_are_right_nothing_is_flagged() -> None:
    flagged = 0
    for seed in range(40):
        frame, p, fold, rng = world(seed)
        flagged += bool(found(frame, rng.random(N) < p, p, fold).weak)
    assert flagged <= 5


def test_a_group_that_converts_less_than_predicted_is_named_with_its_numbers() -> None:
    frame, p, fold, rng = world()
    meta = (frame["source"] == "Meta Ads").to_numpy()
    result = found(frame, rng.random(N) < np.where(meta, p / (p + 2.5 * (1 - p)), p), p, fold)
    worst = result.weak[0]
    assert worst.name == "Lead source: Meta Ads"
    assert worst.weak == ("calibration",)
    assert worst.words.startswith(f"Lead source: Meta Ads (n = {meta.sum():,}): predicted 27 %, converted 1")
    assert worst.words.endswith("Its chances are too high here.")
    assert worst.q_calibration < 1e-6
    assert "beyond chance" in result.words
    assert not any("Meta Ads and" in one.name for one in result.weak), (
        "pairs inside a flagged group say nothing new"
    )


def test_a_group_in_which_nobody_converted_is_found_although_it_cannot_be_ranked() -> None:
    frame, p, fold, rng = world()
    meta = (frame["source"] == "Meta Ads").to_numpy()
    worst = found(frame, (rng.random(N) < p) & ~meta, p, fold).weak[0]
    assert (worst.name, worst.conversions, worst.auc) == ("Lead source: Meta Ads", 0, None)


def test_a_group_ranked_worse_than_promised_is_told_from_one_that_is_merely_alike() -> None:
    frame, p, fold, rng = world()
    meta, dubai = (frame["source"] == "Meta Ads").to_numpy(), (frame["city"] == "Dubai").to_numpy()
    y = rng.random(N) < np.where(meta, p[meta].mean(), p)
    worst = found(frame, y, p, fold).weak[0]
    assert (worst.name, worst.weak) == ("Lead source: Meta Ads", ("ranking",))
    assert "against" in worst.words
    assert "where its own chances promise" in worst.words
    alike = np.where(dubai, 0.25 + 0.001 * rng.random(N), p)
    result = found(frame, rng.random(N) < alike, alike, fold)
    assert result.weak == ()
    harder = [one for one in result.slices if one.harder]
    assert [one.name for one in harder] == ["City: Dubai"]
    assert "No fault of the model" in harder[0].words


def test_a_weak_pair_is_found_where_its_parts_are_not_weak() -> None:
    frame, p, fold, rng = world()
    meta, dubai = (frame["source"] == "Meta Ads").to_numpy(), (frame["city"] == "Dubai").to_numpy()
    moved = np.where(meta & dubai, p * 0.4, np.where(meta, np.minimum(p * 1.6, 0.99), p))
    moved = np.where(dubai & ~meta, np.minimum(moved * 1.3, 0.99), moved)
    assert "Lead source: Meta Ads and City: Dubai" in [
        one.name for one in found(frame, rng.random(N) < moved, p, fold).weak
    ]


def test_an_effect_too_small_to_matter_is_not_flagged_however_sure_it_is() -> None:
    rng = np.random.default_rng(0)
    n = 60_000
    frame = pd.DataFrame({"source": pd.Series(["a", "b"] * (n // 2), dtype=object)})
    p = np.full(n, 0.4) + 0.01 * rng.random(n)
    y = rng.random(n) < np.where(frame["source"] == "a", p * 0.95, p)
    result = find_slices((SOURCE,), frame, y, p, rng.integers(0, 5, n), {}, seed=0)
    assert result.weak == ()
    assert result.leads == 50_000, "more are sampled"
    assert min(one.q_calibration for one in result.slices) < 0.01


def test_small_groups_are_left_alone_and_the_result_is_json() -> None:
    frame, p, fold, rng = world()
    small = frame.iloc[: LEAST_LEADS - 1]
    result = find_slices((SOURCE,), small, rng.random(99) < 0.5, p[:99], fold[:99], {}, seed=0)
    assert result.tested == 0
    assert "No group of the 99 leads is large enough" in result.words
    told = json.loads(json.dumps(found(frame, rng.random(N) < p, p, fold).to_json(), allow_nan=False))
    assert (told["leads"], told["weak"]) == (N, 0)
    assert all(one["observed"]["n"] == one["n"] >= LEAST_LEADS for one in told["slices"])


def test_it_stops_when_asked_to() -> None:
    class Stop(Exception):
        pass

    def tick() -> None:
        raise Stop

    frame, p, fold, rng = world()
    with pytest.raises(Stop):
        find_slices((SOURCE,), frame, rng.random(N) < p, p, fold, {}, seed=0, tick=tick)


def test_a_real_training_finds_a_planted_group_of_a_column_no_model_may_use() -> None:
    weak = look(3000, "logistic", Planted(shift=-1.2), seed=1)
    assert weak[0].name == "Group: group 0"
    assert weak[0].weak == ("calibration",)
