"""A chip's own memories as macros: what price charges, what published macros say, where they stand."""

from pathlib import Path

import numpy as np
import pytest

from imcsim.chip.config import load_chip
from imcsim.memory.figures import full_pe
from imcsim.memory.memory import activity
from imcsim.published import load_units, shipped_points
from imcsim.published.chip_macros import ChipMacro, chip_macros, chip_text
from imcsim.published.compare import calibration
from imcsim.report.macro_picture import draw_macros

UNITS = load_units().config
SHIPPED = shipped_points()


@pytest.fixture(scope="module")
def macros() -> tuple[ChipMacro, ...]:
    return chip_macros(load_chip("hybrid-28nm").config, SHIPPED, UNITS)


def test_energy_is_what_a_read_of_a_full_pe_is_charged(macros: tuple[ChipMacro, ...]) -> None:
    chip = load_chip("hybrid-28nm").config
    for found, macro in zip(macros, chip.macros, strict=True):
        weights = full_pe(macro, 0.5)
        parts = macro.memory.forward(macro.site, weights, activity(np.full((1, 1, 8), 0.5), chip.dac_bits))
        joules = sum(float(np.sum(part.amount * np.asarray(part.each.value))) for part in parts)
        macs = chip.array.rows * macro.geometry.weight_cols
        assert found.record()["fj_per_mac"] == pytest.approx(joules / macs * 1e15)
        assert found.record()["cycle_ns"] == pytest.approx(macro.memory.forward_time(macro.site, 8).total_s * 1e9)


def test_validated_energy_is_that_with_the_fitted_factors_and_clamps(macros: tuple[ChipMacro, ...]) -> None:
    rram, sram = macros
    factors = calibration("energy", SHIPPED, UNITS).values
    assert sram.validated_j == pytest.approx(sram.figures.energy_j)  # gates of a stated activity have no factor
    chip = load_chip("hybrid-28nm").config
    memory, site = chip.macros[0].memory, chip.macros[0].site
    time = memory.forward_time(site, 1)
    turns = memory.columns_per_adc  # type: ignore[attr-defined]
    line_s = float(time.settle.value) + float(time.convert.value) / turns
    lines = 8 * memory.lines_of_a_weight(site.geometry)  # type: ignore[attr-defined]
    control = 1 + memory.control_share
    clamp_j = 8 * control * 8e-6 * 0.9 * line_s * lines / site.rows / 8  # 8 phases, 64 x 8 weights
    assert control * rram.figures.mac_j["clamp"] == pytest.approx(clamp_j)
    adc_j = control * rram.figures.mac_j["adc"]
    changes_j = (factors["conversion"] - 1) * adc_j + (factors["clamp_current"] - 1) * clamp_j
    expected_j = rram.figures.energy_j + changes_j
    assert rram.validated_j == pytest.approx(expected_j)


def test_density_and_throughput_follow_from_area_and_time(macros: tuple[ChipMacro, ...]) -> None:
    for macro in macros:
        figures, record = macro.figures, macro.record()
        mm2 = sum(figures.area_m2.values()) * 1e6
        assert record["mb_per_mm2"] == pytest.approx(figures.bits / 2**20 / mm2)
        assert record["tops_per_mm2"] == pytest.approx(2e-12 * figures.macs / figures.vector_s / mm2)
        assert record["tops_per_w"] == pytest.approx(2e-12 / figures.energy_j)


def test_the_table_names_each_memory(macros: tuple[ChipMacro, ...]) -> None:
    lines = chip_text("hybrid-28nm", macros).splitlines()
    assert "fJ/MAC" in lines[1]
    assert [line.split()[0] for line in lines[2:]] == ["rram", "sram"]


def test_the_picture_has_every_published_macro_that_states_where_it_stands(macros: tuple[ChipMacro, ...]) -> None:
    figure = draw_macros("hybrid-28nm", macros, SHIPPED)
    left, right = figure.axes
    dots = sum(len(np.asarray(each.get_offsets())) for each in left.collections)
    full = [
        point
        for point in SHIPPED
        if point.family in ("rram", "pcm", "mram", "analog-sram", "digital-sram") and point.includes != "processor"
        if None not in (point.reported_j, point.input_bits, point.weight_bits, point.area_m2, point.input_s)
        and None not in (point.rows, point.outputs)
    ]
    assert dots == len(full)
    assert [len(axis.lines) for axis in (left, right)] == [2, 2]
    (across,), (up,) = (np.asarray(data, dtype=np.float64) for data in left.lines[0].get_data())
    assert up == pytest.approx(macros[0].figures.tops_per_w * 64)  # one bit by one bit
    assert across == pytest.approx(macros[0].figures.tops_per_mm2 * 64)


def test_the_picture_is_written(tmp_path: Path, macros: tuple[ChipMacro, ...]) -> None:
    from imcsim.report.style import save_as

    assert save_as(draw_macros("hybrid-28nm", macros, SHIPPED), tmp_path / "m.pdf").read_bytes().startswith(b"%PDF")
