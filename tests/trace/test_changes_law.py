"""Level changes imply weight-gradient work, or the method's word."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import prune

import imcsim
from imcsim.core.errors import ConservationError
from imcsim.learn.api import learn_on
from imcsim.learn.method import Context, Method, MethodConfig
from imcsim.learn.stream import Task
from imcsim.trace.conservation import check_trace
from imcsim.trace.laws.changes import check as check_gradients
from imcsim.trace.schema import TraceMeta
from imcsim.trace.store import load, save
from imcsim.trace.trace import Trace
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream


def learned() -> Trace:
    return imcsim.learn(tiny_net(), tiny_stream(), epochs=1, batch_size=5)


def without(trace: Trace, task: int, layer: int, **more: int) -> Trace:
    """Return ``trace`` with no weight-gradient work of one layer in one task, and ``more`` counts there."""
    counts = {name: values.copy() for name, values in trace.counts.items()}
    for name in ("weight_gradient_macs", "weight_gradient_vectors", "updated_weights"):
        counts[name][task, layer] = 0
    for name, value in more.items():
        counts[name][task, layer] = value
    return dataclasses.replace(trace, counts=counts)


def test_changes_without_gradients_break_the_law_and_name_layer_and_task() -> None:
    trace = learned()
    check_trace(trace)
    encoding = max(trace.meta.encodings, key=lambda e: int(trace.changes["step", e.name, "second"][1].sum()))
    moved = int(trace.changes["step", encoding.name, "second"][1].sum())
    sentence = f"layer 'second', task 1: {moved} level changes, but no multiply-accumulate of a weight gradient, and "
    for check in (check_gradients, check_trace):
        with pytest.raises(ConservationError, match=sentence + "method 'finetune' does not say why"):
            check(without(trace, 1, 1))


def test_a_dense_gradient_and_the_methods_word_satisfy_it() -> None:
    trace = learned()
    check_gradients(without(trace, 1, 1, dense_gradient_macs=1))
    told = trace.meta.model_copy(update={"set_layers": ({}, {"second": "a rule without gradients"})})
    check_gradients(without(dataclasses.replace(trace, meta=told), 1, 1))
    with pytest.raises(ConservationError, match="layer 'second', task 0"):
        check_gradients(without(dataclasses.replace(trace, meta=told), 0, 1))


def test_a_layer_that_does_not_change_needs_no_gradient() -> None:
    network = tiny_net()
    network.second.requires_grad_(False)
    trace = imcsim.learn(network, tiny_stream(), epochs=1)
    assert trace.counts["weight_gradient_macs"][:, 1].sum() == 0
    check_gradients(trace)


class Hebbian(Method):
    """Sets weights by a rule of its own; ``word`` is what it says about that."""

    word = ""

    def after_step(self, context: Context, x: Tensor, y: Tensor) -> None:
        with torch.no_grad():
            context.network.get_parameter("first.weight").mul_(0.9)

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        own = context.network.get_parameter("first.weight")
        own.requires_grad_(False)  # a pass without its gradient
        logits = context.network(x)
        own.requires_grad_(True)
        return nn.functional.cross_entropy(logits, y)

    def set_layers(self, context: Context) -> dict[str, str]:
        return {"first": self.word} if self.word else {}


def test_the_word_of_a_method_is_asked_at_run_time_and_stays_in_the_trace(tmp_path: Path) -> None:
    with pytest.raises(ConservationError, match=r"layer 'first', task 0: .* does not say why"):
        learn_on(tiny_config(epochs=1), tiny_net(), tiny_stream(), method=Hebbian(MethodConfig()))
    method = Hebbian(MethodConfig())
    method.word = "decays by a rule of its own"
    trace = learn_on(tiny_config(epochs=1), tiny_net(), tiny_stream(), method=method)
    assert trace.meta.set_layers == ({"first": method.word},) * 2
    path = tmp_path / "run.safetensors"
    save(trace, path)
    assert load(path).meta.set_layers == trace.meta.set_layers


def test_a_word_must_be_of_a_layer_and_for_each_task() -> None:
    meta = learned().meta.model_dump()
    for given, sentence in (
        (({},), "set_layers must be given for each of 2 tasks, got 1"),
        (({}, {"secnd": "x"}), "set_layers names 'secnd', which is no layer"),
    ):
        with pytest.raises(ValueError, match=sentence):
            TraceMeta.model_validate(meta | {"set_layers": given})


def test_set_back_pes_are_told_by_the_method() -> None:
    settings: dict[str, Any] = {"method": "xma2", "method_config": {"budget": 0.3}, "pe_tile": (4, 2), "epochs": 1}
    trace = imcsim.learn(tiny_net(classes=8), tiny_stream(tasks=4), **settings)
    assert any(reasons for reasons in trace.meta.set_layers)
    assert {why for reasons in trace.meta.set_layers for why in reasons.values()} == {
        "PEs of the task before are set back to the backbone"
    }


def test_a_pruned_network_has_the_gradient_work_of_all_its_weights() -> None:
    """An MLP 64-64-10 on digits, pruned by half and baked in: pruning without masks spares no gradient.

    By hand: 1,438 training images, two epochs; each step replays as many images as it draws, but the first, of 32
    images, finds the buffer empty: 4 x 1438 - 32 = 5,720 vectors of 64 x 64 + 64 x 10 = 4,736 weights.
    """
    stream = imcsim.split("digits", tasks=5)
    assert sum(len(task.y_train) for task in stream.tasks) == 1438
    network = imcsim.load("network", "mlp", like=stream, hidden=(64,))
    for module in network.modules():
        if isinstance(module, nn.Linear):
            prune.l1_unstructured(module, "weight", 0.5)  # type: ignore[no-untyped-call]
            prune.remove(module, "weight")  # type: ignore[no-untyped-call]
    trace = imcsim.learn(network, stream, method="er", seed=0, epochs=2, batch_size=32)
    assert int(trace.counts["weight_gradient_macs"].sum()) == (4 * 1438 - 32) * (64 * 64 + 64 * 10) == 27_089_920
    assert np.array_equal(trace.counts["weight_gradient_vectors"], trace.counts["forward_vectors"])
