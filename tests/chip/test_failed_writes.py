"""Failed writes of a trace in which cells wore: charged by hand, explained, and only where the chip wears them so."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from imcsim.chip import price
from imcsim.trace import Trace
from tests.chip.explain.test_explain import busy_trace, check_every_leaf, chip_of
from tests.chip.hand import ENCODINGS

FAILED = [[3, 0], [5, 2], [0, 0]]


def worn(policy: str, encoding: str | None = None) -> Trace:
    trace = busy_trace(2)
    counts = {"dead_cells": np.array([[1, 0], [4, 1], [4, 1]]), "failed_writes": np.array(FAILED)}
    meta = trace.meta.model_copy(update={"config": {"wear": {"policy": policy, "encoding": encoding}}})
    return replace(trace, meta=meta, wear_counts=counts)


@pytest.mark.parametrize("copies", [1, 2])
def test_a_failed_write_goes_on_to_the_last_pulse(copies: int) -> None:
    gradient = "second-copy" if copies == 2 else "transposable"
    chip, trace = chip_of("all-rram-28nm", input_gradient=gradient), worn("step", ENCODINGS[0].name)
    report, plain = price(trace, chip), price(replace(trace, wear_counts={}), chip)
    part = chip.config.rram
    cell = part.cell
    mean, most = cell.pulse_statistics(part.cell_bits)
    pulse = cell.set_pulse_share * cell.set_energy_j + (1 - cell.set_pulse_share) * cell.reset_energy_j
    expected = 10 * copies * (most - mean) * (pulse + cell.verify_energy_j)
    assert report.energy.part("update", "failed_writes").total == pytest.approx(expected)
    leaked = report.energy.part("leakage").total - plain.energy.part("leakage").total  # training takes longer
    assert report.energy.total - plain.energy.total - leaked == pytest.approx(expected)
    assert report.energy_by_task[2].part("update", "failed_writes").total == 0
    seconds = 10 * copies * (most - mean) * (cell.pulse_time_s + cell.verify_time_s) / part.parallel_write_pes
    assert report.latency.part("failed_writes").total == pytest.approx(seconds)
    more = report.horizon["write_energy_per_task_j"] - plain.horizon["write_energy_per_task_j"]
    assert more == pytest.approx(expected / 3)


@pytest.mark.parametrize(
    ("name", "policy", "more"),
    [
        ("all-rram-28nm", "step", {}),
        ("all-rram-28nm", "epoch", {"rram.write_policy": "epoch", "rram.write_rule": "harmonic"}),
        ("hybrid-28nm", "commit", {}),
        ("hybrid-28nm", "commit", {"charge_migration": False}),
        ("all-sram-28nm", "step", {}),
    ],
)
def test_every_leaf_is_explained(name: str, policy: str, more: dict[str, Any]) -> None:
    check_every_leaf(worn(policy, ENCODINGS[0].name), chip_of(name, **more))


def test_a_commit_pays_in_migration() -> None:
    trace = worn("commit", ENCODINGS[0].name)
    report = price(trace, chip_of("hybrid-28nm"))
    assert report.energy.part("migration", "failed_writes").total > 0
    free = price(trace, chip_of("hybrid-28nm", charge_migration=False))
    assert free.energy.part("migration", "failed_writes").total == 0


@pytest.mark.parametrize("policy", ["task", "commit"])
def test_cells_that_wore_otherwise_are_told_and_not_charged(policy: str) -> None:
    report = price(worn(policy), chip_of("all-rram-28nm"))
    assert "failed_writes" not in "".join(report.energy.flat())
    said = [text for text in report.warnings if text.startswith("cells wore as differential-8w-2c, written at every")]
    assert len(said) == 1
    assert said[0].endswith("failed writes are not charged, and the accuracy is not this chip's")
