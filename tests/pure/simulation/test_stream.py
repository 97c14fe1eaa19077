from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from leadscoring.simulation import SimulationConfig, Stream, newest, simulate, write_crm_csv
from leadscoring.simulation.columns import LEAK_COLUMNS


def test_it_writes_the_same_file_for_the_same_config_and_another_for_another_seed(tmp_path):
    files = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        write_crm_csv(simulate(SimulationConfig(seed=seed, leads=800)), tmp_path / name)
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]
    assert files[0] != files[2]


def test_its_file_reads_back_as_the_table(tmp_path):
    stream = simulate(SimulationConfig(seed=5, leads=800))
    write_crm_csv(stream, tmp_path / "leads.csv")
    read = pd.read_csv(tmp_path / "leads.csv", dtype=str, keep_default_na=False)
    pd.testing.assert_frame_equal(read, stream.leads)


def test_it_has_one_row_of_truth_per_lead_and_ids_that_are_unique(stream: Stream):
    assert len(stream.leads) == len(stream.truth) == 20_000
    assert stream.leads["Lead ID"].is_unique
    assert (stream.leads["Lead ID"] == stream.truth["Lead ID"]).all()
    assert stream.leads["Created"].is_monotonic_increasing


def test_streams_of_one_world_follow_one_law():
    # The same leads under two laws get different probabilities; two draws of one law agree in the mean.
    first = simulate(SimulationConfig(seed=1, leads=4000, world_seed=9))
    other = simulate(SimulationConfig(seed=1, leads=4000, world_seed=10))
    again = simulate(SimulationConfig(seed=2, leads=4000, world_seed=9))
    pd.testing.assert_series_equal(first.leads["Nationality"], other.leads["Nationality"])
    assert not np.allclose(first.truth["probability"], other.truth["probability"])
    assert abs(first.truth["probability"].mean() - again.truth["probability"].mean()) < 0.02


def test_it_keeps_leads_within_its_days_and_shows_nothing_after_the_day_it_is_seen(stream: Stream):
    created = pd.to_datetime(stream.leads["Created"])
    assert created.min() >= pd.Timestamp("2025-01-01", tz="UTC")
    assert created.max() < pd.Timestamp("2026-01-01", tz="UTC")
    converted_at = pd.to_datetime(stream.leads["Converted At"].replace("", None))
    assert converted_at.max() < pd.Timestamp("2026-01-01", tz="UTC")


def test_seen_earlier_it_is_the_same_stream_with_fewer_leads_and_more_of_them_open():
    late = simulate(SimulationConfig(seed=3, leads=3000))
    early = simulate(SimulationConfig(seed=3, leads=3000, as_of=date(2025, 9, 1)))
    assert 0 < len(early.leads) < len(late.leads)
    n = len(early.leads)
    pd.testing.assert_series_equal(early.leads["Lead ID"], late.leads["Lead ID"].iloc[:n])
    pd.testing.assert_series_equal(early.truth["probability"], late.truth["probability"].iloc[:n])
    open_early = early.leads["Converted"] == ""
    open_late = late.leads["Converted"].iloc[:n] == ""
    assert open_early.sum() > open_late.sum()
    assert not (open_late & ~open_early).any()


def test_read_long_after_the_end_no_lead_that_converts_is_open():
    stream = simulate(SimulationConfig(seed=3, leads=3000, as_of=date(2027, 1, 1)))
    assert ((stream.leads["Converted"] == "Yes") == stream.truth["converts"]).all()


def test_months_end_and_start_say_the_same_days():
    by_end = SimulationConfig(end=date(2025, 7, 1), months=6)
    by_start = SimulationConfig(start=date(2025, 1, 1), months=6)
    assert (by_end.first_day, by_end.last_day) == (by_start.first_day, by_start.last_day)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"leads": 0}, "leads"),
        ({"seed": -1}, "seed"),
        ({"months": 0}, "months"),
        ({"dirt": 9.0}, "dirt"),
        ({"base_rate": 0.9}, "base_rate"),
        ({"start": date(2025, 1, 1), "end": date(2025, 1, 1)}, "before end"),
        ({"as_of": date(2024, 1, 1)}, "as_of"),
    ],
)
def test_it_refuses_configs_that_make_no_stream(values, words):
    with pytest.raises(ValueError, match=words):
        SimulationConfig(**values)


def test_newest_gives_the_last_leads_with_their_truth(stream: Stream):
    last = newest(stream, 7)
    assert last.leads["Lead ID"].tolist() == stream.leads["Lead ID"].tolist()[-7:]
    assert last.truth["Lead ID"].tolist() == last.leads["Lead ID"].tolist()
    assert len(newest(stream, 10**6).leads) == len(stream.leads)
    assert len(newest(stream, 0).leads) == 0


def test_leak_columns_can_be_left_out_without_changing_anything_else():
    with_leaks = simulate(SimulationConfig(seed=4, leads=500))
    without = simulate(SimulationConfig(seed=4, leads=500, leaks=False))
    assert set(LEAK_COLUMNS) <= set(with_leaks.leads.columns)
    pd.testing.assert_frame_equal(with_leaks.leads.drop(columns=list(LEAK_COLUMNS)), without.leads)
