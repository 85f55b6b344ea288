"""Methods over a frozen backbone: the backbone never moves, and a task is served with exactly its own part."""

from typing import Any

import numpy as np
import pytest
import torch

from imcsim.learn.adapt.adaptor import ColumnAdaptor, adaptors, expand_segments
from imcsim.learn.api import learn_on, make_learner
from imcsim.learn.evaluate import accuracy_rows
from imcsim.learn.loop import Learner, finish_task, start_task, train, train_epoch
from imcsim.learn.method import METHODS, make_method
from imcsim.learn.networks import build_network
from imcsim.learn.quantize import evaluating
from imcsim.learn.rebuild import network_after
from imcsim.mapping.layer import LayerSpec
from imcsim.trace.trace import Trace
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream

OVER_A_BACKBONE = [name for name in METHODS.names() if METHODS.get(name).scenarios == ("task-il",)]
FROZEN_CODES = ["xbm", "xma"]  # methods that never write a cell of the backbone


def _learner(name: str, **changes: Any) -> Learner:
    config = tiny_config(method=name, epochs=3, **changes)
    learner = make_learner(config, tiny_net(norm=True, classes=6), tiny_stream(tasks=3))
    train(learner, lambda: None)
    learner.recorder.passes.remove()
    return learner


def _trace(name: str, **changes: Any) -> Trace:
    return learn_on(tiny_config(method=name, epochs=3, **changes), tiny_net(norm=True, classes=6), tiny_stream(tasks=3))


@pytest.mark.parametrize("name", OVER_A_BACKBONE)
def test_what_a_method_adds_is_the_identity(name: str) -> None:
    x = torch.rand(4, 1, 4, 4)
    plain, prepared = tiny_net(norm=True, classes=6).eval(), tiny_net(norm=True, classes=6)
    make_method(name).prepare(prepared, (1, 4, 4), (4, 2))
    assert torch.equal(prepared.eval()(x), plain(x))


@pytest.mark.parametrize("name", OVER_A_BACKBONE)
def test_old_tasks_keep_their_accuracy_to_the_last_image(name: str) -> None:
    a = _trace(name).task_il
    for task in range(3):
        assert len(set(a[task:, task])) == 1


@pytest.mark.parametrize("name", OVER_A_BACKBONE)
def test_old_tasks_keep_every_bit_of_their_logits(name: str) -> None:
    config = tiny_config(method=name, epochs=3, momentum=0.9, weight_decay=1e-3)
    network = build_network("convnet", 6, (1, 4, 4), {"channels": [8, 12], "norm": True}, 0)
    learner, logits = make_learner(config, network, tiny_stream(tasks=3)), []
    for task in learner.tasks:
        start_task(learner, task)
        for learner.epoch in range(3):
            train_epoch(learner, task)
        finish_task(learner, task)
        with evaluating(learner.network), learner.method.serving(learner.context, 0):
            logits.append(learner.network(learner.tasks[0].x_test)[:, :2])
    learner.recorder.passes.remove()
    assert torch.equal(logits[0], logits[1])
    assert torch.equal(logits[0], logits[2])


@pytest.mark.parametrize("name", OVER_A_BACKBONE)
def test_old_tasks_keep_their_accuracy_on_a_network_that_was_deployed_trained(name: str) -> None:
    learner = make_learner(tiny_config(method=name, epochs=3), tiny_net(norm=True, classes=6), tiny_stream(tasks=3))
    learner.context.deployed = True
    train(learner, lambda: None)
    learner.recorder.passes.remove()
    for task in range(3):
        assert len({row[task] for row in learner.task_il[task:]}) == 1


@pytest.mark.parametrize("name", FROZEN_CODES)
def test_the_backbone_keeps_every_code(name: str) -> None:
    trace = _trace(name)
    for spec in trace.meta.layers[:-1]:
        assert np.array_equal(trace.codes[spec.name][1], trace.codes[spec.name][2])
        assert np.array_equal(trace.codes[spec.name][1], trace.codes[spec.name][3])
        assert trace.changes["step", trace.meta.encodings[0].name, spec.name][1:].sum() == 0


def test_only_the_rows_of_the_tasks_classes_change_in_the_classifier() -> None:
    codes = _trace("xbm").codes["head"]
    moved = (codes[1:] != codes[:-1]).any(axis=2)[:, 0]  # (T, N)
    assert moved.shape == (3, 6)
    for task in range(3):
        others = np.ones(moved.shape[1], bool)
        others[2 * task : 2 * task + 2] = False
        assert not moved[task, others].any()


@pytest.mark.parametrize("name", ["piggyback", "xbm", "ksm", "xma"])
def test_serving_puts_everything_back(name: str) -> None:
    learner = _learner(name)
    before = {key: value.clone() for key, value in learner.network.state_dict().items()}
    with learner.method.serving(learner.context, 0):
        now = learner.network.state_dict()
        assert any(not torch.equal(now[key], value) for key, value in before.items())
    after = learner.network.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())


@pytest.mark.parametrize("name", OVER_A_BACKBONE)
def test_a_trace_gives_back_the_network_that_serves_each_task(name: str) -> None:
    stream, trace = tiny_stream(tasks=3), _trace(name)
    for task in range(3):
        network = network_after(trace, task, tiny_net(norm=True, classes=6))
        _, row = accuracy_rows(network, stream.tasks, {0})
        assert row[task] == trace.task_il[task, task]


def test_norm_layers_are_the_tasks_own_or_nobodys() -> None:
    own, frozen = _trace("xbm", method_config={"norm": "per-task"}), _trace("xbm", method_config={"norm": "frozen"})
    assert not np.array_equal(own.digital["norm.running_mean"][1], own.digital["norm.running_mean"][2])
    for name in ("norm.running_mean", "norm.weight"):
        assert np.array_equal(frozen.digital[name][1], frozen.digital[name][3])
    values = 3 * 4 * 32  # gain, shift, mean, variance of three channels
    assert own.task_counts["mask_bits"][1] - frozen.task_counts["mask_bits"][1] == values


def test_a_held_norm_layer_keeps_no_activation() -> None:
    own, frozen = _trace("xbm", method_config={"norm": "per-task"}), _trace("xbm", method_config={"norm": "frozen"})
    samples = own.task_counts["samples"][1]
    kept = own.task_counts["other_kept_elements"][1] - frozen.task_counts["other_kept_elements"][1]
    assert kept == samples * 3 * 4 * 4


def test_column_masks_keep_partial_sums_and_cell_masks_the_input() -> None:
    columns, cells = _trace("xbm"), _trace("piggyback")
    samples = columns.task_counts["samples"][1]
    # first: fan-in 9 in PEs of 4 rows: 3 segments for each of 3 outputs and 16 positions
    assert columns.counts["kept_elements"][1, 0] == samples * 16 * 3 * 3
    assert columns.counts["weight_gradient_macs"][1, 0] == samples * 16 * 3 * 3
    assert cells.counts["kept_elements"][1, 0] == samples * 1 * 4 * 4
    assert cells.counts["weight_gradient_macs"][1, 0] == samples * 16 * 9 * 3


def test_latent_values_are_digital_parameters_with_adams_state() -> None:
    trace = _trace("piggyback", method_config={"norm": "frozen"})
    latent = 9 * 3 + 27 * 2
    bias = trace.digital["head.bias"].shape[1]
    assert trace.task_counts["digital_parameters"][1] == latent + bias
    assert trace.task_counts["optimizer_state_values"][1] == 2 * (
        latent + bias + trace.counts["trainable_weights"][1].sum()
    )


class _Numbered(ColumnAdaptor):
    def scales(self) -> torch.Tensor:
        groups, tiles, outputs = self.shape
        return torch.arange(groups * tiles * outputs).view(self.shape).float()

    def bits(self) -> int:
        return 0


def test_a_segment_is_the_rows_of_one_pe_and_one_output() -> None:
    spec = LayerSpec(
        name="l", kind="linear", in_features=5, out_features=2, positions=1, input_elements=5, output_elements=2
    )
    values = _Numbered(spec, 2).scales()
    by_hand = torch.tensor([[0.0, 0, 2, 2, 4], [1.0, 1, 3, 3, 5]])
    assert torch.equal(expand_segments(values, spec, 2), by_hand)
    assert _Numbered(spec, 2)(torch.ones(2, 5)).equal(by_hand)
    assert _Numbered(spec, 2).segments == 6


def test_every_mapped_layer_but_the_classifier_has_an_adaptor() -> None:
    network = make_method("xbm").prepare(tiny_net(norm=True, classes=6), (1, 4, 4), (4, 2))
    assert list(adaptors(network)) == ["first", "second"]
