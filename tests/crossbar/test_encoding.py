import re
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.crossbar.encoding import Encoding

Sign = Literal["differential", "offset"]


def every_encoding(widest: int = 9) -> list[Encoding]:
    signs: tuple[Sign, ...] = ("differential", "offset")
    return [
        Encoding(sign=sign, weight_bits=weight, cell_bits=cell)
        for sign in signs
        for weight in range(2, widest)
        for cell in range(1, weight + 1)
    ]


@pytest.mark.parametrize(
    ("sign", "weight_bits", "cell_bits", "cells", "smallest", "largest"),
    [
        ("differential", 8, 1, 14, -127, 127),
        ("differential", 8, 2, 8, -127, 127),
        ("differential", 8, 4, 4, -127, 127),
        ("differential", 8, 7, 2, -127, 127),
        ("differential", 4, 4, 2, -7, 7),
        ("differential", 2, 1, 2, -1, 1),
        ("offset", 8, 1, 8, -128, 127),
        ("offset", 8, 2, 4, -128, 127),
        ("offset", 8, 3, 3, -128, 127),
        ("offset", 8, 8, 1, -128, 127),
        ("offset", 2, 1, 2, -2, 1),
    ],
)
def test_cells_and_codes_of_a_weight(
    sign: Sign, weight_bits: int, cell_bits: int, cells: int, smallest: int, largest: int
) -> None:
    encoding = Encoding(sign=sign, weight_bits=weight_bits, cell_bits=cell_bits)
    assert encoding.cells_per_weight == cells
    assert encoding.cells_per_weight == encoding.slices * (2 if sign == "differential" else 1)
    assert (encoding.code_min, encoding.code_max) == (smallest, largest)
    assert encoding.level_count == 2**cell_bits


def test_a_differential_code_by_hand() -> None:
    encoding = Encoding(sign="differential", weight_bits=8, cell_bits=2)
    # 27 = 3 + 2*4 + 1*16 + 0*64: positive slices, least significant first, then the negative ones
    assert encoding.levels(np.array([27, -27, 0])).T.tolist() == [
        [3, 2, 1, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 3, 2, 1, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
    ]
    assert encoding.significance.tolist() == [1, 4, 16, 64, -1, -4, -16, -64]


def test_an_offset_code_by_hand() -> None:
    encoding = Encoding(sign="offset", weight_bits=4, cell_bits=2)
    # code + 8: -8 -> 0, 0 -> 8 = 0 + 2*4, 7 -> 15 = 3 + 3*4
    assert encoding.levels(np.array([-8, 0, 7])).T.tolist() == [[0, 0], [0, 2], [3, 3]]
    assert encoding.significance.tolist() == [1, 4]


def test_a_step_of_one_code_changes_few_cells() -> None:
    levels = Encoding(sign="differential", weight_bits=8, cell_bits=2).levels(np.array([3, 4, -1, 1]))
    assert int((levels[:, 0] != levels[:, 1]).sum()) == 2  # the carry: 3 -> 0 and 0 -> 1
    assert int((levels[:, 2] != levels[:, 3]).sum()) == 2  # the sign: one cell of each side


@pytest.mark.parametrize("encoding", every_encoding(), ids=lambda encoding: encoding.name)
def test_every_code_survives_the_round_trip(encoding: Encoding) -> None:
    codes = np.arange(encoding.code_min, encoding.code_max + 1)
    levels = encoding.levels(codes)
    assert levels.shape == (encoding.cells_per_weight, codes.size)
    assert int(levels.max()) < encoding.level_count
    assert encoding.codes(levels).tolist() == codes.tolist()
    assert np.unique(levels, axis=1).shape[1] == codes.size  # no two codes share their cells


@given(st.sampled_from(every_encoding(17)), st.data())
def test_any_array_of_codes_survives_the_round_trip(encoding: Encoding, data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(1, 4)))
    values = st.integers(encoding.code_min, encoding.code_max)
    count = int(np.prod(shape))
    codes = np.array(data.draw(st.lists(values, min_size=count, max_size=count)), dtype=np.int64).reshape(shape)
    levels = encoding.levels(codes)
    assert levels.shape == (encoding.cells_per_weight, *shape)
    assert np.array_equal(encoding.codes(levels), codes)
    dot = np.tensordot(encoding.significance, levels.astype(np.int64), axes=1)
    assert np.array_equal(dot - (2 ** (encoding.weight_bits - 1) if encoding.sign == "offset" else 0), codes)


@given(st.sampled_from(every_encoding()), st.data())
def test_a_differential_weight_uses_one_side_only(encoding: Encoding, data: st.DataObject) -> None:
    code = data.draw(st.integers(encoding.code_min, encoding.code_max))
    levels = encoding.levels(np.array([code]))
    if encoding.sign == "differential":
        positive, negative = levels[: encoding.slices].any(), levels[encoding.slices :].any()
        assert (bool(positive), bool(negative)) == (code > 0, code < 0)
    else:
        assert levels.shape[0] == encoding.slices


@pytest.mark.parametrize("code", [-128, 128, 2**32 + 1, -(2**40)])
def test_a_code_out_of_range_is_refused(code: int) -> None:
    encoding = Encoding(sign="differential", weight_bits=8, cell_bits=2)
    with pytest.raises(
        ValueError, match=re.escape(f"codes must lie in -127..127, given {min(code, 0)}..{max(code, 0)}")
    ):
        encoding.levels(np.array([0, code]))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int64])
def test_any_integer_type_is_taken(dtype: type[np.integer]) -> None:
    encoding = Encoding()
    assert encoding.codes(encoding.levels(np.array([0, 1, 127], dtype=dtype))).tolist() == [0, 1, 127]


def test_one_bit_is_an_offset_code() -> None:
    encoding = Encoding(sign="offset", weight_bits=1, cell_bits=1)
    assert (encoding.code_min, encoding.code_max, encoding.cells_per_weight) == (-1, 0, 1)
    codes = np.array([-1, 0])
    assert encoding.levels(codes).tolist() == [[0, 1]]
    assert encoding.codes(encoding.levels(codes)).tolist() == [-1, 0]


def test_the_name_tells_encodings_apart() -> None:
    assert Encoding().name == "differential-8w-2c"
    names = [encoding.name for encoding in every_encoding(17)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"cell_bits": 5, "weight_bits": 4}, "cell_bits (5) must be <= weight_bits (4)"),
        ({"weight_bits": 0}, "'weight_bits': Input should be greater than or equal to 1 (given: 0)"),
        (
            {"weight_bits": 1, "cell_bits": 1},
            "a differential pair holds a magnitude and a sign: weight_bits must be >= 2, got 1",
        ),
        ({"weight_bits": 17}, "'weight_bits': Input should be less than or equal to 16 (given: 17)"),
        ({"cell_bits": 0}, "'cell_bits': Input should be greater than or equal to 1 (given: 0)"),
        ({"sign": "ones"}, "'sign': Input should be 'differential' or 'offset' (given: 'ones')"),
        ({"signs": "offset"}, "unknown key 'signs'; did you mean 'sign'?"),
    ],
)  # fmt: skip
def test_an_impossible_encoding_is_refused(data: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=f"^chip: {re.escape(sentence)}$"):
        parse(Encoding, data, "chip")
