"""Frozen work must really be skipped: a step with a frozen front against a full one, beside what the FLOPs say."""

from typing import Any

import pytest
import torch

from benchmarks.learn.paired import in_turn, learner_of, random_stream
from imcsim.learn.config import LearnConfig
from imcsim.learn.loop import Learner, make_optimizer
from imcsim.learn.method import TaskPlan
from imcsim.learn.networks import build_network
from imcsim.learn.placing.pe_blocks import pe_counts

SHARE = 0.5  # of the forward FLOPs, at least, in the frozen front


def freeze_front(learner: Learner) -> float:
    """Freeze the shortest front with ``SHARE`` of the FLOPs; return the step's FLOPs over those of a full step.

    The layers in front do their forward pass only; the first behind it needs no input gradient, as the network's first
    never does.
    """
    layers = learner.quantiser.layers
    total, front = sum(spec.macs for spec in layers), 0
    while sum(spec.macs for spec in layers[:front]) < SHARE * total:
        front += 1
    tile = learner.config.pe_tile
    trains = {spec.name: torch.full(pe_counts(spec, tile), i >= front) for i, spec in enumerate(layers)}
    learner.freezer.apply(TaskPlan(trains))
    learner.optimizer = make_optimizer(learner)
    behind = sum(spec.macs for spec in layers[front:])
    full = 3 * total - layers[0].macs
    return (total + 2 * behind - layers[front].macs) / full


@pytest.mark.benchmark(group="frozen")
@pytest.mark.parametrize(("network", "params", "epochs"), [("convnet", {}, 20), ("resnet18", {"width": 16}, 3)])
def test_frozen_prefix(
    benchmark: Any, network: str, params: dict[str, Any], epochs: int, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = random_stream((3, 32, 32), 256)
    config = LearnConfig(network=network, network_params=params, epochs=epochs + 1)
    built = [build_network(network, stream.class_count, stream.image_shape, params, 0) for _ in range(2)]
    frozen, full = (learner_of(config, one, stream) for one in built)
    expected = freeze_front(frozen)
    some, every = benchmark.pedantic(in_turn, (frozen, full, epochs), rounds=1)
    with capsys.disabled():
        print(f"\n{network}: frozen / full = {some / every:.3f}, by FLOPs {expected:.3f}")  # noqa: T201 - the ratio is what this measures
    benchmark.extra_info.update(ratio=some / every, by_flops=expected)
    assert some < every
