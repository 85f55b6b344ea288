"""Counting bits in compiled C: whole words of rows, every size of group, every rounding."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imcsim.core.errors import ConfigError
from imcsim.crossbar import BitSliceConfig, bit_sliced_conv2d, bit_sliced_matmul, program_weights
from imcsim.crossbar.slicing import bit_counts
from tests.crossbar.slicing_engines import ENGINES, force_engine
from tests.crossbar.slicing_oracle import sliced_convolution, tabled_product

_BY_HYPOTHESIS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    force_engine(str(request.param), monkeypatch)
    return str(request.param)


def codes(config: BitSliceConfig, vectors: int, fan_in: int, outputs: int) -> tuple[Any, Any]:
    generator = np.random.default_rng(vectors)
    x = generator.integers(*config.x_range, size=(vectors, fan_in), endpoint=True)
    x[0] = config.x_range[1]
    return x, generator.integers(*config.w_range, size=(fan_in, outputs), endpoint=True)


@pytest.mark.parametrize("rows", [31, 32, 33, 100, 128, 200])
@pytest.mark.parametrize("cell_bits", [1, 2, 3])
def test_groups_of_whole_and_broken_words(engine: str, rows: int, cell_bits: int) -> None:
    """More vectors than are packed at once, more columns than a block, a short last group."""
    config = BitSliceConfig(rows=rows, cell_bits=cell_bits, adc_bits=5, adc_step=3)
    x, w = codes(config, 67, 290, 18)
    np.testing.assert_array_equal(bit_sliced_matmul(x, w, config), tabled_product(x, w, config))


@pytest.mark.parametrize("w_map", ["offset", "diff", "twos"])
@pytest.mark.parametrize("signed", [False, True])
def test_usual_arrays(engine: str, w_map: str, signed: bool) -> None:
    config = BitSliceConfig(rows=128, cell_bits=1, w_map=w_map, x_signed=signed, adc_bits=5, adc_step=2)
    x, w = codes(config, 9, 260, 33)
    np.testing.assert_array_equal(bit_sliced_matmul(x, w, config), tabled_product(x, w, config))


@_BY_HYPOTHESIS
@given(
    step=st.integers(2, 3000),
    rows=st.integers(1, 40),
    adc_bits=st.integers(1, 20),
    rounding=st.sampled_from(["half_up", "floor", "half_even"]),
)
def test_every_step_rounds_every_sum(engine: str, step: int, rows: int, adc_bits: int, rounding: str) -> None:
    """Eight bits a cell and a cycle: sums to two million, with ties on purpose."""
    config = BitSliceConfig(rows=rows, cell_bits=8, dac_bits=8, adc_bits=adc_bits, adc_step=step, adc_round=rounding)
    x, w = codes(config, 3, rows, 20)
    x[1:, 1:], w[:, :10] = 0, np.arange(10) - 128  # cells 0..9 in one row: small sums
    x[1, 0], x[2, 0] = min(255, step // 2), min(255, step)
    p = x.astype(int) @ (w + 128)
    if rounding == "floor":
        code = p // step
    else:
        code = (2 * p + step) // (2 * step)
        if rounding == "half_even":
            code -= (2 * p % (2 * step) == step) & (code % 2 == 1)
    value = np.minimum(code, 2**adc_bits - 1) * step
    np.testing.assert_array_equal(bit_sliced_matmul(x, w, config), value - 128 * x.sum(axis=1, keepdims=True))


def test_threads_share_the_vectors() -> None:
    config = BitSliceConfig(rows=128, cell_bits=2, adc_bits=6, adc_step=4)
    x, w = codes(config, 300, 140, 20)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = bit_sliced_matmul(x, w, config)
        torch.set_num_threads(3)
        three = bit_sliced_matmul(x, w, config)
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(one, three)


@pytest.mark.parametrize("kernel", [(3, 3), (1, 1), (2, 5)])
@pytest.mark.parametrize("bits", [4, 6])
def test_convolutions_of_many_channels(engine: str, kernel: tuple[int, int], bits: int) -> None:
    """The two roads of a convolution: 4 bits clip, 6 bits never do."""
    config = BitSliceConfig(rows=20, cell_bits=2, x_bits=3, w_bits=4, adc_bits=bits)
    generator = np.random.default_rng(2)
    x = generator.integers(0, 8, (2, 9, 6, 7))
    w = generator.integers(-8, 8, (3, 9, *kernel))
    y = np.asarray(bit_sliced_conv2d(x, w, config, 2, 1))
    np.testing.assert_array_equal(y, sliced_convolution(x, w, config, 2, 1))
    assert y.flags.c_contiguous


@pytest.mark.parametrize("channels", [90, 700])
def test_plain_convolutions_stay_exact_beyond_float32(channels: int) -> None:
    """Sums of 8-bit codes pass 2^24 at fan-ins above 514: channels are cut; 12-bit codes need float64."""
    generator = np.random.default_rng(4)
    for bits in (8, 12):
        config = BitSliceConfig(rows=128, cell_bits=2, w_bits=bits, x_bits=bits)
        x = generator.integers(2**bits - 20, 2**bits, (1, channels, 4, 3))
        w = generator.integers(-(2 ** (bits - 1)), 20 - 2 ** (bits - 1), (2, channels, 3, 3))
        wanted = torch.nn.functional.conv2d(torch.tensor(x).double(), torch.tensor(w).double())
        np.testing.assert_array_equal(bit_sliced_conv2d(x, w, config), wanted.long().numpy())


def test_the_default_device_and_type_of_torch_do_not_matter(engine: str) -> None:
    """A tensor made without a device would land on ``meta``, which holds no numbers."""
    config = BitSliceConfig(rows=20, cell_bits=2, adc_bits=5, adc_step=2)
    x, w = (torch.tensor(part) for part in codes(config, 4, 36, 18))
    image, kernel = x.view(4, 4, 3, 3), w.view(18, 4, 3, 3)
    clear = config.model_copy(update={"adc_bits": None})
    wanted = [bit_sliced_matmul(x, w, one) for one in (config, clear)]
    wanted += [bit_sliced_conv2d(image, kernel, one, 1, 1) for one in (config, clear)]
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            found = [bit_sliced_matmul(x, w, one) for one in (config, clear)]
            found += [bit_sliced_conv2d(image, kernel, one, 1, 1) for one in (config, clear)]
    finally:
        torch.set_default_dtype(torch.float32)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
def test_a_gpu_gives_the_same_integers() -> None:
    for fields in ({"adc_bits": 6, "adc_step": 4}, {"adc_bits": 8}, {"adc_bits": 9}):
        config = BitSliceConfig(rows=128, cell_bits=2, **fields)
        x, w = codes(config, 40, 288, 20)
        y = bit_sliced_matmul(torch.tensor(x).cuda(), torch.tensor(w).cuda(), config)
        assert isinstance(y, torch.Tensor)
        assert y.device.type == "cuda"
        np.testing.assert_array_equal(y.cpu().numpy(), bit_sliced_matmul(x, w, config))


def test_weights_that_came_from_a_machine_with_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    config = BitSliceConfig(rows=4, cell_bits=2, adc_bits=3)
    x, w = codes(config, 2, 8, 3)
    weights = program_weights(w, config)
    monkeypatch.setattr(bit_counts, "compiled_library", lambda *_: None)
    if bit_counts.can_count(config, 4, torch.device("cpu")):
        pytest.skip("no C compiler here")
    with pytest.raises(ConfigError, match="w was programmed with a C compiler, which is missing here"):
        bit_sliced_matmul(x, weights)
