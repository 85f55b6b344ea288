"""The first-k split: frozen layers keep every bit and every statistic; the rest trains, with replay for Class-IL."""

from typing import Any

import numpy as np
import pytest

from imcsim.core.errors import ConfigError
from imcsim.learn.api import learn_on
from imcsim.trace.trace import Trace
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream


def _trace(k: int, base: str = "finetune", **changes: Any) -> Trace:
    config = tiny_config(method="first-k", method_config={"frozen_layers": k, "base": base}, epochs=3, **changes)
    return learn_on(config, tiny_net(norm=True), tiny_stream())


def test_frozen_layers_and_their_norms_keep_every_bit_after_the_first_task() -> None:
    trace = _trace(1)
    assert not np.array_equal(trace.codes["first"][0], trace.codes["first"][1])
    assert np.array_equal(trace.codes["first"][1], trace.codes["first"][2])
    for name in ("first.bias", "norm.weight", "norm.bias", "norm.running_mean", "norm.running_var"):
        assert np.array_equal(trace.digital[name][1], trace.digital[name][2]), name
    assert not np.array_equal(trace.codes["second"][1], trace.codes["second"][2])


def test_a_frozen_prefix_does_no_backward_work() -> None:
    trace = _trace(1)
    work = trace.counts["weight_gradient_vectors"][1]
    assert work[0] == 0
    assert work[1] == trace.task_counts["samples"][1] * 16
    assert trace.counts["input_gradient_vectors"][1].tolist() == [0, 0, trace.task_counts["samples"][1]]
    assert trace.counts["trainable_weights"][1].tolist() == [0, 54, 128]


@pytest.mark.parametrize("base", ["finetune", "er", "derpp"])
def test_k_of_zero_is_the_base_method(base: str) -> None:
    split, plain = _trace(0, base), learn_on(tiny_config(method=base, epochs=3), tiny_net(norm=True), tiny_stream())
    assert all(np.array_equal(split.codes[name], plain.codes[name]) for name in plain.codes)
    assert np.array_equal(split.class_il, plain.class_il)


def test_replay_is_the_bases() -> None:
    assert _trace(1, "er").task_counts["replay_samples_read"][1] > 0
    assert _trace(1, "finetune").task_counts["replay_samples_read"][1] == 0


def test_all_layers_cannot_be_frozen() -> None:
    with pytest.raises(ConfigError, match=r"3 mapped layers to train, so at most 2 \(given: 3\)"):
        _trace(3)
