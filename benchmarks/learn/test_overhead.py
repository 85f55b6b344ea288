"""What watching costs: the training loop against the bare one with the same arithmetic (codes, straight-through)."""

from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.learn.paired import learner_of, overhead, random_stream
from imcsim.learn.config import LearnConfig
from imcsim.learn.networks import build_network
from imcsim.learn.start import make_stream
from imcsim.learn.stream import Stream


def digits() -> Stream:
    """Return Split Digits: 8 x 8 images, so small that work on weights weighs most."""
    return make_stream(LearnConfig())


def grey() -> Stream:
    """Return random images of Fashion-MNIST's shape."""
    return random_stream((1, 28, 28), 256)


def colour() -> Stream:
    """Return random images of CIFAR's shape."""
    return random_stream((3, 32, 32), 256)


CASES: list[tuple[str, dict[str, Any], Callable[[], Stream], int]] = [
    ("convnet", {}, digits, 100),
    ("convnet", {}, grey, 15),
    ("convnet", {}, colour, 15),
    ("resnet18", {"width": 16}, digits, 10),
    ("resnet18", {"width": 16}, colour, 4),
]


@pytest.mark.benchmark(group="watching")
@pytest.mark.parametrize("method", ["finetune", "er"])
@pytest.mark.parametrize(("network", "params", "make", "epochs"), CASES)
def test_overhead(
    benchmark: Any,
    method: str,
    network: str,
    params: dict[str, Any],
    make: Callable[[], Stream],
    epochs: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stream = make()
    config = LearnConfig(network=network, network_params=params, method=method, epochs=epochs + 1)
    built = [build_network(network, stream.class_count, stream.image_shape, params, 0) for _ in range(2)]
    learners = [learner_of(config, one, stream) for one in built]
    watched, bare = benchmark.pedantic(overhead, (*learners, epochs), rounds=1)
    benchmark.extra_info["ratio"] = watched / bare
    with capsys.disabled():
        print(f"\n{network} on {make.__name__}, {method}: watched / bare = {watched / bare:.3f}")  # noqa: T201 - the ratio is what this measures
    assert watched > 0
