"""Cells live as long as the Weibull law says, take no more writes when dead, and failed writes are counted by hand."""

from typing import Any

import numpy as np
import pytest
import torch

from imcsim.core.errors import ConfigError
from imcsim.core.seeds import numpy_generator
from imcsim.crossbar.encoding import Encoding
from imcsim.devices.wear import failure_probability
from imcsim.learn.wear import WearConfig
from imcsim.learn.wear.cells import WornCells
from imcsim.testing.traces import linear_layer

PAIR = Encoding(sign="differential", weight_bits=3, cell_bits=2)
CPU = torch.device("cpu")


def cells(inputs: int = 2, outputs: int = 1, each: Any = None, tasks: int = 3, **wear: Any) -> WornCells:
    fields = {"endurance_scale_cycles": 1e-9, "endurance_shape": 2.2, **wear}
    layers, config = [linear_layer("l", inputs, outputs)], WearConfig.model_validate(fields)
    return WornCells(config, PAIR, layers, PAIR.code_max, tasks, CPU, numpy_generator(0), each)


def write(worn: WornCells, *codes: list[int], policy: str = "step") -> None:
    for values in codes:
        worn.commit(torch.tensor(values, dtype=torch.int16), [policy])


def given_by(worn: WornCells, codes: list[float]) -> list[float]:
    return worn.views[0](torch.tensor(codes)).tolist()


def test_a_cell_without_endurance_dies_of_its_first_write_and_others_live() -> None:
    worn = cells(stuck_low_share=1.0)
    write(worn, [1, 0], [2, 0])  # deployment, then one write of the first weight's positive cell
    assert given_by(worn, [2, 1]) == [0, 1]
    assert given_by(worn, [-2, -3]) == [-2, -3]  # its negative cell lives
    worn.end_phase(torch.tensor([2, 0], dtype=torch.int16))
    assert worn.counts["dead_cells"].tolist() == [[1], [0], [0]]


@pytest.mark.parametrize(("marks", "expected"), [(True, 1), (False, 3)])
def test_failed_writes_by_hand(marks: bool, expected: int) -> None:
    worn = cells(stuck_low_share=1.0, marks_dead=marks)
    write(worn, [1, 0], [2, 0])  # dies and misses level 2
    write(worn, [3, 0], [0, 0], [1, 0])  # misses 3; is at 0 anyway; misses 1
    assert worn.counts["failed_writes"].tolist() == [[expected], [0], [0]]


def test_a_write_that_fits_the_stuck_end_is_not_noticed() -> None:
    worn = cells(stuck_low_share=0.0)  # stuck high, level 3
    write(worn, [1, 0], [3, 0])
    assert worn.counts["failed_writes"].sum() == 0
    assert given_by(worn, [1, 0]) == [3, 0]
    write(worn, [1, 0], [2, 0])  # now it is, once
    assert worn.counts["failed_writes"].sum() == 1


@pytest.mark.parametrize("before", [0.0, 3.5])
@pytest.mark.parametrize("repeats", [1, 4])
def test_a_cell_dies_when_its_cycles_exceed_its_life(repeats: int, before: float) -> None:
    worn = cells(1, endurance_scale_cycles=20.0, endurance_shape=1e3, repeats=repeats, cycles_before=before)
    survived = 0  # a shape so high that every cell lives very nearly 20 cycles
    codes = [1, 2]
    write(worn, [1])
    while given_by(worn, [0]) == [0] and given_by(worn, [3]) == [3]:
        survived += 1
        write(worn, [codes[survived % 2]])
    assert survived - 1 == int((19.99 - before) / repeats)  # events survived


def test_the_dead_follow_the_weibull_law() -> None:
    cycles, scale, shape = 400.0, 1000.0, 2.2
    worn = cells(100, 300, cycles_before=cycles, endurance_scale_cycles=scale, endurance_shape=shape)
    worn.end_phase(torch.zeros(30_000, dtype=torch.int16))
    p, count = failure_probability(cycles, scale, shape), 60_000
    dead = int(worn.counts["dead_cells"][0, 0])
    assert abs(dead - p * count) < 4 * np.sqrt(count * p * (1 - p))


def test_dead_cells_are_stuck_low_at_the_given_share() -> None:
    worn = cells(100, 300, cycles_before=1e9, stuck_low_share=0.8)  # all are dead
    pairs = torch.tensor(given_by(worn, [0.0] * 30_000))
    high = int((pairs == 3).sum() + (pairs == -3).sum())  # one of a pair at the highest level, the other at the lowest
    p = 2 * 0.8 * 0.2
    assert abs(high - 30_000 * p) < 4 * np.sqrt(30_000 * p * (1 - p))


def test_cycles_of_earlier_streams_are_of_each_cell() -> None:
    each = {"l": np.zeros((2, 1, 2, 1), np.float32)}
    each["l"][0, 0, 1, 0] = 1.0  # the positive cell of the second weight
    worn = cells(each=each, streams_before=2.0, endurance_scale_cycles=1.0, endurance_shape=50.0, stuck_low_share=1.0)
    assert given_by(worn, [2, 2]) == [2, 0]
    assert given_by(worn, [-2, -2]) == [-2, -2]


@pytest.mark.parametrize(
    ("each", "sentence"),
    [
        (None, "wear.streams_before needs the cycles of each cell in one stream: give cycles_per_stream"),
        ({}, r"layer 'l' has cells \(2, 1, 2, 1\), got none"),
        ({"l": np.zeros((4, 1, 2, 1))}, r"layer 'l' has cells \(2, 1, 2, 1\), got \(4, 1, 2, 1\)"),
        ({"l": np.full((2, 1, 2, 1), -1.0)}, "cycles must be >= 0, got -1 in layer 'l'"),
    ],
)
def test_cycles_that_do_not_fit_are_refused(each: Any, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        cells(each=each, streams_before=1.0)


def test_only_its_own_policy_wears() -> None:
    worn = cells(policy="task", stuck_low_share=1.0)
    write(worn, [1, 0], [2, 0], [3, 0], policy="epoch")
    assert given_by(worn, [2, 2]) == [2, 2]
    worn.end_phase(torch.tensor([3, 0], dtype=torch.int16))
    assert given_by(worn, [2, 2]) == [0, 2]
