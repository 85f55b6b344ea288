"""LightCL in the loop: frozen front, a buffer of the new task, work charged, and what the distance holds."""

from typing import Any

import numpy as np
import pytest

from imcsim.core.errors import ConfigError
from imcsim.learn.api import learn_on
from imcsim.learn.rebuild import network_after
from imcsim.trace.trace import Trace
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream


def _trace(**method_config: Any) -> Trace:
    return learn_on(
        tiny_config(method="lightcl", epochs=3, method_config=method_config), tiny_net(norm=True), tiny_stream()
    )


def test_the_front_and_its_norm_keep_every_bit() -> None:
    trace = _trace(frozen_layers=1)
    assert np.array_equal(trace.codes["first"][1], trace.codes["first"][2])
    assert np.array_equal(trace.digital["norm.running_mean"][1], trace.digital["norm.running_mean"][2])
    assert not np.array_equal(trace.codes["second"][1], trace.codes["second"][2])


def test_the_buffer_is_read_at_each_step_of_later_tasks() -> None:
    trace = _trace(buffer_size=3)
    steps = trace.task_counts["optimizer_steps"]
    assert trace.task_counts["replay_samples_read"].tolist() == [0, 3 * steps[1]]
    assert trace.task_counts["replay_bytes_read"].tolist() == [0, 3 * 16 * steps[1]]
    assert trace.task_counts["replay_samples_written"].tolist() == [0, 3]
    assert trace.task_counts["samples"][1] == 3 * 10 + 3 * steps[1]
    # second gives 2 channels, one of them important at a ratio of 0.15, on 4 x 4 positions
    assert trace.task_counts["scoring_bytes"].tolist() == [0, 4 * 3 * 16]
    # ten samples at each task's end, the buffer at the start of the second task
    assert trace.counts["scoring_forward_vectors"][:, 0].tolist() == [160, 160 + 48]


def test_without_weight_the_distance_costs_nothing() -> None:
    assert _trace(beta=0).task_counts["replay_samples_read"].sum() == 0


def _drift(beta: float) -> float:
    """Squared change of the tail's outputs on the second task's samples while that task is learned."""
    config = tiny_config(method="lightcl", epochs=10, method_config={"beta": beta, "channel_ratio": 1.0})
    trace, outputs = learn_on(config, tiny_net(norm=True), tiny_stream()), []
    for task in (0, 1):
        network = network_after(trace, task, tiny_net(norm=True))
        network.get_submodule("second").register_forward_hook(lambda *args: outputs.append(args[2].detach()))
        network(tiny_stream().tasks[1].x_train)
    return float((outputs[1] - outputs[0]).square().sum())


def test_the_distance_holds_the_important_channels() -> None:
    assert _drift(1e-3) < _drift(0.0) / 2


def test_a_front_of_all_layers_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"at most 1 of the network's 3 mapped layers \(given: 2\)"):
        _trace(frozen_layers=2)
