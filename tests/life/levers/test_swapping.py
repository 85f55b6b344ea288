"""Row swapping by hand on two rows, what it conserves, and the limit in which rows are level."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from imcsim.chip.placed import place
from imcsim.chip.wear.worn import worn_memory
from imcsim.core.errors import ConfigError
from imcsim.devices.programming import event_energies_j
from imcsim.life import cell_rates, outlook, parse_policies, wear_ledger
from imcsim.life.levers import SwappedPes, rotate, swap
from tests.chip.hand import one_pe_trace, random_trace, small_chip

ALL = "all-rram-28nm"
EVENT = (1.0, 1.0)


def pes(rates: list[list[float]], levels: list[list[int]], cycles: tuple[float, float] = EVENT) -> SwappedPes:
    return SwappedPes(np.array([rates]), np.array([levels]), cycles, 4)


def test_two_rows_by_hand() -> None:
    # the first row takes 3 cycles a task, the second 1; two of three cells differ, one of them by the whole window
    found = pes([[3.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [[0, 2, 3], [3, 2, 1]], (1.0, 0.25))
    found.learn(2)
    found.swap()  # 6 against 2: rows change places, each takes 1 + 0.25
    assert found.hosted.tolist() == [[1, 0]]
    assert found.settle()[0].tolist() == [[7.0, 0.0, 0.25], [1.0, 2.0, 0.25]]
    found.learn(2)
    found.swap()  # 7.25 + 2 against 3.25 + 6: equal, nothing moves
    assert found.swaps.tolist() == [1]
    found.learn(1)
    found.swap()  # 10.25 against 12.25: the busy row goes home
    assert found.hosted.tolist() == [[0, 1]]
    assert found.settle()[0].tolist() == [[8.0, 3.0, 0.5], [11.0, 2.0, 0.5]]
    assert found.events.tolist() == [8]
    table = np.zeros((4, 4), dtype=np.int64)
    table[0, 3] = table[3, 0] = table[3, 1] = table[1, 3] = 2
    assert found.transitions.tolist() == table.tolist()


def test_a_worn_row_that_rests_by_now_stays() -> None:
    found = pes([[10.0], [0.0], [0.0]], [[0], [0], [0]])
    found.learn(5)
    found.swap()
    assert found.hosted.tolist() == [[1, 0, 2]]
    found.learn(1)
    found.swap()  # 50 against 0, but both rest
    assert found.hosted.tolist() == [[1, 0, 2]]
    assert found.settle()[0, :, 0].tolist() == [50, 10, 0]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 5), st.integers(1, 60))
def test_cycles_are_those_of_learning_and_of_swaps(seed: int, period: int, times: int) -> None:
    rng = np.random.default_rng(seed)
    rates, levels = rng.integers(0, 9, (3, 5, 4)) * rng.integers(0, 2, (3, 5, 1)), rng.integers(0, 4, (3, 5, 4))
    found = SwappedPes(rates.astype(np.float64), levels, EVENT, 4)
    for _ in range(times):
        found.learn(period)
        found.swap()
    wear = found.settle()
    np.testing.assert_allclose(wear.sum(axis=(1, 2)), times * period * rates.sum(axis=(1, 2)) + found.events)
    assert found.transitions.sum() == found.events.sum()
    assert (np.sort(found.hosted, axis=1) == np.arange(5)).all()
    assert wear.max() <= times * period * rates.max() + 2 * found.swaps.max()


@pytest.mark.parametrize("busy", [1, 3])
def test_in_the_long_run_rows_are_level_as_after_whole_turns_of_rotation(busy: int) -> None:
    rates = np.zeros((1, 8, 1))
    rates[0, :busy, 0] = np.arange(1, busy + 1) * 10.0
    found = SwappedPes(rates, np.zeros((1, 8, 1), np.int64), EVENT, 4)
    for _ in range(4000):
        found.learn(1)
        found.swap()
    np.testing.assert_allclose(found.settle() / 4000, np.full((1, 8, 1), rates.mean()), rtol=0.01)


def test_swapping_a_chip_lengthens_its_life_and_is_charged() -> None:
    trace, chip, options = random_trace(0), small_chip(ALL), parse_policies(["swap=5"])
    config, part = chip.config, chip.config.rram
    assert part is not None
    ledger, macro = wear_ledger(place(trace, config)), worn_memory(config)
    rates = cell_rates(ledger, macro, options)
    found = swap(trace, rates, ledger, macro, options)
    before, after = (sum(float(layer.sum()) for layer in r.layers.values()) for r in (rates, found.rates))
    assert after == pytest.approx(before + found.events_per_task, rel=1e-5)
    assert found.energy_per_task_j == pytest.approx(
        found.events_per_task * event_energies_j(part.cell, 2, "flat").max(), rel=1e-9
    )
    assert found.simulated_tasks == 16 * 4 * 5
    assert 0 < found.swaps_per_task <= 13 / 5
    assert found.time_per_task_s > 0
    plain, swapped = outlook(trace, chip), outlook(trace, chip, options)
    assert plain.first_failure is not None
    assert swapped.first_failure is not None
    assert swapped.first_failure.median > plain.first_failure.median
    assert swapped.worst_cycles_per_task < plain.worst_cycles_per_task
    assert swapped.energy[0].rotation_j == pytest.approx(found.energy_per_task_j / 0.96, rel=1e-9)
    # the mean over a PE can be no lower than what rotation levels it to
    options = parse_policies(["rotate=1000000"])
    level = rotate(trace, rates, ledger, macro, options).rates.worst
    assert swapped.worst_cycles_per_task > 0.9 * level


def test_a_short_life_is_simulated_as_long_as_it_lasts() -> None:
    chip = small_chip(ALL, {"rram.cell.endurance_scale_cycles": 1e3})
    found = outlook(random_trace(0), chip, parse_policies(["swap=20"]))
    assert found.levers.swapping is not None
    assert found.first_failure is not None
    assert found.levers.swapping.simulated_tasks < 16 * 4 * 20
    assert found.levers.swapping.simulated_tasks <= found.first_failure.median * 1.5 + 20


def test_copies_are_charged_and_periods_needed() -> None:
    trace, options = one_pe_trace(), parse_policies(["swap=3"])
    one, two = (
        outlook(trace, small_chip(ALL, {"input_gradient": way}), options).levers.swapping
        for way in ("digital", "second-copy")
    )
    assert one is not None
    assert two is not None
    assert two.energy_per_task_j == pytest.approx(2 * one.energy_per_task_j)
    chip = small_chip(ALL).config
    ledger, macro = wear_ledger(place(trace, chip)), worn_memory(chip)
    with pytest.raises(ConfigError, match="swap_every_tasks is not given"):
        swap(trace, cell_rates(ledger, macro, parse_policies([])), ledger, macro, parse_policies([]))


def test_arrays_of_rates_are_left_alone() -> None:
    rates: NDArray[np.float64] = np.array([[[3.0], [1.0]]])
    found = SwappedPes(rates, np.array([[[0], [1]]]), EVENT, 4)
    found.learn(1)
    found.swap()
    found.settle()
    assert rates.tolist() == [[[3.0], [1.0]]]
