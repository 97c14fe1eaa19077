"""Charts of the admin as inline SVG and HTML: no script, no outside library, readable in light and dark."""

from leadscoring.common.charts.bars import Bar, IntervalBar, PushBar, interval_bars, pushes, share_bar, shares
from leadscoring.common.charts.evidence import learning_plot, spread_plot
from leadscoring.common.charts.plots import (
    CurvePoint,
    HistoryPoint,
    calibration_plot,
    gain_plot,
    history_plot,
)

__all__ = [
    "Bar",
    "CurvePoint",
    "HistoryPoint",
    "IntervalBar",
    "PushBar",
    "calibration_plot",
    "gain_plot",
    "history_plot",
    "interval_bars",
    "learning_plot",
    "pushes",
    "share_bar",
    "shares",
    "spread_plot",
]
