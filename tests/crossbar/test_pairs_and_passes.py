"""Pairs that are subtracted ahead of the converter, rows that open in passes, and the fewest bits that lose nothing."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imcsim.crossbar import BitSliceConfig, Encoding, bit_sliced_conv2d, bit_sliced_matmul, program_weights
from imcsim.crossbar.converter_bits import code_ends, fewest_bits, forward_bits, transposed_bits
from tests.crossbar.slicing_oracle import sliced_convolution, sliced_product


def test_a_subtracted_pair_by_hand() -> None:
    """x = 1, 1, 1 (one plane); w = 3, 2, -3: cells 3, 2, 0 against 0, 0, 3.

    Two conversions of 2 bits: 5 clips to 3, 3 stays, 3 - 3 = 0. One of 3 bits with sign (-4 .. 3): 5 - 3 = 2. Of 2
    bits (-2 .. 1) that clips to 1, and its opposite to -2.
    """
    x, w = np.array([[1, 1, 1]]), np.array([[3, -3], [2, -2], [-3, 3]])
    fields: dict[str, Any] = {"rows": 3, "cell_bits": 2, "w_bits": 3, "x_bits": 1, "w_map": "diff"}
    converted = BitSliceConfig(**fields, adc_bits=2)
    assert bit_sliced_matmul(x, w, converted).tolist() == [[0, 0]]
    assert bit_sliced_matmul(x, w, BitSliceConfig(**fields, adc_bits=3, pair="subtracted")).tolist() == [[2, -2]]
    assert bit_sliced_matmul(x, w, BitSliceConfig(**fields, adc_bits=2, pair="subtracted")).tolist() == [[1, -2]]


def test_passes_by_hand() -> None:
    """Arrays of 3 rows, 2 open at once, a 2-bit converter, cells of 3: passes of rows 0-1, 2, 3-4, each clips at 3."""
    config = BitSliceConfig(rows=3, cell_bits=2, w_bits=3, x_bits=1, w_map="diff", adc_bits=2, open_rows=2)
    assert config.groups(5) == [slice(0, 2), slice(2, 3), slice(3, 5)]
    x, w = np.ones((1, 5), np.int64), np.array([[3], [1], [3], [1], [1]])
    assert bit_sliced_matmul(x, w, config).tolist() == [[3 + 3 + 2]]
    assert bit_sliced_matmul(x, w, config.model_copy(update={"open_rows": 0})).tolist() == [[3 + 2]]
    assert bit_sliced_matmul(x, w, config.model_copy(update={"open_rows": 9})).tolist() == [[3 + 2]]


@pytest.mark.parametrize(
    ("rounding", "codes"),
    [
        ("half_up", [-1, -1, 0, 0, 1, 1, 2]),
        ("floor", [-2, -1, -1, 0, 0, 1, 1]),
        ("half_even", [-2, -1, 0, 0, 0, 1, 2]),
    ],
)
def test_differences_round_as_sums_do(rounding: Any, codes: list[int]) -> None:
    """Differences -3 .. 3 at a step of 2: -1.5, -1, -0.5, 0, 0.5, 1, 1.5 steps."""
    fields: dict[str, Any] = {"rows": 1, "cell_bits": 2, "w_bits": 3, "x_bits": 1, "w_map": "diff"}
    config = BitSliceConfig(**fields, adc_bits=4, adc_step=2, adc_round=rounding, pair="subtracted")
    found = bit_sliced_matmul(np.ones((1, 1), np.int64), np.arange(-3, 4)[None], config)[0]
    assert (found // 2).tolist() == codes


@pytest.mark.parametrize("cell_bits", [1, 2, 8])
@pytest.mark.parametrize("open_rows", [0, 3])
def test_convolutions_and_programmed_weights(cell_bits: int, open_rows: int) -> None:
    generator = np.random.default_rng(cell_bits)
    config = BitSliceConfig(
        rows=7, cell_bits=cell_bits, w_map="diff", adc_bits=3, adc_step=2, pair="subtracted", open_rows=open_rows
    )
    x, w = generator.integers(0, 256, (2, 2, 5, 4)), generator.integers(-127, 128, (3, 2, 3, 3))
    wanted = sliced_convolution(x, w, config, 1, 1)
    np.testing.assert_array_equal(bit_sliced_conv2d(x, w, config, padding=1), wanted)
    np.testing.assert_array_equal(bit_sliced_conv2d(x, program_weights(w, config), padding=1), wanted)
    in_torch = bit_sliced_conv2d(torch.tensor(x), torch.tensor(w), config, padding=1)
    np.testing.assert_array_equal(np.asarray(in_torch), wanted)


@pytest.mark.parametrize("bits", [2, 3, 8])
def test_codes_of_a_converter(bits: int) -> None:
    low, high = code_ends(bits, signed=True)
    assert high - low + 1 == 2**bits and -low == high + 1
    assert code_ends(bits, signed=False) == (0, 2**bits - 1)


def test_fewest_bits_by_hand() -> None:
    # 64 rows of level 3 and a one-bit digit: sums to 192, 8 bits; differences -192 .. 192 are 385 values, 9 bits
    assert (fewest_bits(64, 3, 1, signed=False), fewest_bits(64, 3, 1, signed=True)) == (8, 9)
    # 256 does not fit in 8 bits, 255 does
    assert (fewest_bits(256, 1, 1, signed=False), fewest_bits(255, 1, 1, signed=False)) == (9, 8)
    pair = Encoding(weight_bits=8, cell_bits=2)
    assert forward_bits(pair, rows=64, digit_bits=1, pair="subtracted") == 9
    assert forward_bits(pair, rows=64, digit_bits=1, pair="converted") == 8
    assert forward_bits(pair, rows=16, digit_bits=2, pair="subtracted") == 9  # 16 x 3 x 3 = 144
    offset = Encoding(sign="offset", weight_bits=8, cell_bits=2)
    assert forward_bits(offset, rows=64, digit_bits=1, pair="subtracted") == 8  # no pair to subtract
    # 8 weights in a row of a PE: 8 x 3 = 24, with a sign 6 bits; of offset cells 16 weights: 48, 6 bits
    assert transposed_bits(pair, outputs=8, digit_bits=1) == 6
    assert transposed_bits(offset, outputs=16, digit_bits=1) == 6


@pytest.mark.parametrize("sign", ["differential", "offset"])
def test_the_highest_level_is_that_of_the_codes(sign: Any) -> None:
    for bits, cell in itertools.product(range(2, 7), range(1, 5)):
        if cell <= bits:
            encoding = Encoding(sign=sign, weight_bits=bits, cell_bits=cell)
            assert encoding.highest_level == encoding.level_table.max()


_FULL = st.fixed_dictionaries(
    {
        "rows": st.integers(1, 40),
        "open_rows": st.integers(0, 12),
        "cell_bits": st.integers(1, 4),
        "dac_bits": st.sampled_from([1, 2, 4]),
        "w_map": st.sampled_from(["offset", "diff"]),
    }
)


def _extreme(config: BitSliceConfig) -> tuple[Any, Any]:
    """The inputs and weights of the largest sums of either sign, and random ones."""
    generator = np.random.default_rng(0)
    low, high = max(config.w_range[0], -127), 127
    w = generator.integers(low, high, (45, 4), endpoint=True)
    w[:, 0], w[:, 1] = low, high
    x = generator.integers(0, 255, (3, 45), endpoint=True)
    x[0] = 255
    return x, w


@settings(max_examples=60, deadline=None)
@given(fields=_FULL, subtracted=st.booleans())
def test_the_fewest_bits_lose_nothing_and_one_fewer_does(fields: dict[str, Any], subtracted: bool) -> None:
    pair = "subtracted" if subtracted and fields["w_map"] == "diff" else "converted"
    ideal = BitSliceConfig(**fields, pair=pair)
    x, w = _extreme(ideal)
    enough = BitSliceConfig(**fields, pair=pair, adc_bits=ideal.lossless_bits)
    np.testing.assert_array_equal(bit_sliced_matmul(x, w, enough), x @ w)
    assert program_weights(w, enough).clipping == ()  # whatever the inputs
    if ideal.lossless_bits > (2 if pair == "subtracted" else 1):
        fewer = BitSliceConfig(**fields, pair=pair, adc_bits=ideal.lossless_bits - 1)
        assert not np.array_equal(bit_sliced_matmul(x, w, fewer), x @ w)


@settings(max_examples=40, deadline=None)
@given(fields=_FULL, seed=st.integers(0, 99))
def test_subtracted_and_converted_agree_where_both_lose_nothing(fields: dict[str, Any], seed: int) -> None:
    generator = np.random.default_rng(seed)
    fields = fields | {"w_map": "diff"}
    x, w = generator.integers(0, 256, (3, 30)), generator.integers(-127, 128, (30, 5))
    found = []
    for pair in ("subtracted", "converted"):
        bits = BitSliceConfig(**fields, pair=pair).lossless_bits
        config = BitSliceConfig(**fields, pair=pair, adc_bits=bits)
        found.append(sliced_product(x, w, config))
        np.testing.assert_array_equal(bit_sliced_matmul(x, w, config), found[-1])
    np.testing.assert_array_equal(found[0], found[1])


@pytest.mark.parametrize("sign", ["differential", "offset"])
@pytest.mark.parametrize("cell_bits", [1, 2])
def test_the_transposed_read_is_the_product_with_columns_for_rows(sign: Any, cell_bits: int) -> None:
    """Signed errors drive the 6 weights of a PE's rows: fewest bits lose nothing, one fewer does."""
    generator = np.random.default_rng(3)
    encoding = Encoding(sign=sign, weight_bits=8, cell_bits=cell_bits)
    w = generator.integers(-127, 128, (9, 20))
    w[0], w[1] = -127, 127
    errors = generator.integers(-128, 128, (4, 20))
    errors[0], errors[1] = -1, 127  # all bits of all errors, and all but the sign
    bits = transposed_bits(encoding, outputs=6, digit_bits=1)
    exact = []
    for adc_bits in (bits, bits - 1):
        config = BitSliceConfig(
            rows=6, cell_bits=cell_bits, x_signed=True, adc_bits=adc_bits,
            w_map="offset" if sign == "offset" else "diff", pair="converted" if sign == "offset" else "subtracted",
        )  # fmt: skip
        y = bit_sliced_matmul(errors, w.T, config)
        np.testing.assert_array_equal(y, sliced_product(errors, w.T, config))
        exact.append(np.array_equal(y, errors @ w.T))
    assert exact == [True, False]
