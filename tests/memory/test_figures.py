"""What one macro does, by hand; figures are those that a price charges."""

import numpy as np
import pytest

from imcsim.chip import price
from imcsim.core.errors import ConfigError
from imcsim.memory.figures import figures
from imcsim.testing.traces import linear_layer, make_trace
from tests.chip.hand import ENCODINGS, small_chip
from tests.memory.macros import analog_sram, shipped


def test_an_analog_sram_by_hand() -> None:
    found = figures(analog_sram(), input_bits=4)
    macs = 8 * 2  # two weights of eight cells in a row
    assert found.macs == macs
    # 4 phases, half of the 8 rows driven past 16 cells of 0.5 fF
    assert found.mac_j["driver"] * macs == pytest.approx(4 * 4 * 16 * 0.5e-15)
    # half of 128 cells hold a one, half of those see a one: 32 products of 2 fF in each phase
    assert found.mac_j["cells"] * macs == pytest.approx(4 * 32 * 2e-15)
    assert found.mac_j["adc"] * macs == pytest.approx(4 * 16 * 50e-15)
    assert found.mac_j["shift_add"] * macs == pytest.approx(4 * 16 * 1e-14)
    # a line settles in the port's 3 ns, then four lines take turns of 2 ns
    assert found.vector_s == pytest.approx(4 * (3e-9 + 4 * 2e-9))
    assert found.area_m2 == pytest.approx(
        {"cells": 128 * 400 * 28e-9**2, "adc": 4 * 80e-12, "driver": 8e-12, "shift_add": 4 * 5e-11}
    )
    assert found.leakage_w == pytest.approx(128 * 1e-11)
    assert found.bits == macs * 8


def test_densities_are_of_two_operations_a_mac() -> None:
    found = figures(analog_sram(), input_bits=4)
    assert found.tops_per_w == pytest.approx(2 / sum(found.mac_j.values()) / 1e12)
    area_mm2 = sum(found.area_m2.values()) * 1e6
    assert found.tops_per_mm2 == pytest.approx(2 * 16 / found.vector_s / 1e12 / area_mm2)
    assert found.mb_per_mm2 == pytest.approx(128 / 2**20 / area_mm2)


@pytest.mark.parametrize(
    ("more", "conversions", "turns"),
    [
        ({"joined_columns": 4}, 4, 4),  # two weights of two lines, one converter
        ({"joined_columns": 8}, 2, 4),
        ({"open_rows": 3}, 3 * 16, 3 * 4),
        ({"columns_per_adc": 1}, 16, 1),
    ],
)
def test_joined_columns_and_rows_in_turn(more: dict[str, int], conversions: int, turns: int) -> None:
    found = figures(analog_sram(**more), input_bits=1)
    assert found.mac_j["adc"] * found.macs == pytest.approx(conversions * 50e-15)
    passes = turns // 4 if "open_rows" in more else 1
    assert found.vector_s == pytest.approx(passes * 3e-9 + turns * 2e-9)
    assert found.mac_j["cells"] * found.macs == pytest.approx(32 * 2e-15)


def test_a_ladder_has_three_capacitors() -> None:
    one, three = (figures(analog_sram(unit_capacitors=n), input_bits=4).mac_j["cells"] for n in (1, 3))
    assert three == pytest.approx(3 * one)


def test_nothing_toggles_nothing_moves() -> None:
    for macro in (analog_sram(), shipped("hybrid-28nm", "rram"), shipped("hybrid-28nm", "sram")):
        still = figures(macro, input_bits=8, toggle=0.0).mac_j
        assert (still["driver"], still.get("cells", 0.0)) == (0.0, 0.0)


def test_a_price_charges_what_figures_tell() -> None:
    """One full PE of one layer, half of its bits ones: joules of a vector over its MACs."""
    for name, memory in (("all-rram-28nm", "rram"), ("all-sram-28nm", "sram")):
        chip = small_chip(name)
        codes = np.array([[[85, 85]] * 4])
        trace = make_trace(
            [linear_layer("l", 4, 2)], {"l": codes}, {"l": [[[codes]]]}, ENCODINGS,
            counts={"forward_vectors": 10}, density=0.5,
        )  # fmt: skip
        spent = price(trace, chip).energy.part("forward", memory)
        macro = next(one for one in chip.config.macros if one.name == memory)
        levels = macro.geometry.encoding.levels(codes)
        words = macro.geometry.encoding.cells_per_weight // macro.geometry.encoding.slices
        density = float(levels.mean()) * words / (macro.geometry.encoding.level_count - 1)
        found = figures(macro, input_bits=8, density=density)
        for part, joules in found.mac_j.items():
            assert spent.part(part).total == pytest.approx(10 * 8 * joules, rel=1e-12, abs=0)


def test_shares_are_shares() -> None:
    macro = analog_sram()
    with pytest.raises(ConfigError, match=r"toggle is a share from 0 to 1, got 1\.5"):
        figures(macro, input_bits=8, toggle=1.5)
    with pytest.raises(ConfigError, match="density is a share from 0 to 1, got nan"):
        figures(macro, input_bits=8, density=float("nan"))
    with pytest.raises(ConfigError, match="input_bits must be >= 1, got 0"):
        figures(macro, input_bits=0)
