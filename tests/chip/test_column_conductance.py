"""A converter whose energy follows the column's current sees the cells of driven rows, and no others."""

import numpy as np
import pytest

from imcsim.chip import price
from imcsim.chip.cell_counts import levels_of_codes
from imcsim.chip.config import load_chip
from imcsim.chip.per_image import per_image
from imcsim.crossbar import Encoding
from imcsim.mapping.network_map import map_network
from imcsim.testing.traces import linear_layer, make_trace
from tests.chip.hand import ENCODINGS, small_chip

FIVE_BITS = {"rram.adc": "adc-neurosim-22nm", "rram.adc_bits": 5, "rram.pair": "converted"}
CHIP = load_chip("all-rram-28nm", FIVE_BITS | {"array.rows": 4}).config


def adc_j(ones: float) -> float:
    """Energy of converting one vector through a layer of one PE whose weights are all 0 (erased cells)."""
    network = map_network([linear_layer("a", 4, 2)], CHIP.geometry)
    cost = per_image(network, CHIP, density=np.full((1, 8), ones), codes={"a": np.zeros((1, 4, 2), dtype=np.int64)})
    return cost.energy.flat()["rram.adc"] / cost.conversions[0]


@pytest.mark.parametrize("ones", [0.25, 1.0])
def test_a_column_conducts_where_its_rows_are_driven(ones: float) -> None:
    # 4 rows of erased cells at 1 uS, of which a share is driven
    assert adc_j(ones) == pytest.approx(31 * 1.7e-15 + 0.0631e-9 * 4 * 1e-6 * ones, rel=1e-3)


def test_no_ones_leave_the_comparisons_alone() -> None:
    assert adc_j(0.0) == pytest.approx(31 * 1.7e-15)


@pytest.mark.parametrize("sign", ["differential", "offset"])
def test_levels_of_codes_are_those_of_the_cells(sign: str) -> None:
    encoding = Encoding.model_validate({"sign": sign, "weight_bits": 5, "cell_bits": 2})
    codes = np.random.default_rng(1).integers(-15, 16, (1, 300, 250))  # more than are looked up at once
    assert np.array_equal(levels_of_codes(codes, encoding), encoding.levels(codes).sum(axis=0))
    assert np.array_equal(
        levels_of_codes(codes[:, ::2, ::3], encoding), encoding.levels(codes[:, ::2, ::3]).sum(axis=0)
    )


def converted_j(low: float, high: float, codes: int) -> float:
    """Joules of a conversion in a PE of 4 x 2 weights, all ``codes``: NeuroSim's amplifier at 22 nm, 5 bits, by hand.

    All rows are driven (inputs of ones alone); ``low`` and ``high`` are conductances in uS.
    """
    digits = [abs(codes) // 4**place % 4 for place in range(4)]
    column_s = 4 * (8 * low + sum(digits) * (high - low) / 3) / 8 * 1e-6
    amplifier = CHIP.rram.adc.neurosim_mlsa if CHIP.rram is not None else None
    assert amplifier is not None
    at = amplifier.feature_sizes_m.index(22e-9)
    watts = 31 * amplifier.power_per_reference_w[at]
    watts += amplifier.power_resistive_w[at] * np.exp(amplifier.resistive_slope[at] * np.log10(column_s))
    return float(watts * amplifier.sensing_time_s)


@pytest.mark.parametrize("later", [0, 127])
def test_each_pe_pays_for_its_own_cells_in_each_task(later: int) -> None:
    """Two PEs, tasks that leave codes (1, 127), then (85, 3), then ``later``: no task pays for another's codes."""
    chip = small_chip("all-rram-28nm", FIVE_BITS)
    moments = [(1, 127), (85, 3), (later, later), (3, 1)]
    codes = [np.repeat(np.array([moment]), 2, axis=1)[:, None].repeat(4, axis=1) for moment in moments]
    trace = make_trace(
        [linear_layer("l", 4, 4)], {"l": codes[0]}, {"l": [[[code]] for code in codes[1:]]}, ENCODINGS,
        counts={"forward_vectors": 10}, density=1.0,
    )  # fmt: skip
    report, part = price(trace, chip), chip.config.rram
    assert part is not None
    cell = part.cell
    window = cell.conductance_min_s * 1e6, cell.conductance_max_s * 1e6
    for tree, standing in zip(report.energy_by_task, moments, strict=False):
        by_hand = sum(10 * 16 * 8 * converted_j(*window, code) for code in standing)
        assert tree.flat()["forward.rram.adc"] == pytest.approx(by_hand, rel=1e-9)
    served = sum(16 * 8 * converted_j(*window, code) for code in moments[-1])  # after the last task
    assert report.inference.flat()["rram.adc"] == pytest.approx(served, rel=1e-9)
