"""Refresh by hand: its interval from the retention law, its wear under each rule, its energy."""

import math

import pytest

from imcsim.core.errors import ConfigError
from imcsim.devices.programming import event_energies_j
from imcsim.life import outlook, parse_policies
from tests.chip.hand import one_pe_trace, random_trace, small_chip

ALL = "all-rram-28nm"
YEARS_10 = 3.15e8 / 86400


@pytest.mark.parametrize(("wear", "cycles"), [("events", 1.0), ("pulses", 8.52 * 0.5), ("window", (1 / 3) ** 2.5)])
def test_every_cell_takes_one_event_a_refresh(wear: str, cycles: float) -> None:
    trace, chip = one_pe_trace(), small_chip(ALL, {"horizon.tasks_per_day": 4.0})
    plain = outlook(trace, chip, parse_policies([], wear))
    found = outlook(trace, chip, parse_policies(["refresh=5"], wear))
    kept = found.levers.refreshing
    assert kept is not None
    per_task = 1 / (5 * 4)
    assert kept.events_per_task == pytest.approx(64 * per_task)
    assert found.worst_cycles_per_task == pytest.approx(plain.worst_cycles_per_task + cycles * per_task, rel=1e-6)
    part = chip.config.rram
    assert part is not None
    assert kept.energy_per_task_j == pytest.approx(64 * per_task * event_energies_j(part.cell, 2, "flat").max())
    assert kept.time_per_task_s > 0
    fresh = found.energy[0]
    assert fresh.refresh_j == pytest.approx(kept.energy_per_task_j / 0.96)
    assert fresh.total_j == pytest.approx(plain.energy[0].total_j + fresh.refresh_j, rel=1e-12)
    if wear == "events":  # cells written 2 1 1 1 a task, 60 only refreshed
        hazard = (2 + per_task) ** 2.11 + 3 * (1 + per_task) ** 2.11 + 60 * per_task**2.11
        assert found.first_failure is not None
        assert found.first_failure.median == pytest.approx(2.9e5 * (math.log(2) / hazard) ** (1 / 2.11), rel=1e-5)


def test_auto_follows_the_retention_law() -> None:
    trace, chip = random_trace(0), small_chip(ALL)
    at_85, at_125 = (outlook(trace, chip, parse_policies([text])) for text in ("refresh=auto", "refresh=auto:125"))
    assert at_85.levers.refreshing is not None
    assert at_125.levers.refreshing is not None
    assert at_85.levers.refreshing.every_days == pytest.approx(YEARS_10)
    factor = math.exp(2.25 / 8.617333262e-5 * (1 / 398.15 - 1 / 358.15))
    assert at_125.levers.refreshing.every_days == pytest.approx(YEARS_10 * factor)
    assert at_125.first_failure is not None
    assert at_85.first_failure is not None
    assert at_125.first_failure.median < at_85.first_failure.median
    late = outlook(trace, chip, parse_policies(["refresh=30:125"]))
    assert "A refresh every 30 days comes too late: levels are lost before it." in late.notes
    assert not any("too late" in note for note in at_125.notes)


def test_a_rare_refresh_changes_nothing_and_a_frequent_one_decides() -> None:
    trace, chip = random_trace(0), small_chip(ALL)
    plain = outlook(trace, chip)
    rare, often = (outlook(trace, chip, parse_policies([text])) for text in ("refresh=1e9", "refresh=1e-4"))
    assert plain.first_failure is not None
    assert rare.first_failure is not None
    assert often.first_failure is not None
    assert rare.first_failure.median == pytest.approx(plain.first_failure.median, rel=1e-6)
    # 1e4 cycles a task on each of its cells: the weakest of equal links
    every = 2.9e5 / 1e4 * (math.log(2) / plain.cells) ** (1 / 2.11)
    assert often.first_failure.median == pytest.approx(every, rel=1e-3)


@pytest.mark.parametrize(
    ("policies", "sentence"),
    [
        (["refresh"], "policy 'refresh' needs a value, such as refresh=auto"),
        (["refresh=0"], "'refresh_days': Input should be greater than 0"),
        (["refresh=soon"], "'refresh_days': Input should be a valid number"),
        (["refresh=auto:-300"], "'celsius': Input should be greater than -273.15"),
        (["refresh=auto", "refresh=3"], "policy 'refresh' is given twice"),
        (["swap=0"], "'swap_every_tasks': Input should be greater than or equal to 1"),
        (["swap", "rotate"], "rotate and swap both move rows: choose one"),
        (["sram-cache"], "policy 'sram-cache' needs a value, such as sram-cache=8:lru"),
        (["sram-cache=-1"], "'sram_cache_pes': Input should be greater than or equal to 0"),
        (["sram-cache=4:fifo"], "'eviction': Input should be 'lru' or 'life'"),
    ],
)
def test_values_that_are_refused(policies: list[str], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        parse_policies(policies)


def test_a_temperature_at_which_levels_never_fade_is_refused() -> None:
    with pytest.raises(ConfigError, match="retention time is beyond what a number holds; choose a higher one"):
        outlook(random_trace(0), small_chip(ALL), parse_policies(["refresh=auto:-250"]))
