"""The analysis of the study mask_granularity, on a trace small enough to check."""

import numpy as np
import pytest

from imcsim.chip.config import load_chip
from imcsim.learn.config import default_encodings
from imcsim.mapping.granularity import GRANULARITIES
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace import Trace
from studies.mask_granularity.analyse import RULES, SHARES, least_moved, movement, rows_of
from studies.mask_granularity.drawings import ORDER, by_seed, draw_captured, draw_trade

CHIP = load_chip("hybrid-28nm", {"rram.pe_count": 128, "sram.pe_count": 128}).config


@pytest.fixture(scope="module")
def trace() -> Trace:
    """One layer on 2 x 2 PEs of 64 x 8 weights; in the second task outputs 8 to 15 move, 0 to 7 move half as far."""
    spec = linear_layer("fc", 128, 16, positions=2)
    start = np.zeros(spec.matrix_shape, dtype=np.int64)
    step = np.where(np.arange(16) < 8, 2, 4) * np.ones(spec.matrix_shape, dtype=np.int64)
    return make_trace([spec], {"fc": start}, {"fc": [[[start + 1]], [[start + 1 + step]]]}, default_encodings(8))


def test_movement_is_the_change_of_codes(trace: Trace) -> None:
    assert movement(trace, 0)["fc"].sum() == 128 * 16
    assert movement(trace, 1)["fc"][0, 0].tolist() == [2] * 8 + [4] * 8


def test_what_moves_least_freezes(trace: Trace) -> None:
    trains = least_moved(trace, 1, "channel", 0.5, CHIP)["fc"]
    assert trains[0].all(axis=0).tolist() == [False] * 8 + [True] * 8
    assert least_moved(trace, 1, "layer", 0.9, CHIP)["fc"].all()  # the only layer does not fit the share


def test_rows_by_hand(trace: Trace) -> None:
    rows = {(row["mask"], row["share"], row["rule"]): row for row in rows_of(trace, "er", CHIP)}
    assert len(rows) == len(GRANULARITIES) * len(SHARES) * len(RULES)
    half = rows["channel", 0.5, "im2col"]
    assert (half["pes"], half["rram_pes"], half["sram_pes"]) == (4, 2, 2)
    assert (half["frozen_share"], half["captured"], half["movement_lost"]) == (0.5, 1.0, pytest.approx(1 / 3))
    quarter = rows["channel", 0.25, "im2col"], rows["channel", 0.25, "freeze_align"]
    assert [row["captured"] for row in quarter] == [0.0, 1.0]  # four of eight outputs of a PE; aligned, all of one
    assert [row["pes"] for row in quarter] == [4, 6]
    nothing = rows["layer", 0.25, "im2col"]
    assert (nothing["captured"], nothing["sram_pes"]) == (0.0, 4)
    assert half["load_energy_j"] == pytest.approx(nothing["load_energy_j"] / 2)
    assert half["sram_area_m2"] == pytest.approx(nothing["sram_area_m2"] / 2)


def test_the_figures_show_the_rows(trace: Trace) -> None:
    rows = list(rows_of(trace, "er", CHIP))
    assert by_seed(rows, "captured", mask="channel", share=0.5, rule="im2col") == (1.0, 0.0)
    bars = draw_captured(rows).axes[0].patches[: len(GRANULARITIES)]
    expected = [100 * by_seed(rows, "captured", mask=mask, share=0.5, rule="im2col")[0] for mask in ORDER]
    assert [bar.get_height() for bar in bars] == expected  # type: ignore[attr-defined]
    assert [axis.get_title() for axis in draw_trade(rows).axes] == ["im2col", "freeze_align"]
