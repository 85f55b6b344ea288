"""Weights programmed once: the same integers, no stale preparation, and which groups can clip."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imcsim.core.errors import ConfigError
from imcsim.crossbar import BitSliceConfig, SlicedWeights, bit_sliced_conv2d, bit_sliced_matmul, program_weights
from tests.crossbar.slicing_engines import ENGINES, force_engine
from tests.crossbar.slicing_oracle import cells_of, sliced_convolution, sliced_product

_CONFIGS = [
    BitSliceConfig(rows=5, cell_bits=2, w_bits=4, x_bits=3, adc_bits=2, adc_step=3),  # every conversion explicit
    BitSliceConfig(rows=5, cell_bits=2, w_bits=4, x_bits=3, adc_bits=3),  # some weights clip
    BitSliceConfig(rows=5, cell_bits=1, w_bits=4, x_bits=3, adc_bits=3),  # none can
    BitSliceConfig(rows=5, cell_bits=2, w_bits=4, x_bits=3, adc_bits=3, w_map="diff"),
    BitSliceConfig(rows=5, cell_bits=2, w_bits=10, x_bits=9, adc_bits=3),  # codes that fill no byte
]
_BY_HYPOTHESIS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    force_engine(str(request.param), monkeypatch)
    return str(request.param)


def codes(config: BitSliceConfig, seed: int) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    x = generator.integers(*config.x_range, size=(3, 12), endpoint=True)
    return x, generator.integers(*config.w_range, size=(12, 4), endpoint=True)


@_BY_HYPOTHESIS
@given(
    config=st.sampled_from(_CONFIGS),
    seed=st.integers(0, 99),
    changes=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 3), st.integers(-8, 7)), min_size=1, max_size=4),
    kind=st.sampled_from(["numpy", "torch"]),
)
def test_weights_that_change_never_meet_a_stale_preparation(
    engine: str, config: BitSliceConfig, seed: int, changes: list[tuple[int, int, int]], kind: str
) -> None:
    """Plain calls follow the codes; programmed weights stay what they were programmed to."""
    x, w = codes(config, seed)
    shared = torch.from_numpy(w) if kind == "torch" else w
    given_x = torch.from_numpy(x) if kind == "torch" else x
    programmed, before = program_weights(shared, config), sliced_product(x, w, config)
    for row, column, value in changes:
        w[row, column] = value
        now = sliced_product(x, w, config)
        np.testing.assert_array_equal(np.asarray(bit_sliced_matmul(given_x, shared, config)), now)
        np.testing.assert_array_equal(np.asarray(bit_sliced_matmul(given_x, programmed)), before)
        np.testing.assert_array_equal(np.asarray(bit_sliced_matmul(given_x, program_weights(shared, config))), now)


@_BY_HYPOTHESIS
@given(rows=st.integers(1, 9), cell_bits=st.integers(1, 4), adc_bits=st.integers(1, 6), seed=st.integers(0, 99))
@pytest.mark.parametrize("w_map", ["offset", "diff"])
@pytest.mark.parametrize("w_bits", [6, 9])
def test_groups_clip_exactly_where_the_densest_input_does(
    w_map: str, w_bits: int, rows: int, cell_bits: int, adc_bits: int, seed: int
) -> None:
    config = BitSliceConfig(rows=rows, cell_bits=cell_bits, w_bits=w_bits, w_map=w_map, adc_bits=adc_bits, dac_bits=2)
    generator = np.random.default_rng(seed)
    half = 2 ** (w_bits - 1)
    w = (generator.normal(0, half / 4, (23, 3)).round().clip(1 - half, half - 1)).astype(int)
    levels = np.array([[[level for level, _ in cells_of(int(code), config)] for code in row] for row in w])
    starts = range(0, len(w), rows)
    densest = [3 * levels[k : k + rows].sum(axis=0).max() for k in starts]
    wanted = tuple(slice(k, min(k + rows, 23)) for k, p in zip(starts, densest, strict=True) if p > 2**adc_bits - 1)
    assert program_weights(w, config).clipping == wanted


def test_bytes_do_not_overflow_in_large_groups() -> None:
    """300 rows of full cells: column sums of 300 and 900, far above a byte."""
    w = np.full((600, 9), 127)
    w[300:] = -128
    for cell_bits, limit in ((1, 8), (2, 9)):
        config = BitSliceConfig(rows=300, cell_bits=cell_bits, adc_bits=limit)
        assert program_weights(w, config).clipping == (slice(0, 300),)
        assert program_weights(w, config.model_copy(update={"adc_bits": limit + 1})).clipping == ()


@pytest.mark.parametrize("config", _CONFIGS)
def test_convolutions_read_programmed_kernels(engine: str, config: BitSliceConfig) -> None:
    generator = np.random.default_rng(1)
    x = generator.integers(0, 8, (2, 3, 5, 4))
    w = generator.integers(-8, 8, (4, 3, 2, 3))
    y = bit_sliced_conv2d(x, program_weights(w, config), padding=1)
    np.testing.assert_array_equal(y, sliced_convolution(x, w, config, 1, 1))
    assert isinstance(y, np.ndarray)


def test_the_kind_of_the_inputs_comes_back() -> None:
    x, w = codes(_CONFIGS[0], 3)
    weights = program_weights(torch.tensor(w), _CONFIGS[0])
    assert isinstance(weights, SlicedWeights)
    assert weights.shape == (12, 4)
    assert isinstance(bit_sliced_matmul(x, weights), np.ndarray)
    assert isinstance(bit_sliced_matmul(torch.tensor(x), weights, _CONFIGS[0]), torch.Tensor)


@pytest.mark.parametrize("config", _CONFIGS)
def test_copies_and_pickles_read_the_same(engine: str, config: BitSliceConfig) -> None:
    x, w = codes(config, 5)
    weights = program_weights(w, config)
    for other in (copy.deepcopy(weights), pickle.loads(pickle.dumps(weights))):
        np.testing.assert_array_equal(bit_sliced_matmul(x, other), bit_sliced_matmul(x, w, config))


def test_programmed_weights_cannot_be_changed() -> None:
    weights = program_weights(codes(_CONFIGS[0], 1)[1], _CONFIGS[0])
    with pytest.raises(AttributeError):
        weights.config = _CONFIGS[1]  # type: ignore[misc]


def test_empty_weights() -> None:
    weights = program_weights(np.zeros((12, 0), dtype=np.int8), _CONFIGS[0])
    assert bit_sliced_matmul(codes(_CONFIGS[0], 1)[0], weights).shape == (3, 0)
    assert weights.clipping == ()


def test_refusals() -> None:
    x, w = codes(_CONFIGS[0], 1)
    weights = program_weights(w, _CONFIGS[0])
    with pytest.raises(ConfigError, match="config must be the one that w was programmed with, or be left out"):
        bit_sliced_matmul(x, weights, _CONFIGS[1])
    with pytest.raises(ConfigError, match="config must be given unless w is programmed"):
        bit_sliced_matmul(x, w)
    with pytest.raises(ConfigError, match="x must be on cpu, where w was programmed, given meta"):
        bit_sliced_matmul(torch.zeros(3, 12, dtype=torch.int64, device="meta"), weights)
    with pytest.raises(ConfigError, match=r"x \(..., D\) and w \(D, N\) must share D, given \(3, 11\), \(12, 4\)"):
        bit_sliced_matmul(x[:, :11], weights)
    with pytest.raises(ConfigError, match=r"x must be \(B, C, H, W\) or \(C, H, W\) and w \(N, C / groups, kh, kw\)"):
        bit_sliced_conv2d(x, weights)
    with pytest.raises(ConfigError, match=r"w must be \(D, N\), or \(N, C, kh, kw\) for convolutions, given \(12,\)"):
        program_weights(w[:, 0], _CONFIGS[0])
    with pytest.raises(ConfigError, match=r"w must hold codes in -8..7, given 8..8"):
        program_weights(w * 0 + 8, _CONFIGS[0])
