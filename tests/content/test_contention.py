"""The analysis of the study contention, on a trace small enough to check."""

import pytest

from imcsim.chip.config import load_chip
from imcsim.events import closed_form_s, work_of
from imcsim.study.spec import load_study
from imcsim.trace import Trace
from studies.contention.analyse import by_group, helps_of, period_s, phases_of, row_of, step_of
from studies.contention.drawings import draw_axes, draw_phases, over_seeds
from studies.contention.grid import AXES, CORNERS, chip_with, settings, value_of
from tests.chip.hand import random_trace, small_chip

SPEC = load_study("contention").spec


@pytest.fixture(scope="module")
def trace() -> Trace:
    return random_trace(2)


def test_every_setting_comes_once_and_the_chip_itself_is_on_every_axis() -> None:
    for choice in SPEC.chips:
        chip = chip_with(SPEC, choice.name, {})
        found = list(settings(chip, corners=False))
        keys = [(tuple(setting.values.items()), setting.layers_per_adc) for setting in found]
        assert len(set(keys)) == len(keys)
        (own,) = (setting for setting in found if not setting.values and setting.layers_per_adc == 1)
        used = [a for a in AXES if (a.path.partition(".")[0] or "rram") not in ("rram", "sram")
                or getattr(chip, a.path.partition(".")[0] or "rram") is not None]  # fmt: skip
        assert dict(own.marks) == {axis.name: value_of(chip, axis.path) for axis in used}
        assert len(found) == 1 + sum(len(axis.values) - 1 for axis in used)
        corners = len(list(settings(chip, corners=True))) - len(found)
        assert corners == 2 ** sum(chip.rram is not None or not path.startswith("rram") for path in CORNERS)


def test_values_of_the_grid_are_on_the_chip() -> None:
    chip = chip_with(SPEC, "hybrid-28nm", {"dram.bandwidth_bits_per_s": 1.28e10})
    assert value_of(chip, "dram.bandwidth_bits_per_s") == 1.28e10
    assert value_of(chip, "rram.pe_count") == 128
    assert value_of(load_chip("hybrid-28nm").config, "") == 1


def test_a_row_says_how_far_the_closed_form_is_off(trace: Trace) -> None:
    work = work_of(trace, small_chip("hybrid-28nm").config, 0)
    (own,) = (
        setting for setting in settings(work.chip, corners=False) if not setting.values and len(setting.marks) > 1
    )
    row = row_of(work, own)
    assert row["closed_s"] == closed_form_s(work, 1, once=False)
    assert row["events_s"] == period_s(step_of(work))[0] < row["serial_s"]
    assert row["off"] == pytest.approx(row["closed_s"] / row["events_s"] - 1)
    shares = by_group(step_of(work))
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares[row["bottleneck"]] == max(shares.values())


def test_parts_add_up_to_the_closed_form_and_to_serial_events(trace: Trace) -> None:
    work = work_of(trace, small_chip("all-rram-28nm").config, 0)
    parts = list(phases_of(work))
    assert sum(part["closed_s"] for part in parts) == pytest.approx(closed_form_s(work, 1, once=False))
    serial = step_of(work, overlap=False).makespan_s / 2
    assert sum(part["serial_s"] for part in parts) == pytest.approx(serial)


def test_doubling_names_every_part_of_the_chip(trace: Trace) -> None:
    work = work_of(trace, small_chip("all-sram-28nm").config, 0)
    helps = {row["part"]: row["speedup"] for row in helps_of(work)}
    assert set(helps) == {"buffer port", "links", "SRAM arrays", "digital unit"}  # nothing goes to DRAM here
    assert max(helps.values()) > 1


def test_the_figures_show_the_rows() -> None:
    base = {"method": "er", "chip": "all-sram-28nm", "events_s": 1e-3, "off": 0.5}
    rows = [{**base, "seed": seed, "axis": axis.name, "value": value, "off": 0.5 * seed}
            for seed in (0, 1) for axis in AXES for value in axis.values]  # fmt: skip
    mean, spread = over_seeds(rows, "off", axis="write_drivers", value=16)
    assert mean == 0.25
    assert spread == pytest.approx(0.125 * 8**0.5)
    line = draw_axes(rows).axes[0].lines[0]
    assert set(line.get_ydata()) == {0.0}  # type: ignore[arg-type]
    phases = [
        {"method": "er", "chip": "all-sram-28nm", "seed": 0, "part": "forward", "closed_s": 2e-3, "serial_s": 1e-3}
    ]
    phases += [{**phases[0], "part": part, "closed_s": 0.0, "serial_s": 0.0} for part in
               ("input_gradient", "weight_gradient", "update", "dram", "buffer")]  # fmt: skip
    heights = [bar.get_height() for bar in draw_phases(phases, rows).axes[0].patches]  # type: ignore[attr-defined]
    assert heights[0] == 2.0
    assert heights[-1] == 1.0
