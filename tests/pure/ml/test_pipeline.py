"""The encoder: both readings of it agree, and each column says what it promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from scoring.ml.designs import (
    bayes_design,
    boosting_design,
    fit_levels,
    joined,
    linear_design,
    one_hot_design,
)
from scoring.ml.encoding import MISSING, RARE, UNSEEN, Column, Encoder, Key, Op, Via
from scoring.ml.pipeline import date_part, key_codes, sigmoid, transform
from scoring.ml.rows import RowEncoder
from scoring.ml.schema import FeatureSchema, parse_frame, parse_row
from tests.pure.ml.leads import mixed_leads


def objects(*values: object) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    filled = np.empty(len(values), dtype=object)
    filled[:] = values
    return filled


def test_it_reads_month_weekday_and_hour_as_the_calendar_does() -> None:
    rng = np.random.default_rng(0)
    days = np.concatenate([rng.uniform(-20_000, 40_000, 500), [0.0, 19_782.0, 19_782.0 + 14 / 24]])
    moments = [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=float(day)) for day in days]
    assert date_part(days, Via.MONTH).tolist() == [moment.month - 1 for moment in moments]
    assert date_part(days, Via.WEEKDAY).tolist() == [moment.weekday() for moment in moments]
    assert date_part(days, Via.HOUR).tolist() == [moment.hour for moment in moments]
    assert np.isnan(date_part(np.array([np.nan]), Via.MONTH)).all()


def test_it_tells_missing_rare_unseen_and_known_levels_apart() -> None:
    key = Key("src", Via.LEVEL, levels=("google ads", "referral"), rare=("fax",))
    codes = key_codes(key, objects("Referral", "GOOGLE  ads", None, "Fax", "Smoke signal"))
    assert codes.tolist() == [4, 3, MISSING, RARE, UNSEEN]


def test_a_number_on_an_edge_belongs_to_the_bin_above() -> None:
    key = Key("pages", Via.BINS, edges=(1.0, 5.0))
    assert key_codes(key, np.array([0.9, 1.0, 4.9, 5.0, np.nan])).tolist() == [3, 4, 4, 5, MISSING]


def test_a_pair_without_its_own_cell_says_nothing() -> None:
    keys = (
        Key("a", Via.LEVEL, levels=("x", "y")),
        Key("b", Via.LEVEL, levels=("u", "v")),
    )
    column = Column(Op.PAIR, "a", other="b", key=0, other_key=1, cells=(3 * 5 + 4,), cell_values=(0.7,))
    frame = pd.DataFrame({"a": objects("x", "x", "new", None), "b": objects("v", "u", "v", None)})
    assert transform(Encoder(keys, (column,)), frame)[:, 0].tolist() == [0.7, 0.0, 0.0, 0.0]
    assert column.shares == {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize("design", [bayes_design, linear_design, one_hot_design, boosting_design])
def test_one_row_encodes_as_the_whole_frame_does(design: object) -> None:
    leads = mixed_leads(1500)
    specs = leads.schema.trainable
    levels = fit_levels(specs, leads.frame, leads.target, max_pairs=8, seed=0)
    encoder = design(levels).encoder  # type: ignore[operator]
    other = mixed_leads(300, seed=9)
    raw = other.raw.copy()
    raw.loc[:20, "src"] = "Carrier pigeon"
    raw.loc[15:40, ["pages", "city", "demo", "created", "note"]] = None
    raw.loc[41:60, "src"] = "  gOOgle   ADS "
    whole = transform(encoder, parse_frame(leads.schema, raw))
    rows = RowEncoder(encoder)
    one = np.empty((len(raw), len(rows)))
    unseen = [
        rows.fill(parse_row(leads.schema, record)[0], one[i])
        for i, record in enumerate(raw.to_dict("records"))
    ]
    np.testing.assert_allclose(one, whole, rtol=0, atol=1e-12)
    assert unseen[0] == ("src",)
    assert unseen[50] == ()


def test_an_encoder_survives_json() -> None:
    leads = mixed_leads(1500)
    levels = fit_levels(leads.schema.trainable, leads.frame, leads.target, max_pairs=8, seed=0)
    encoder = joined(linear_design(levels), boosting_design(levels)).encoder
    again = Encoder.from_json(encoder.to_json())
    assert again == encoder
    np.testing.assert_array_equal(transform(again, leads.frame), transform(encoder, leads.frame))


def test_two_designs_side_by_side_keep_their_columns() -> None:
    leads = mixed_leads(1500)
    levels = fit_levels(leads.schema.trainable, leads.frame, leads.target, max_pairs=8, seed=0)
    first, second = linear_design(levels), boosting_design(levels)
    both = transform(joined(first, second).encoder, leads.frame)
    apart = [transform(design.encoder, leads.frame) for design in (first, second)]
    np.testing.assert_array_equal(both, np.column_stack(apart))


def test_probabilities_stay_strictly_inside_zero_and_one() -> None:
    p = sigmoid(np.array([-1e9, 0.0, 1e9]))
    assert 0.0 < p[0] < p[1] == 0.5 < p[2] < 1.0


def test_an_empty_frame_gives_an_empty_matrix() -> None:
    leads = mixed_leads(1500)
    levels = fit_levels(leads.schema.trainable, leads.frame, leads.target, max_pairs=4, seed=0)
    encoder = linear_design(levels).encoder
    empty = parse_frame(FeatureSchema(leads.schema.features), leads.raw.iloc[:0])
    assert transform(encoder, empty).shape == (0, len(encoder.columns))
