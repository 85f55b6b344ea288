"""Networks on crossbars against plain torch: a hardware-aware training step, and evaluation on the arrays.

One thread, processor time of this process, the two of a group in one run. What bounds a training step of the small net:
normal numbers for its 200,000 weights take as long as the plain step's products. What bounds evaluation: 64 times the
plain multiply-adds (8 planes x 8 cells) and one normal number for each conversion, which takes 60 % of the time.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

import imcsim
from imcsim.learn.networks import build_network

BATCH, IMAGES = 64, 50
NETWORKS: dict[str, tuple[str, tuple[int, int, int], dict[str, Any]]] = {
    "784-256-10": ("mlp", (1, 28, 28), {"hidden": (256,)}),
    "convnet": ("convnet", (1, 28, 28), {"norm": True}),
    "convnet-cifar": ("convnet", (3, 32, 32), {"norm": True}),
}
timed = pytest.mark.benchmark(timer=time.process_time, warmup=True, min_rounds=20)


def network(name: str) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    torch.set_num_threads(1)
    kind, shape, params = NETWORKS[name]
    built = build_network(kind, 10, shape, params, 0)
    generator = torch.Generator().manual_seed(0)
    return built, torch.rand(BATCH, *shape, generator=generator), torch.randint(10, (BATCH,), generator=generator)


def stepper(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> Callable[[], None]:
    optimizer = torch.optim.SGD(net.train().parameters(), 0.01)

    def step() -> None:
        optimizer.zero_grad()
        functional.cross_entropy(net(x), y).backward()
        optimizer.step()

    return step


@timed
@pytest.mark.parametrize("name", NETWORKS)
def test_step_plain(benchmark: Callable[..., Any], name: str) -> None:
    benchmark.group = f"training step, {name}, batch {BATCH}"  # type: ignore[attr-defined]
    benchmark(stepper(*network(name)))


@timed
@pytest.mark.parametrize("name", NETWORKS)
def test_step_hardware_aware(benchmark: Callable[..., Any], name: str) -> None:
    benchmark.group = f"training step, {name}, batch {BATCH}"  # type: ignore[attr-defined]
    net, x, y = network(name)
    benchmark(stepper(imcsim.convert(net, imcsim.load("chip", "hybrid-28nm")), x, y))


RESNET = pytest.mark.benchmark(group=f"ResNet-18 width 16, {IMAGES} images of 32 x 32", timer=time.process_time)


@pytest.fixture(scope="module")
def resnet() -> tuple[nn.Module, torch.Tensor]:
    torch.set_num_threads(1)
    images = torch.rand(IMAGES, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return build_network("resnet18", 10, (3, 32, 32), {"width": 16}, 0).eval(), images


@RESNET
def test_evaluation_plain(benchmark: Callable[..., Any], resnet: tuple[nn.Module, torch.Tensor]) -> None:
    with torch.no_grad():
        benchmark(resnet[0], resnet[1])


@RESNET
@pytest.mark.parametrize("read_noise", [True, False])
def test_evaluation_on_chip(
    benchmark: Callable[..., Any], resnet: tuple[nn.Module, torch.Tensor], read_noise: bool
) -> None:
    chip, config = imcsim.load("chip", "hybrid-28nm"), {"read_noise": read_noise}
    analog = imcsim.convert(resnet[0], chip, config=config, calibration=resnet[1][:8]).eval()
    analog.program(0)
    analog(resnet[1][:1])  # wires are solved once for each programmed state
    benchmark.pedantic(analog, (resnet[1],), rounds=2)  # type: ignore[attr-defined]


@RESNET
def test_evaluation_in_sram(benchmark: Callable[..., Any], resnet: tuple[nn.Module, torch.Tensor]) -> None:
    analog = imcsim.convert(resnet[0], imcsim.load("chip", "hybrid-28nm"), "sram", calibration=resnet[1][:8]).eval()
    benchmark.pedantic(analog, (resnet[1],), rounds=3)  # type: ignore[attr-defined]


@pytest.mark.benchmark(group="ResNet-18 width 16, programming", timer=time.process_time)
def test_programming_and_wires(benchmark: Callable[..., Any], resnet: tuple[nn.Module, torch.Tensor]) -> None:
    analog = imcsim.convert(resnet[0], imcsim.load("chip", "hybrid-28nm"), calibration=resnet[1][:8]).eval()

    def program_and_read() -> None:
        analog.program(0)
        analog.drift(86_400.0)
        analog(resnet[1][:1])

    benchmark.pedantic(program_and_read, rounds=2)  # type: ignore[attr-defined]
