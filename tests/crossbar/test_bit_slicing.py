"""Bit-sliced products against a loop over every bit line, on all engines, and what they must obey."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imcsim.crossbar import BitSliceConfig, bit_sliced_conv2d, bit_sliced_matmul
from tests.crossbar.slicing_engines import ENGINES, force_engine
from tests.crossbar.slicing_oracle import sliced_convolution, sliced_product

_CASES = sorted(Path(os.environ.get("IMCSIM_CASES", "absent"), "mvm").glob("*.npz"))


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    force_engine(str(request.param), monkeypatch)
    return str(request.param)


@st.composite
def configs(draw: st.DrawFn) -> BitSliceConfig:
    w_map = draw(st.sampled_from(["offset", "diff", "twos"]))
    signed = draw(st.booleans())
    w_bits, x_bits = draw(st.integers(2, 9)), draw(st.integers(1, 9))
    pair = draw(st.sampled_from(["converted", "subtracted"])) if w_map == "diff" else "converted"
    fields: dict[str, Any] = {
        "rows": draw(st.integers(1, 12)),
        "cell_bits": 1 if w_map == "twos" else min(w_bits, draw(st.sampled_from([1, 2, 3, 4]))),
        "dac_bits": 1 if signed else min(x_bits, draw(st.sampled_from([1, 2, 4]))),
        "w_bits": w_bits,
        "x_bits": x_bits,
        "x_signed": signed,
        "w_map": w_map,
        "pair": pair,
        "open_rows": draw(st.integers(0, 14)),
        "adc_bits": draw(st.one_of(st.none(), st.integers(2 if pair == "subtracted" else 1, 10))),
        "adc_step": draw(st.integers(1, 9)),
        "adc_round": draw(st.sampled_from(["half_up", "floor", "half_even"])),
    }
    return BitSliceConfig(**fields)


def codes(config: BitSliceConfig, seed: int, fan_in: int = 19, outputs: int = 5) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    x = generator.integers(*config.x_range, size=(3, fan_in), endpoint=True)
    x[0] = config.x_range[1]  # dense inputs clip most
    x[:, : fan_in // 3] *= seed % 2  # and zero rows are where bounds bite
    return x, generator.integers(*config.w_range, size=(fan_in, outputs), endpoint=True)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=configs(), seed=st.integers(0, 99))
def test_equals_the_loop_over_every_bit_line(engine: str, config: BitSliceConfig, seed: int) -> None:
    x, w = codes(config, seed)
    np.testing.assert_array_equal(bit_sliced_matmul(x, w, config), sliced_product(x, w, config))


@settings(max_examples=60, deadline=None)
@given(config=configs(), seed=st.integers(0, 99))
def test_an_ideal_converter_gives_the_plain_product(config: BitSliceConfig, seed: int) -> None:
    ideal = config.model_copy(update={"adc_bits": None})
    x, w = codes(ideal, seed, fan_in=40)
    np.testing.assert_array_equal(bit_sliced_matmul(x, w, ideal), x @ w)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(config=configs(), seed=st.integers(0, 99))
def test_collapsing_changes_nothing(engine: str, config: BitSliceConfig, seed: int) -> None:
    """With every bound refused, all conversions are explicit, and the integers stay the same."""
    config = config.model_copy(update={"adc_bits": config.adc_bits or 5})
    x, w = codes(config, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imcsim.crossbar.slicing.programmed.clipping_groups", lambda w, given: given.groups(len(w)))
        patch.setattr(
            "imcsim.crossbar.slicing.tiles.not_transparent",
            lambda peaks, *_: torch.ones(len(peaks), len(config.slice_weights), dtype=torch.bool),
        )
        explicit = bit_sliced_matmul(x, w, config)
    np.testing.assert_array_equal(bit_sliced_matmul(x, w, config), explicit)


@settings(max_examples=40, deadline=None)
@given(config=configs(), seed=st.integers(0, 99))
def test_groups_of_rows_add_up(config: BitSliceConfig, seed: int) -> None:
    x, w = codes(config, seed, fan_in=3 * config.rows + 1)
    parts = [
        bit_sliced_matmul(x[:, k : k + config.rows], w[k : k + config.rows], config)
        for k in range(0, len(w), config.rows)
    ]
    np.testing.assert_array_equal(bit_sliced_matmul(x, w, config), sum(parts))


@settings(max_examples=40, deadline=None)
@given(config=configs(), seed=st.integers(0, 99))
def test_order_of_vectors_and_outputs_does_not_matter(config: BitSliceConfig, seed: int) -> None:
    x, w = codes(config, seed, outputs=18)
    y = bit_sliced_matmul(x, w, config)
    np.testing.assert_array_equal(bit_sliced_matmul(x[::-1], w[:, ::-1], config), y[::-1, ::-1])


@pytest.mark.parametrize("w_map", ["offset", "diff", "twos"])
@pytest.mark.parametrize("step", [1, 3])
def test_tiles_and_many_vectors(engine: str, w_map: str, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors, columns and groups cut many times over give what one piece gives."""
    config = BitSliceConfig(rows=16, cell_bits=1, w_map=w_map, adc_bits=3, adc_step=step)
    x, w = codes(config, 1, fan_in=70, outputs=40)
    x = np.tile(x, (9, 1))
    whole = bit_sliced_matmul(x, w, config)
    monkeypatch.setattr("imcsim.crossbar.slicing.tiles._TILE", {"cpu": (16, 128)})
    monkeypatch.setattr("imcsim.crossbar.slicing.tiles._VECTORS_AT_ONCE", 5)
    np.testing.assert_array_equal(bit_sliced_matmul(x, w, config), whole)
    np.testing.assert_array_equal(whole[:3], sliced_product(x[:3], w, config))


def test_by_hand() -> None:
    """x = 3: planes 1 and 1; w = 1, -2: cells 3 and 0. Both sums are 3 and clip to 1: 1 + 2, less the offset 2 * 6."""
    config = BitSliceConfig(rows=2, cell_bits=2, w_bits=2, x_bits=2, adc_bits=1)
    y = bit_sliced_matmul(np.array([[3, 3]]), np.array([[1], [-2]]), config)
    assert y.tolist() == [[1 + 2 - 2 * 6]]


@pytest.mark.parametrize(
    ("rounding", "codes_of_sums"),
    [
        ("half_up", [0, 0, 1, 1, 1, 1, 2, 2]),
        ("floor", [0, 0, 0, 0, 1, 1, 1, 1]),
        ("half_even", [0, 0, 0, 1, 1, 1, 2, 2]),
    ],
)
def test_rounding_of_each_sum(engine: str, rounding: str, codes_of_sums: list[int]) -> None:
    config = BitSliceConfig(
        rows=7, cell_bits=1, w_bits=2, x_bits=1, w_map="diff", adc_bits=8, adc_step=4, adc_round=rounding
    )
    x = np.tril(np.ones((8, 7), dtype=np.int64), -1)  # vector i switches i rows on
    y = bit_sliced_matmul(x, np.ones((7, 1), dtype=np.int64), config)
    assert isinstance(y, np.ndarray)
    assert (y[:, 0] // 4).tolist() == codes_of_sums


@pytest.mark.parametrize(("stride", "pad"), [(1, 0), (2, 1), (3, 2)])
@pytest.mark.parametrize("bits", [3, None])
def test_convolution(engine: str, stride: int, pad: int, bits: int | None) -> None:
    config = BitSliceConfig(rows=7, cell_bits=2, w_map="diff", adc_bits=bits, adc_step=2 if bits else 1)
    generator = np.random.default_rng(3)
    x = generator.integers(0, 256, (2, 3, 6, 5)).astype(np.uint8)
    w = generator.integers(-128, 128, (4, 3, 3, 2)).astype(np.int8)
    y = bit_sliced_conv2d(x, w, config, stride, pad)
    np.testing.assert_array_equal(y, sliced_convolution(x, w, config, stride, pad))


def test_large_sums_stay_exact() -> None:
    """16-bit codes over a long fan-in leave float32 far behind, with and without converter."""
    generator = np.random.default_rng(5)
    x, w = generator.integers(0, 1 << 16, (3, 700)), generator.integers(-(1 << 15), 1 << 15, (700, 4))
    ideal = BitSliceConfig(rows=256, cell_bits=8, dac_bits=8, w_bits=16, x_bits=16)
    np.testing.assert_array_equal(bit_sliced_matmul(x, w, ideal), x @ w)
    coarse = ideal.model_copy(update={"adc_bits": 12, "adc_step": 1001})
    np.testing.assert_array_equal(bit_sliced_matmul(x, w, coarse), sliced_product(x, w, coarse))


def test_exact_where_reduced_precision_is_allowed() -> None:
    """A user who lets float32 products run in bfloat16 still gets the integers."""
    config = BitSliceConfig(rows=128, cell_bits=2, adc_bits=6, adc_step=4)
    x, w = codes(config, 7, fan_in=150)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        y = bit_sliced_matmul(x, w, config)
    finally:
        torch.set_float32_matmul_precision(before)
    np.testing.assert_array_equal(y, sliced_product(x, w, config))


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_any_integer_type_same_kind_out(kind: str) -> None:
    config = BitSliceConfig(rows=4, cell_bits=2, w_bits=4, x_bits=4, adc_bits=3)
    x, w = codes(config, 9)
    wanted = sliced_product(x, w, config)
    y = bit_sliced_matmul(x.astype(kind), w, config)
    assert isinstance(y, np.ndarray)
    assert y.dtype == np.int64
    np.testing.assert_array_equal(y, wanted)
    tensor = bit_sliced_matmul(torch.tensor(x).to(getattr(torch, kind)), torch.tensor(w), config)
    assert isinstance(tensor, torch.Tensor)
    assert tensor.dtype == torch.int64
    np.testing.assert_array_equal(tensor.numpy(), wanted)


def test_leading_and_empty_dimensions() -> None:
    config = BitSliceConfig(rows=4, cell_bits=2, adc_bits=3)
    x, w = codes(config, 11)
    y = bit_sliced_matmul(np.stack([x, x]), w, config)
    np.testing.assert_array_equal(y[1], bit_sliced_matmul(x, w, config))
    assert bit_sliced_matmul(x[:0], w, config).shape == (0, 5)
    assert bit_sliced_matmul(x, w[:, :0], config).shape == (3, 0)
    image, kernel = np.zeros((0, 2, 5, 4), dtype=np.uint8), np.zeros((3, 2, 3, 3), dtype=np.int8)
    assert bit_sliced_conv2d(image, kernel, config).shape == (0, 3, 3, 2)


@pytest.mark.skipif(not _CASES, reason="IMCSIM_CASES names no folder with mvm cases")
@pytest.mark.parametrize("path", _CASES, ids=lambda path: str(path.stem))
def test_published_cases(engine: str, path: Path) -> None:
    case = np.load(path)
    config = BitSliceConfig(**json.loads(str(case["config"])))
    if "stride" in case:
        y = bit_sliced_conv2d(case["x"], case["w"], config, int(case["stride"]), int(case["pad"]))
    else:
        y = bit_sliced_matmul(case["x"], case["w"], config)
    np.testing.assert_array_equal(y, case["y"])


def test_import_stays_light() -> None:
    code = "import sys, imcsim.crossbar; sys.exit(bool({'torch', 'scipy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
