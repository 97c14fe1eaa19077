from __future__ import annotations

import pytest

from leadscoring.simulation import SimulationConfig, Stream, simulate


@pytest.fixture(scope="session")
def stream() -> Stream:
    """Twelve months of 20,000 leads, seen on the last day."""
    return simulate(SimulationConfig(seed=11, leads=20_000))
