"""Accuracy against years: text, record and picture say the same as the curves."""

from typing import Any

import numpy as np
import pytest

from imcsim.learn.wear.curve import AccuracyCurve
from imcsim.life import outlook
from imcsim.report.accuracy_life import accuracy_record, accuracy_text, draw_accuracy
from tests.chip.hand import random_trace, small_chip

AGES = np.array([73.05, 730.5, 7305.0])  # at 2 tasks a day: 0.1, 1 and 10 years
ROWS = np.array([[0.9, 0.9, 0.5], [0.9, 0.6, 0.2], [0.9, 0.9, 0.88]])
SERVED = AccuracyCurve("served", "class-il", 0.9, AGES, ROWS, np.full((3, 3), 0.125))
LEARNED = AccuracyCurve("learned", "class-il", 0.9, AGES[:2], ROWS[:1, :2], np.full((1, 2), 0.25))
FOUND = outlook(random_trace(0), small_chip("all-rram-28nm", {"horizon.tasks_per_day": 2.0}))


def test_the_record_has_years_limits_and_bands() -> None:
    first, second = accuracy_record(FOUND, [SERVED, LEARNED], [0.8])
    assert first["years"] == pytest.approx([0.1, 1, 10])
    assert first["accuracy_band"] == {"early": [0.9, 0.6, 0.2], "median": [0.9, 0.9, 0.5], "late": [0.9, 0.9, 0.88]}
    (limit,) = first["limits"]  # 0.72: log-linear from 0.9 to 0.5, and from 0.9 to 0.6
    assert limit["years"]["median"] == pytest.approx(10 ** (0.18 / 0.4))
    assert limit["years"]["early"] == pytest.approx(0.1 * 10 ** (0.18 / 0.3))
    assert limit["years"]["late"] is None
    assert limit["years"]["median"] is not None
    assert limit["tasks"]["median"] == pytest.approx(730.5 * limit["years"]["median"])
    assert (second["kind"], second["chips"], second["dead_share"]) == ("learned", 1, [0.25, 0.25])


def test_the_text_fits_and_never_says_nan() -> None:
    text = accuracy_text(FOUND, [SERVED, LEARNED], [0.8, 0.95])
    assert max(map(len, text.splitlines())) <= 100
    assert "nan" not in text
    for part in (
        "accuracy (Class-IL, fresh 90.0 %), served: learned on a fresh chip, 3 drawn chips",
        "falls to 0.8 of the fresh chip's      2.82 years (0.398 - over 10)",
        "learned again on the aged chip, 1 drawn chip\n",
        "50.0 %       20.0 - 88.0        12.5 %",
    ):
        assert part in text


def test_the_picture_shows_medians_bands_and_limits() -> None:
    figure = draw_accuracy(FOUND, [SERVED, LEARNED], [0.8])
    axis = figure.axes[0]
    medians: list[Any] = [np.asarray(line.get_xydata()) for line in axis.lines[:2]]
    for median, points in zip(
        medians, ([[0.1, 90.0], [1.0, 90.0], [10.0, 50.0]], [[0.1, 90.0], [1.0, 90.0]]), strict=True
    ):
        np.testing.assert_allclose(median, np.array(points))
    assert np.asarray(axis.lines[2].get_ydata()) == pytest.approx([72, 72])
    assert len(axis.collections) == 2
