"""A task switch by hand: masks are loaded, and cells that differ between two tasks are rewritten, there and back."""

from dataclasses import replace

import numpy as np
import pytest

import imcsim
from imcsim.chip.config import load_chip
from imcsim.chip.placed import place
from imcsim.chip.switching import switch
from imcsim.devices.programming import event_energies_j
from imcsim.learn.method import METHODS, Method
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace.trace import Trace
from tests.chip.hand import told


def _trace(switched: tuple[str, ...], chip: str, mask_bits: int = 0) -> Trace:
    """Two tasks on one 2 x 1 layer: weight 0 goes 0 -> 1 -> 2, weight 1 stays 3."""
    config = load_chip(chip).config
    codes = [np.array([[[a], [3]]]) for a in (0, 1, 2)]
    history = {"l": [[[codes[1]]], [[codes[2]]]]}
    trace = make_trace(
        [linear_layer("l", 2, 1)], {"l": codes[0]}, history, [config.geometry.encoding],
        task_counts={"mask_bits": mask_bits},
    )  # fmt: skip
    return told(trace, switched_layers=switched)


def test_shared_weights_move_masks_alone() -> None:
    chip = load_chip("all-rram-28nm").config
    found = switch(place(_trace((), "all-rram-28nm", mask_bits=10), chip))
    assert found.rewritten_cells == 0
    assert found.time_s == 10 / chip.dram.bandwidth_bits_per_s
    assert found.energy.total == pytest.approx(10 * (chip.dram.energy_j + chip.buffer.write_energy_j), rel=1e-12)


def test_one_network_for_all_tasks_has_nothing_to_switch() -> None:
    chip = load_chip("all-rram-28nm")
    trace = _trace((), "all-rram-28nm", mask_bits=10)
    shared = replace(trace, meta=trace.meta.model_copy(update={"scenarios": ("class-il", "task-il")}))
    found = switch(place(shared, chip.config))
    assert (found.energy.total, found.time_s, found.rewritten_cells) == (0.0, 0.0, 0.0)
    assert imcsim.price(shared, chip).energy == imcsim.price(trace, chip).energy  # masks of training are charged alike


@pytest.mark.parametrize("name", METHODS.names())
def test_a_method_that_serves_tasks_apart_is_told_the_task(name: str) -> None:
    method = METHODS.get(name)
    apart = method.serving is not Method.serving or method.switched_layers is not Method.switched_layers
    assert apart == ("class-il" not in method.scenarios)


def test_rram_programs_the_cells_that_differ() -> None:
    chip = load_chip("all-rram-28nm").config
    assert chip.rram is not None
    found = switch(place(_trace(("l",), "all-rram-28nm"), chip))
    # codes 1 and 2 in differential pairs of 2-bit cells: the lowest cell of the positive side goes 1 <-> 2
    energies = event_energies_j(chip.rram.cell, chip.rram.cell_bits, chip.rram.write_rule)
    assert found.rewritten_cells == 1
    assert found.energy.total == pytest.approx((energies[1, 2] + energies[2, 1]) / 2, rel=1e-12)
    assert found.time_s > 0


def test_sram_is_rewritten_from_dram() -> None:
    chip = load_chip("all-sram-28nm").config
    assert chip.sram is not None
    found = switch(place(_trace(("l",), "all-sram-28nm"), chip))
    # offset binary: codes 1 and 2 differ in two bits
    assert found.rewritten_cells == 2
    moved = chip.weight_bits * chip.dram.energy_j
    assert found.energy.total == pytest.approx(2 * chip.sram.cell.write_energy_j + moved, rel=1e-12)
    assert found.time_s == pytest.approx(
        chip.weight_bits / chip.dram.bandwidth_bits_per_s + chip.sram.cell.write_time_s
    )


def test_the_report_says_what_a_switch_rewrites() -> None:
    report = imcsim.price(_trace(("l",), "all-rram-28nm"), load_chip("all-rram-28nm"))
    assert report.horizon["switch_rewritten_cells"] == 1
    assert report.row()["switch_rewritten_cells"] == 1
