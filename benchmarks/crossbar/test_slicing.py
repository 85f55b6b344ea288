"""Bit-sliced products as multiples of the plain float32 product or convolution of the same shape, one thread, CPU time.

Run ``OMP_NUM_THREADS=1 python -m pytest benchmarks/crossbar/test_slicing.py -p benchmark --benchmark-only``; the rows
go into ``slicing.csv``. The calls of a row are made in turn, in one process.
"""

import json
import subprocess
import sys
from typing import Any

import pytest
import torch
from measured import machine, record, row_of, times_in_turn_s

from imcsim.crossbar import BitSliceConfig, bit_sliced_conv2d, bit_sliced_matmul, program_weights
from imcsim.crossbar.slicing import bit_counts, engines, programmed

# Name, configuration, and the goal: the ratio to stay below.
_POINTS: dict[str, tuple[dict[str, Any], float]] = {
    "2-bit cells / 6-bit ADC / step 4": ({"cell_bits": 2, "adc_bits": 6, "adc_step": 4}, 18),
    "2-bit cells / 8-bit ADC / step 2": ({"cell_bits": 2, "adc_bits": 8, "adc_step": 2}, 18),
    "1-bit cells / 5-bit ADC / step 2": ({"cell_bits": 1, "adc_bits": 5, "adc_step": 2}, 33),
    "1-bit cells / two's complement / 6-bit ADC / step 2": (
        {"cell_bits": 1, "adc_bits": 6, "adc_step": 2, "w_map": "twos"},
        33,
    ),
    "2-bit pairs / 5-bit ADC / step 2": ({"cell_bits": 2, "adc_bits": 5, "adc_step": 2, "w_map": "diff"}, 33),
    "transparent by configuration: 2-bit cells / 9-bit ADC": ({"cell_bits": 2, "adc_bits": 9}, 2),
    "transparent by these weights: 2-bit cells / 8-bit ADC": ({"cell_bits": 2, "adc_bits": 8}, 2),
}
_PROGRAMMED = " (programmed weights)"
_SHAPES = {
    "product": "product 512 x 512 batch 256",
    "convolution": "convolution 64 to 128 3 x 3 at 16 x 16 batch 32",
}
_SLACK = {"bits": 1 if "avx512_vpopcntdq" in machine() else 2, "bytes": 2, "floats": 10}  # times the goal
_FIRST = """
import json, time, torch
from imcsim.crossbar import BitSliceConfig, bit_sliced_matmul
torch.set_num_threads(1)
generator = torch.Generator().manual_seed(0)
x = torch.randint(0, 256, (256, 512), generator=generator)
w = (torch.randn(512, 512, generator=generator) * 32).round().clamp(-127, 127).to(torch.int64)
config = BitSliceConfig(rows=128, cell_bits=2, adc_bits=6, adc_step=4)
xf, wf = x.float(), w.float()
def seconds(call):
    start = time.process_time()
    call()
    return time.process_time() - start
plain = min(seconds(lambda: xf @ wf) for _ in range(20))
print(json.dumps([plain, *(seconds(lambda: bit_sliced_matmul(x, w, config)) for _ in range(2))]))
"""


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


def leave_engine(name: str, patch: Any) -> None:
    """Leave one engine; skip where this machine has none such."""
    if name == "bits":
        if not bit_counts.can_count(BitSliceConfig(rows=4, cell_bits=2, adc_bits=4), 4, torch.device("cpu")):
            pytest.skip("no C compiler here")
        return
    patch.setattr(programmed, "can_count", lambda *_: False)
    if name == "floats":
        patch.setattr(engines, "_has_bytes", lambda: False)
    elif not engines._has_bytes():
        pytest.skip("this CPU has no exact byte products")


@pytest.mark.parametrize("engine", ["bits", "bytes", "floats"])
@pytest.mark.parametrize("shape", _SHAPES)
@pytest.mark.parametrize("name", _POINTS)
def test_overhead(benchmark: Any, monkeypatch: Any, name: str, shape: str, engine: str) -> None:
    leave_engine(engine, monkeypatch)
    fields, goal = _POINTS[name]
    config = BitSliceConfig(rows=128, **fields)
    product = shape == "product"
    x, w = codes((256, 512), (512, 512)) if product else codes((32, 64, 16, 16), (128, 64, 3, 3))
    xf, wf, ready = x.float(), w.float(), program_weights(w, config)
    if product:
        plain = lambda: xf @ wf  # noqa: E731
        sliced, again = (lambda: bit_sliced_matmul(x, w, config)), (lambda: bit_sliced_matmul(x, ready))
    else:
        plain = lambda: torch.nn.functional.conv2d(xf, wf, padding=1)  # noqa: E731
        sliced, again = (
            (lambda: bit_sliced_conv2d(x, w, config, 1, 1)),
            (lambda: bit_sliced_conv2d(x, ready, None, 1, 1)),
        )
    times = times_in_turn_s([plain, sliced, again], 25 if engine == "bits" or goal <= 2 else 7)
    rows = [
        row_of(name + kind, _SHAPES[shape], engine, times[:, k], times[:, 0]) for k, kind in ((1, ""), (2, _PROGRAMMED))
    ]
    record("slicing", rows)
    benchmark.extra_info.update(rows[0])
    benchmark.pedantic(sliced, rounds=1)
    assert times[:, 1].min() / times[:, 0].min() < goal * (_SLACK[engine] if goal > 2 else 1)


@pytest.mark.parametrize("engine", ["bits", "bytes"])
def test_first_calls_of_a_fresh_process(benchmark: Any, monkeypatch: Any, engine: str) -> None:
    """With the C library built, but not loaded: page faults, loading and torch's own first calls are in it."""
    leave_engine(engine, monkeypatch)
    monkeypatch.setenv("IMCSIM_NATIVE", "1" if engine == "bits" else "0")

    def run() -> list[float]:
        ran = subprocess.run([sys.executable, "-c", _FIRST], check=True, capture_output=True, text=True)
        times: list[float] = json.loads(ran.stdout)
        return times

    plain, *calls = zip(*(run() for _ in range(7)), strict=True)
    names = ("first call of a fresh process", "second call of a fresh process")
    where = _SHAPES["product"]
    point = next(iter(_POINTS))
    rows = [row_of(f"{point} ({what})", where, engine, call, plain) for what, call in zip(names, calls, strict=True)]
    record("slicing", rows)
    benchmark.extra_info.update(rows[0])
    benchmark.pedantic(run, rounds=1)
    assert min(calls[0]) / min(plain) < 18 * _SLACK[engine]
