"""The plots are images that show what they are told, and the same curve gives the same bytes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from scoring.ml.metrics import calibration_curve, gain_curve
from scoring.ml.plots import Image, calibration_plot, gain_plot

RNG = np.random.default_rng(0)
P = RNG.beta(1, 8, 2000)
Y = RNG.random(2000) < P
FACTS = {"base_rate": float(Y.mean()), "n": 2000, "conversions": int(Y.sum())}


@pytest.mark.parametrize(("image", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_both_plots_come_as_images(image: Image, start: bytes) -> None:
    assert calibration_plot(calibration_curve(Y, P), **FACTS, image=image).startswith(start)
    assert gain_plot(gain_curve(Y, P), **FACTS, image=image).startswith(start)


def test_the_same_curve_gives_the_same_png() -> None:
    curve = calibration_curve(Y, P)
    assert calibration_plot(curve, **FACTS) == calibration_plot(curve, **FACTS)
    other = calibration_curve(Y[:1000], P[:1000])
    assert calibration_plot(other, **FACTS) != calibration_plot(curve, **FACTS)


def test_the_caption_names_the_sample_and_the_base_rate() -> None:
    for made in (
        calibration_plot(calibration_curve(Y, P), **FACTS, image="svg"),
        gain_plot(gain_curve(Y, P), **FACTS, image="svg"),
    ):
        # matplotlib writes the text of a label as a comment before its glyphs.
        text = " ".join(re.findall(r"<!-- (.*?) -->", made.decode()))
        assert "2,000 test leads" in text
        assert f"{Y.mean():.1%}" in text
        assert "95 %" in text


def test_a_curve_without_points_is_drawn_empty() -> None:
    assert calibration_plot((), **FACTS).startswith(b"\x89PNG")
    assert gain_plot((), **FACTS).startswith(b"\x89PNG")
