"""A price is read in no more rooms and returns than it takes now."""

import math

import pytest

from imcsim.chip import load_chip
from imcsim.periphery.table import log_log
from tests.packaging.walk import PRICING, walk, walked, walks

MOST: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "price, cold": ((32, 52), (56, 128)),
    "price, warm": ((31, 43), (53, 116)),
    "explain, all trees": ((25, 47), (46, 112)),
}
"""Rooms and returns through the pricing half, and through all of imcsim: they may fall and must not grow."""


@pytest.mark.parametrize("half", [True, False])
def test_the_walk_does_not_grow(half: bool) -> None:
    acts = walks()
    for name, bounds in MOST.items():
        found, (rooms, returns) = walk(acts[name], PRICING if half else None), bounds[not half]
        assert (found.rooms <= rooms, found.returns <= returns) == (True, True), f"{name}: {found}"
        assert found.rooms > 1, name


# --- the measure itself


def test_an_entry_is_a_call_into_another_file_counted_once() -> None:
    adc = load_chip(
        "hybrid-28nm", {"rram.adc.model": "survey", "rram.adc_bits": 8, "rram.transposed_adc_bits": 0}
    ).config.rram
    assert adc is not None

    def once() -> None:
        adc.adc.energy_j(6, 0.9, 0.0)  # its own file, the chosen model's, that of tables
        adc.adc.area_m2(6)

    def act() -> None:
        for _ in range(3):
            once()

    found = walk(act, ("periphery",))
    files = ("adc", "converters/converter", "converters/survey", "table")
    assert set(found.entries) == {f"periphery/{name}.py" for name in files}
    assert found.entries["periphery/adc.py"] == 2  # of two functions, whatever the number of calls
    assert (found.rooms, found.returns) == (4, sum(found.entries.values()) - 4)
    assert found.crossings == 3 * walk(once, ("periphery",)).crossings


def test_what_stays_in_a_file_is_no_walk() -> None:
    # log_log calls log_linear in its own file, and a comprehension of its own
    assert walked(lambda: log_log(2.0, (1.0, 4.0), (1.0, 4.0))) == [("", "", "periphery/table.py", "log_log")]
    assert walked(lambda: math.log(2.0)) == []


def test_reading_a_value_is_a_look() -> None:
    buffer = load_chip("hybrid-28nm").config.buffer
    steps = walked(lambda: [buffer.read_energy_j for _ in range(2)])
    assert steps == [("periphery/buffer.py", "Buffer._at_size", "periphery/table.py", "log_log")] * 2
