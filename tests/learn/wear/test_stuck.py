"""What stuck cells make of codes, by hand and against the encoding's own arithmetic."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from imcsim.crossbar.encoding import Encoding
from imcsim.learn.wear.stuck import StuckLayer

PAIR = Encoding(sign="differential", weight_bits=3, cell_bits=2)  # codes -3..3 in one positive and one negative cell
CPU = torch.device("cpu")


def seen(encoding: Encoding, codes: list[float], dead: list[list[bool]], high: list[list[bool]]) -> list[float]:
    layer = StuckLayer(encoding, encoding.code_max, CPU)
    layer.set_dead(torch.arange(len(codes)), torch.tensor(dead), torch.tensor(high))
    return layer(torch.tensor(codes)).tolist()


@pytest.mark.parametrize(
    ("cell", "high", "expected"),
    [
        (0, False, [0, 0, -2]),  # positive side at the lowest conductance: positive codes are lost
        (0, True, [3, 3, 1]),  # at the highest: + 3, less what the negative cell holds
        (1, False, [2, 0, 0]),
        (1, True, [-1, -3, -3]),
    ],
)
def test_a_differential_pair_by_hand(cell: int, high: bool, expected: list[float]) -> None:
    dead = [[cell == 0, cell == 1]] * 3
    assert seen(PAIR, [2.0, 0.0, -2.0], dead, [[high, high]] * 3) == expected


def test_a_top_slice_stuck_high_goes_beyond_the_code_range() -> None:
    wide = Encoding(sign="differential", weight_bits=8, cell_bits=2)  # slices worth 1, 4, 16, 64
    dead = [[False, False, False, True] + [False] * 4]
    assert seen(wide, [5.0], dead, [[True] * 8]) == [5 + 3 * 64]


@given(st.data(), st.sampled_from(["differential", "offset"]), st.integers(2, 8), st.integers(1, 3))
def test_stuck_levels_decode_as_the_encoding_says(data: st.DataObject, sign: str, bits: int, cell: int) -> None:
    encoding = Encoding.model_validate({"sign": sign, "weight_bits": bits, "cell_bits": min(cell, bits)})
    limit, k = encoding.code_max, encoding.cells_per_weight
    codes = data.draw(st.lists(st.integers(-limit, limit), min_size=1, max_size=4))
    flags = st.lists(st.lists(st.booleans(), min_size=k, max_size=k), min_size=len(codes), max_size=len(codes))
    dead, high = data.draw(flags), data.draw(flags)
    levels = encoding.levels(np.array(codes)).astype(int)  # (K, n)
    stuck = np.where(np.array(high).T, encoding.level_count - 1, 0)
    wanted = encoding.codes(np.where(np.array(dead).T, stuck, levels))
    assert seen(encoding, [float(code) for code in codes], dead, high) == wanted.tolist()


def test_only_weights_out_of_sram_are_stuck_and_codes_stay() -> None:
    layer = StuckLayer(PAIR, 3, CPU)
    codes = torch.tensor([[2.0, 2.0], [1.0, -1.0]])
    assert layer(codes) is codes  # nothing is dead
    layer.set_dead(torch.tensor([0, 1]), torch.tensor([[True, False]] * 2), torch.tensor([[False, False]] * 2))
    layer.expose(torch.tensor([True, False, True, True]))
    assert layer(codes).tolist() == [[2, 0], [1, -1]]
    layer.expose(None)
    assert layer(codes).tolist() == [[0, 0], [1, -1]]
    assert codes.tolist() == [[2, 2], [1, -1]]
    codes[0, 1] = -3  # a change in place is seen
    assert layer(codes).tolist() == [[0, -3], [1, -1]]


def test_nothing_is_computed_again_while_nothing_changes() -> None:
    layer = StuckLayer(PAIR, 3, CPU)
    layer.set_dead(torch.tensor([0]), torch.tensor([[True, False]]), torch.tensor([[False, False]]))
    codes: Tensor = torch.tensor([2.0])
    assert layer(codes) is layer(codes)
