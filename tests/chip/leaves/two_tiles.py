"""A layer of 6 x 2 weights on PEs of 4 x 2 (two row tiles), small enough to charge every leaf by hand.

One task: weight (0, 0) goes 0 -> 4, weight (3, 1) goes -1 -> 1. An image has 3 vectors. A quarter of all bits are ones.
Five images pass forward, one of them only forward; errors of three go back, and four enter the weight gradient. Two
more images are scored, one of them backward. The method must be told the task, so a switch loads its masks.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from imcsim.chip import ChipConfig, Report, price
from imcsim.core.sources import Resolved
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace import Trace
from tests.chip.hand import ENCODINGS, small_chip, told

HYBRID, RRAM, SRAM = "hybrid-28nm", "all-rram-28nm", "all-sram-28nm"
START = [[0, 5], [7, -7], [100, 3], [2, -1], [-64, 9], [1, 0]]
END = [[4, 5], [7, -7], [100, 3], [2, 1], [-64, 9], [1, 0]]
TILES = (range(4), range(4, 6))  # the rows of each PE
IN, OUT, POSITIONS, WEIGHTS = 6, 2, 3, 12
COLUMNS, PHASES, SLICES = 16, 8, 4  # a PE's columns: 2 outputs x 8 cells; bits of an input; 2-bit slices of a weight
DRIVES = 8 * 0.25  # how often a line switches for one vector
BY_COLUMN = {"rram.adc": "adc-neurosim-22nm", "rram.adc_bits": 5}  # energy follows the column's conductance
COUNTS = {
    "forward_vectors": 15, "input_gradient_vectors": 9, "weight_gradient_vectors": 12, "weight_gradient_macs": 100,
    "dense_gradient_macs": 5, "scoring_forward_vectors": 6, "scoring_input_gradient_vectors": 3,
    "scoring_weight_gradient_macs": 24, "kept_elements": 70, "updated_weights": 11,
}  # fmt: skip
TASK_COUNTS = {
    "samples": 4, "forward_only_samples": 1, "replay_samples_read": 2, "replay_samples_written": 1,
    "replay_bytes_read": 100, "replay_bytes_written": 20, "relu_elements": 30, "other_kept_elements": 8,
    "digital_parameters": 2, "optimizer_state_values": 14, "mask_bits": 40, "scoring_bytes": 13, "scoring_macs": 9,
}  # fmt: skip
STEPS = 2


def trace(**task_counts: Any) -> Trace:
    return _trace(tuple(sorted(task_counts.items())))


@cache
def _trace(task_counts: tuple[tuple[str, int], ...]) -> Trace:
    start, end = (np.array([codes], dtype=np.int64) for codes in (START, END))
    trace = make_trace(
        [linear_layer("fc", IN, OUT, positions=POSITIONS)],
        {"fc": start},
        {"fc": [[[start, end]]]},
        ENCODINGS,
        counts=COUNTS,
        task_counts=TASK_COUNTS | dict(task_counts),
        density=0.25,
    )
    return told(trace)


def priced(name: str, more: Mapping[str, Any] | None = None, **task_counts: Any) -> tuple[ChipConfig, Report]:
    """Return chip ``name`` of 4 x 16 cells with ``more`` set, and the price of the trace on it."""
    chip = chip_with(name, tuple(sorted((more or {}).items())))
    return chip.config, price(trace(**task_counts), chip)


def chip_with(name: str, more: tuple[tuple[str, Any], ...] = ()) -> Resolved[ChipConfig]:
    """Return a small chip without a data sheet: what follows from its values may have been made wrong meanwhile."""
    chip = _loaded(name, more)
    return replace(chip, config=chip.config.model_copy())


@cache
def _loaded(name: str, more: tuple[tuple[str, Any], ...] = ()) -> Resolved[ChipConfig]:
    """Return a small chip; loaded once, because each test is called for each leaf that it guards."""
    return small_chip(name, dict(more))


def conductance_s(chip: ChipConfig, codes: list[list[int]], rows: range) -> float:
    """Add up the cells of the PE that holds ``rows``: base-4 digits of each magnitude, one cell of each pair at 0."""
    assert chip.rram is not None
    low, high = chip.rram.cell.conductance_min_s, chip.rram.cell.conductance_max_s
    total = 0.0
    for row in rows:
        for code in codes[row]:
            digits = [abs(code) // 4**place % 4 for place in range(SLICES)]
            total += sum(low + digit * (high - low) / 3 for digit in digits) + SLICES * low
    return total


def check(report: Report, tree: str, expected: Mapping[str, float]) -> None:
    """Assert that leaves of ``tree`` are as expected, each more than nothing."""
    leaves = dict(report.horizon) if tree == "horizon" else getattr(report, tree).flat()
    for leaf, value in expected.items():
        assert value > 0, leaf
        assert leaves[leaf] == pytest.approx(value, rel=1e-9), leaf
