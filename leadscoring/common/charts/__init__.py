"""Charts of the admin as inline SVG and HTML: no script, no outside library, readable in light and dark."""

from leadscoring.common.charts.bars import Bar, IntervalBar, PushBar, interval_bars, pushes, share_bar, shares
from leadscoring.common.charts.days import day_columns
from leadscoring.common.charts.drift import TrendPoint, limit_bar, limit_trend, two_windows
from leadscoring.common.charts.evidence import learning_plot, spread_plot
from leadscoring.common.charts.history import HistoryPoint, HistorySpan, Mark, history_plot
from leadscoring.common.charts.lines import TimeLine, time_lines
from leadscoring.common.charts.plots import CurvePoint, calibration_plot, gain_plot
from leadscoring.common.charts.series import SeriesPoint, series_plot
from leadscoring.common.charts.times import (
    ForecastPoint,
    WeekParts,
    count_columns,
    forecast_plot,
    share_columns,
)

__all__ = [
    "Bar",
    "CurvePoint",
    "ForecastPoint",
    "HistoryPoint",
    "HistorySpan",
    "IntervalBar",
    "Mark",
    "PushBar",
    "SeriesPoint",
    "TimeLine",
    "TrendPoint",
    "WeekParts",
    "calibration_plot",
    "count_columns",
    "day_columns",
    "forecast_plot",
    "gain_plot",
    "history_plot",
    "interval_bars",
    "learning_plot",
    "limit_bar",
    "limit_trend",
    "pushes",
    "series_plot",
    "share_bar",
    "share_columns",
    "shares",
    "spread_plot",
    "time_lines",
    "two_windows",
]
