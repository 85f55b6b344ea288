import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from imcsim.crossbar.quantise import steps_per_unit, weight_codes
from imcsim.learn.writing.steps import distance, level_aware, stochastic

LIMIT = 7
scales = st.floats(1e-4, 10.0).map(lambda value: float(torch.tensor(value, dtype=torch.float32)))


def written(codes: list[float], weight: list[float], threshold: float) -> list[float]:
    """Write at code step 1, by the function under test."""
    master = torch.tensor(weight)
    nearest = weight_codes(master, 1.0, LIMIT)
    return level_aware(torch.tensor(codes), master, nearest, (1.0, 1.0), threshold).tolist()


def test_a_cell_is_written_from_the_threshold_on_and_gets_the_nearest_code() -> None:
    codes, weight = [2.0, 2.0, 2.0, 2.0, 2.0], [2.9, 3.0, 1.0, 3.7, 1.1]
    assert written(codes, weight, 1.0) == [2.0, 3.0, 1.0, 4.0, 2.0]
    assert written(codes, weight, 2.0) == codes


def test_a_master_copy_of_zero_closes_the_cell_at_any_threshold() -> None:
    assert written([2.0, -1.0, 1.0], [0.0, 0.0, 0.2], 4.0) == [0.0, 0.0, 1.0]


def test_a_weight_at_a_rounding_boundary_does_not_toggle() -> None:
    codes, moves = 3.0, {0.5: 0, 1.0: 0}
    for threshold in moves:
        for step in range(10):
            (new,) = written([codes], [3.5 + (0.01 if step % 2 else -0.01)], threshold)
            moves[threshold] += new != codes
            codes = new
        codes = 3.0
    assert moves == {0.5: 9, 1.0: 0}


@given(st.lists(st.tuples(st.integers(-LIMIT, LIMIT), st.floats(-9, 9, width=32)), min_size=1), scales)
def test_a_threshold_of_half_a_step_is_nearest_rounding(cells: list[tuple[int, float]], scale: float) -> None:
    codes = torch.tensor([float(code) for code, _ in cells])
    weight = torch.tensor([value for _, value in cells]) * scale
    steps = steps_per_unit(scale)
    nearest = weight_codes(weight, steps, LIMIT)
    assert torch.equal(level_aware(codes, weight, nearest, (scale, steps), 0.5), nearest)


@given(
    st.lists(st.tuples(st.integers(-LIMIT, LIMIT), st.integers(-72, 72)), min_size=1),
    st.sampled_from([0.5, 0.75, 1.0, 1.5, 4.0]),
)
def test_level_aware_writing_against_one_written_cell_by_cell(cells: list[tuple[int, int]], threshold: float) -> None:
    expected = []
    for code, eighths in cells:  # eighths of a code step are exact in floats: ties are met
        value = eighths / 8
        nearest = min(LIMIT, max(-LIMIT, round(value)))  # round() goes to the even one
        expected.append(float(nearest if value == 0 or abs(value - code) >= threshold else code))
    if threshold == 0.5:  # nearest rounding also leaves a cell that a tie does not call
        expected = [float(min(LIMIT, max(-LIMIT, round(eighths / 8)))) for _, eighths in cells]
    assert written([float(c) for c, _ in cells], [e / 8 for _, e in cells], threshold) == expected


def drawn(codes: Tensor, weight: Tensor, uniform: Tensor, scale: float = 1.0) -> Tensor:
    return stochastic(codes, weight, (scale, steps_per_unit(scale)), LIMIT, uniform)


def test_stochastic_rounding_by_hand() -> None:
    codes, weight = torch.tensor([1.0, 1.0, 1.0, 1.0, 1.0, 1.0]), torch.tensor([1.25, 1.25, 0.75, 0.75, 3.5, 0.0])
    uniform = torch.tensor([0.74, 0.75, 0.24, 0.25, 0.5, 0.9])
    assert drawn(codes, weight, uniform).tolist() == [1.0, 2.0, 0.0, 1.0, 4.0, 0.0]


def test_stochastic_rounding_ends_at_the_largest_code() -> None:
    weight = torch.tensor([7.9, -7.9])
    assert drawn(torch.tensor([7.0, -7.0]), weight, torch.tensor([0.99, 0.0])).tolist() == [7.0, -7.0]


@given(scales, st.integers(0, 2**24 - 1))
def test_a_weight_that_has_not_moved_keeps_its_code_whatever_is_drawn(scale: float, draw: int) -> None:
    codes = torch.arange(-LIMIT, LIMIT + 1).float()
    uniform = torch.full_like(codes, draw / 2**24)
    assert torch.equal(drawn(codes, codes * scale, uniform, scale), codes)
    assert not distance(codes, codes * scale, scale, steps_per_unit(scale)).any()


@pytest.mark.parametrize("moved", [-2.5, -0.9, -0.25, 0.01, 0.5, 1.75])
def test_stochastic_rounding_is_unbiased_and_as_spread_as_one_draw(moved: float) -> None:
    count, scale = 40_000, 0.0625
    codes = torch.full((count,), 2.0)
    uniform = torch.rand(count, generator=torch.Generator().manual_seed(3))
    found = drawn(codes, (codes + moved) * scale, uniform, scale) - codes
    share = moved - math.floor(moved)
    error = math.sqrt(share * (1 - share) / count)
    assert abs(float(found.mean()) - moved) < 4 * error
    assert float(found.var()) == pytest.approx(share * (1 - share), rel=0.1)
    assert set(found.tolist()) <= {math.floor(moved), math.floor(moved) + 1.0}
