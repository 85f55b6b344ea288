"""Which test notices which wrong number: ``guards.csv``, and how it is made (``python -m tests.chip.leaves.table``).

A *leaf* is made wrong in the report, where all laws have been checked; a *charge* in the function that computes it,
below everything that is summed, so that a test which merely calls that function again notices nothing. Tests that
compare two prices, or a price with its explanation, guard neither: what they compare goes wrong alike.
"""

import csv
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from tests.chip.leaves.mutate import notices, tests_of, wrong_charge, wrong_leaf
from tests.chip.leaves.reach import charged_leaves

FILE = Path(__file__).with_name("guards.csv")
BY_HAND = (
    "leaves.test_reads", "leaves.test_moved", "leaves.test_apart", "leaves.test_space_and_time", "test_price_by_hand",
    "test_training_costs", "test_multiplex", "test_residents",
)  # fmt: skip
"""Modules below ``tests.chip`` whose tests work prices out by hand, quickest first."""
_COMPARES = ("explained", "like_price", "only_difference", "more", "less", "nothing_changes", "share")
_SENSED = ("driver", "shift_add", "cells", "adc", "product", "adder_tree", "accumulator", "control")
_RRAM, _SRAM = "memory.analog_rram:AnalogRram", "memory.digital_sram:DigitalSram"
_ANALOG = "memory.analog_array:AnalogArray"
_PARTS = {
    "memory.memory:Memory.forward": (*_SENSED, "accumulate"),
    "memory.memory:Memory.transposed": _SENSED,
    f"{_RRAM}.read_out": ("cells", "adc", "driver"),
    f"{_SRAM}.read_out": ("cells",),
    f"{_RRAM}.conductance_s": ("",),
    f"{_ANALOG}.forward_time": ("", "settle", "convert"),
    f"{_SRAM}.forward_time": ("",),
    f"{_ANALOG}.transposed_time": ("", "settle", "convert"),
    f"{_SRAM}.transposed_time": ("",),
    f"{_ANALOG}.row_read_time": ("",),
    f"{_SRAM}.row_write_time": ("",),
    f"{_RRAM}.write_energy": ("",),
    f"{_SRAM}.write_energy": ("",),
    f"{_RRAM}.write_time": ("",),
    f"{_SRAM}.write_time": ("",),
    f"{_RRAM}.failed_write": ("0", "1"),
    f"{_ANALOG}.area": ("cells", "adc", "driver", "shift_add", "transpose_driver"),
    f"{_SRAM}.area": (
        "cells", "product", "adder_tree", "accumulator", "driver", "transpose_product", "transpose_adder_tree",
        "transpose_accumulator", "transpose_driver",
    ),
    "memory.data_sheet:with_control_area": ("control",),
    f"{_SRAM}.leakage": ("",),
    f"{_SRAM}.gradient_evaluation": ("product", "adder_tree", "accumulator"),
    "chip.reads:backward": ("mac", "read_out", "sram_read"),
    "chip.gradients:weight_gradient_energy": tuple(
        f"weight_gradient.{name}" for name in ("mac", "product", "adder_tree", "accumulator", "array_write")
    ),
    "chip.gradients:weight_gradient_time": ("",),
    "chip.pace:pipeline": ("",),
    "chip.leakage:leakage": ("leakage.buffer", "leakage.sram"),
    "chip.leakage:retention_w": ("",),
    "chip.traffic:traffic": (
        *(f"buffer_reads.{k}" for k in ("forward", "input_gradient", "weight_gradient", "signs", "scoring", "update")),
        *(f"buffer_writes.{k}" for k in ("forward", "input_gradient", "signs", "scoring", "update")),
        *(f"dram.{k}" for k in ("activations", "replay", "master", "scoring", "masks")),
        *(f"hops.{k}" for k in ("forward", "input_gradient", "scoring")),
    ),
    "chip.writes:Written.energy": ("",),
    "chip.writes:Written.time": ("",),
    "chip.serving:deployment": ("0",),
    "chip.serving:moved_by": ("activation", "buffer.read", "buffer.write", "link"),
    "chip.reload:load_energy": ("dram_read", "sram_write"),
    "chip.reload:load_time": ("",),
    "chip.switching:switch_cells": ("0",),
    "chip.switching:dram_weights": ("",),
}  # fmt: skip
CHARGES = tuple(f"{function}:{part}" for function, parts in _PARTS.items() for part in parts)


def wrong(number: str) -> AbstractContextManager[None]:
    """Make ``number``, ``leaf PATH`` or ``charge MODULE:FUNCTION:PART``, wrong."""
    kind, _, path = number.partition(" ")
    return wrong_leaf(path) if kind == "leaf" else wrong_charge(path)


def numbers() -> list[str]:
    """Return all that can be made wrong."""
    return [*(f"leaf {leaf}" for leaf in sorted(charged_leaves())), *(f"charge {path}" for path in CHARGES)]


def by_hand() -> list[str]:
    """Return the tests that may guard a number."""
    found = [name for module in BY_HAND for name in tests_of(module)]
    return [name for name in found if not any(word in name.split("::")[1].split("_") for word in _COMPARES)]


def guards(number: str) -> Iterator[str]:
    """Yield the tests by hand that notice if ``number`` is wrong, in the order of :func:`by_hand`."""
    with wrong(number):
        for name in by_hand():
            if notices(name):
                yield name


def read() -> dict[str, str]:
    """Return the table: number -> the test that guards it."""
    with FILE.open(newline="") as file:
        return {row["number"]: row["test"] for row in csv.DictReader(file)}


def write() -> None:
    """Find a guard of every number and write the table; what has none gets an empty one."""
    rows = [(number, next(guards(number), "")) for number in numbers()]
    with FILE.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("number", "test"), *rows])


if __name__ == "__main__":
    import tests.conftest  # noqa: F401 (comparisons forgive no absolute error)

    write()
