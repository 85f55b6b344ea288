"""A sweep's rows are the prices of chips loaded one by one, whatever the number of processes."""

import math
from collections.abc import Iterator
from itertools import count, islice
from typing import Any

import pytest

from imcsim.chip import load_chip, price
from imcsim.core.errors import ConfigError
from imcsim.core.vary import vary
from imcsim.study.sweep import sweep
from tests.chip.hand import random_trace, small_chip

ROOM = {"rram.pe_count": 16, "sram.pe_count": 16}
CHANGES: list[dict[str, Any]] = [
    {"supply_v": 0.7},
    {"rram.cell.read_voltage_v": 0.3, "rram.write_policy": "epoch"},
    {"sram.pe_count": 5},
    {"input_gradient": "second-copy", "rram.pe_count": 32, "sram.pe_count": 32},
    {"buffer.size_bytes": 8192, "master_copy.location": "dram"},
    {"rram.adc.model": "neurosim"},
]


def test_rows_are_the_prices_of_chips_loaded_one_by_one() -> None:
    trace = random_trace(3)
    rows = list(sweep(trace, small_chip("hybrid-28nm", ROOM), CHANGES))
    for row, change in zip(rows, CHANGES, strict=True):
        assert row == change | price(trace, small_chip("hybrid-28nm", ROOM | change)).row()
    assert len({row["energy_j"] for row in rows}) == len(rows)


def test_processes_change_no_row_and_rows_come_before_the_changes_end() -> None:
    def endless() -> Iterator[dict[str, Any]]:
        for number in count():
            yield {"supply_v": 0.7 + 0.001 * number}

    trace, chip = random_trace(4), small_chip("hybrid-28nm", ROOM)
    several, alone = (islice(sweep(trace, chip, endless(), processes), 70) for processes in (2, 1))
    assert list(several) == list(alone)  # more than one batch


def test_a_change_is_refused_as_where_a_chip_is_loaded() -> None:
    trace, chip = random_trace(3), small_chip("hybrid-28nm", ROOM)
    with pytest.raises(ConfigError, match=r"no value is called 'suply_v'; did you mean 'supply_v'\?"):
        list(sweep(trace, chip, [{"suply_v": 1.0}]))
    with pytest.raises(ConfigError, match="a varied configuration: 'supply_v': Input should be greater than 0"):
        list(sweep(trace, chip, [{"supply_v": -1.0}], processes=2))
    with pytest.raises(ConfigError, match="a sweep needs at least one process, got 0"):
        list(sweep(trace, chip, [], processes=0))
    assert list(sweep(trace, chip, [])) == []


def test_a_varied_chip_is_that_chip_and_says_where_its_values_come_from() -> None:
    change = {"rram.adc_bits": 7, "horizon.tasks_per_day": 2.0}
    loaded, varied = load_chip("hybrid-28nm", change), vary(load_chip("hybrid-28nm"), change)
    assert varied == loaded
    assert vary(loaded, {}) == loaded
    assert math.isclose(varied.config.horizon.tasks_per_day, 2.0)
