"""Bit-sliced products as multiples of the plain float32 product or convolution of the same shape, one thread, CPU time.

Run ``python -m pytest benchmarks/crossbar/test_slicing.py -p benchmark --benchmark-only``; each row's ``extra_info``
holds its ratio, taken in one process with calls in turn. Without ``--benchmark-only`` the ratios are the same.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch

from imcsim.crossbar import BitSliceConfig, bit_sliced_conv2d, bit_sliced_matmul
from imcsim.crossbar.slicing import engines

_ROUNDS = 9
# Name, configuration, and the ratio to stay below (twice the goal for a busy machine; the table is in the docs).
_POINTS: dict[str, tuple[dict[str, Any], float]] = {
    "2-bit cells, 6-bit ADC, step 4": ({"cell_bits": 2, "adc_bits": 6, "adc_step": 4}, 36),
    "2-bit cells, 8-bit ADC, step 2": ({"cell_bits": 2, "adc_bits": 8, "adc_step": 2}, 36),
    "1-bit cells, 5-bit ADC, step 2": ({"cell_bits": 1, "adc_bits": 5, "adc_step": 2}, 66),
    "1-bit cells, two's complement": ({"cell_bits": 1, "adc_bits": 6, "adc_step": 2, "w_map": "twos"}, 66),
    "2-bit pairs, 5-bit ADC, step 2": ({"cell_bits": 2, "adc_bits": 5, "adc_step": 2, "w_map": "diff"}, 66),
    "transparent by configuration": ({"cell_bits": 2, "adc_bits": 9}, 4),
    "transparent by these weights": ({"cell_bits": 2, "adc_bits": 8}, 9),
}


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def codes(x_shape: tuple[int, ...], w_shape: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Uniform 8-bit inputs, normal 8-bit weights of deviation 32."""
    generator = torch.Generator().manual_seed(0)
    w = (torch.randn(w_shape, generator=generator) * 32).round().clamp(-127, 127)
    return torch.randint(0, 256, x_shape, generator=generator), w.to(torch.int64)


def best_times_s(calls: list[Callable[[], object]]) -> list[float]:
    """CPU time of each call, the best of several rounds in turn."""
    for call in calls:
        call()
    rounds = []
    for _ in range(_ROUNDS):
        times = []
        for call in calls:
            start = time.process_time()
            call()
            times.append(time.process_time() - start)
        rounds.append(times)
    return [min(times) for times in zip(*rounds, strict=True)]


@pytest.mark.parametrize("engine", ["bytes", "floats"])
@pytest.mark.parametrize("shape", ["matmul", "convolution"])
@pytest.mark.parametrize("name", _POINTS)
def test_overhead(benchmark: Any, monkeypatch: Any, name: str, shape: str, engine: str) -> None:
    fields, limit = _POINTS[name]
    if engine == "floats":
        monkeypatch.setattr(engines, "_has_bytes", lambda: False)
        limit *= 5
    elif not engines._has_bytes():
        pytest.skip("this CPU has no exact byte products")
    config = BitSliceConfig(rows=128, **fields)
    if shape == "matmul":
        x, w = codes((256, 512), (512, 512))
        xf, wf = x.float(), w.float()
        plain, sliced = (lambda: xf @ wf), (lambda: bit_sliced_matmul(x, w, config))
    else:
        x, w = codes((32, 64, 16, 16), (128, 64, 3, 3))
        xf, wf = x.float(), w.float()
        plain = lambda: torch.nn.functional.conv2d(xf, wf, padding=1)  # noqa: E731
        sliced = lambda: bit_sliced_conv2d(x, w, config, 1, 1)  # noqa: E731
    plain_s, sliced_s = best_times_s([plain, sliced])
    benchmark.extra_info.update(plain_ms=plain_s * 1e3, sliced_ms=sliced_s * 1e3, ratio=sliced_s / plain_s)
    benchmark.pedantic(sliced, rounds=1)
    assert sliced_s / plain_s < limit
