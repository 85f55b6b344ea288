"""Levers in whole runs: against a training loop written out, laws of methods, and what a user can get wrong."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.core.seeds import child_seed
from imcsim.learn.api import learn, learn_on, make_learner
from imcsim.learn.config import LearnConfig
from imcsim.learn.loop import start_task, train_epoch
from imcsim.learn.stream import Task
from imcsim.testing import check_method
from imcsim.testing.methods import TINY
from tests.learn.helpers import TinyNet, tiny_config, tiny_net, tiny_stream

NAMES = ("first", "second", "head")
LIMIT = 127


class ByHand:
    """Level-aware training of a TinyNet, one weight after the other where it matters."""

    def __init__(self, threshold: float, seed: int) -> None:
        self.net, self.threshold = tiny_net(), threshold
        self.scale = {name: self._step(self._layer(name).weight) for name in NAMES}
        self.codes = {name: self._nearest(name) for name in NAMES}
        self.seen = dict(self.codes)
        self.skipped, self.written = dict.fromkeys(NAMES, 0), dict.fromkeys(NAMES, 0)
        self.shuffle = torch.Generator().manual_seed(child_seed(seed, "shuffle"))

    def _layer(self, name: str) -> nn.Conv2d | nn.Linear:
        layer = self.net.get_submodule(name)
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        return layer

    def _step(self, weight: Tensor) -> float:
        return float(torch.tensor(3.0 * float(weight.detach().abs().max()) / LIMIT, dtype=torch.float32))

    def _nearest(self, name: str) -> Tensor:
        per_unit = float(1 / torch.tensor(self.scale[name], dtype=torch.float32))
        return torch.round(self._layer(name).weight.detach() * per_unit).clamp(-LIMIT, LIMIT)

    def forward(self, x: Tensor, weights: dict[str, Tensor]) -> Tensor:
        net = self.net
        x = functional.relu(functional.conv2d(x, weights["first"], net.first.bias, padding=1))
        x = functional.relu(functional.conv2d(x, weights["second"], net.second.bias, padding=1))
        return functional.linear(x.flatten(1), weights["head"], net.head.bias)

    def epoch(self, task: Task, rate: float, batch: int) -> None:
        order = torch.randperm(len(task.y_train), generator=self.shuffle)
        for index in torch.split(order, batch):
            weights = {name: (self.codes[name] * self.scale[name]).requires_grad_(True) for name in NAMES}
            self.net.zero_grad()
            functional.cross_entropy(self.forward(task.x_train[index], weights), task.y_train[index]).backward()  # type: ignore[no-untyped-call]
            with torch.no_grad():
                self._update(weights, rate)
            for name in NAMES:
                self._write(name)

    def _update(self, weights: dict[str, Tensor], rate: float) -> None:
        for name in NAMES:
            layer, gradient = self._layer(name), weights[name].grad
            assert gradient is not None and layer.bias is not None and layer.bias.grad is not None
            largest = self.scale[name] * LIMIT
            layer.weight.add_(gradient, alpha=-rate).clamp_(-largest, largest)
            layer.bias.add_(layer.bias.grad, alpha=-rate)

    def _write(self, name: str) -> None:
        nearest = self._nearest(name)
        per_unit = float(1 / torch.tensor(self.scale[name], dtype=torch.float32))
        away = (self._layer(name).weight.detach() - self.codes[name] * self.scale[name]) * per_unit
        new = self.codes[name].clone()
        for place in (away.abs() >= self.threshold).nonzero():
            new[tuple(place)] = nearest[tuple(place)]
        self.written[name] += int((new != self.codes[name]).sum())
        self.skipped[name] += int(((nearest != self.seen[name]) & (new == self.codes[name])).sum())
        self.codes[name], self.seen[name] = new, nearest


def run(**writing: Any) -> tuple[TinyNet, Any]:
    network = tiny_net()
    return network, learn_on(tiny_config(learning_rate=0.3, writing=writing), network, tiny_stream())


def events(trace: Any, name: str) -> int:
    """Return the programming events of a layer, every step written in place."""
    return int(trace.changes["step", trace.meta.encodings[0].name, name].sum())


@pytest.mark.parametrize("threshold", [1.0, 2.5])
def test_level_aware_training_equals_a_loop_written_out(threshold: float) -> None:
    _, trace = run(threshold=threshold)
    hand, layers = ByHand(threshold, seed=0), [spec.name for spec in trace.meta.layers]
    for number, task in enumerate(tiny_stream().tasks):
        hand.skipped = dict.fromkeys(NAMES, 0)
        for _ in range(2):
            hand.epoch(task, rate=0.3, batch=4)
        for name in NAMES:
            codes = torch.tensor(trace.codes[name][number + 1]).float()
            assert torch.equal(codes[0].T.reshape(hand.codes[name].shape), hand.codes[name])
            assert trace.counts["skipped_writes"][number, layers.index(name)] == hand.skipped[name]
    assert sum(hand.skipped.values()) > 0 and sum(hand.written.values()) > 0


def test_a_threshold_writes_less_and_never_leaves_a_code_that_far_from_its_master_copy() -> None:
    (_, plain), (network, trace) = run(), run(threshold=1.0)
    assert not plain.counts["skipped_writes"].any()
    for name, scale in zip(NAMES, trace.meta.weight_scales, strict=True):
        weight = network.get_submodule(name).weight
        assert isinstance(weight, Tensor)
        codes = torch.tensor(trace.codes[name][-1]).float()[0].T.reshape(weight.shape)
        assert float((weight.detach() / scale - codes).abs().max()) < 1.0
        assert 0 < events(trace, name) < events(plain, name)


def test_the_default_stores_nothing_beside_the_codes() -> None:
    learner = make_learner(tiny_config(), tiny_net(), tiny_stream())
    assert learner.quantiser.cells == [] and learner.quantiser.take_skipped() == [0, 0, 0]
    start_task(learner, learner.tasks[0])
    train_epoch(learner, learner.tasks[0])
    assert learner.writer.rows.rest == {}


@pytest.mark.parametrize("rounding", ["nearest", "stochastic"])
def test_without_a_float_master_copy_weights_are_their_codes(rounding: str) -> None:
    network, trace = run(rounding=rounding, master="codes")
    for name, scale in zip(NAMES, trace.meta.weight_scales, strict=True):
        weight = network.get_submodule(name).weight
        assert isinstance(weight, Tensor)
        codes = torch.tensor(trace.codes[name][-1]).float()[0].T.reshape(weight.shape)
        assert torch.equal(weight.detach(), codes * scale)


def test_small_changes_are_lost_by_nearest_and_kept_in_the_mean_by_stochastic_rounding() -> None:
    def moved(writing: dict[str, Any]) -> list[float]:
        config = tiny_config(learning_rate=1e-3, writing=writing)
        trace = learn_on(config, tiny_net(), tiny_stream(samples=40))
        return [float(np.abs(np.diff(trace.codes[name].astype(int), axis=0)).sum()) for name in NAMES]

    assert moved({"master": "codes"}) == [0.0, 0.0, 0.0]
    assert min(moved({"master": "codes", "rounding": "stochastic"})) > 0


LEVERS: tuple[dict[str, Any], ...] = (
    {"threshold": 1.0},
    {"threshold": 4.0, "row_share": 0.25, "keep_rest": True},
    {"rounding": "stochastic"},
    {"rounding": "stochastic", "master": "codes"},
)


@pytest.mark.parametrize("writing", LEVERS)
@pytest.mark.parametrize("method", ["er", "hyb-learn", "mest"])
def test_levers_keep_every_law_of_a_method(method: str, writing: dict[str, Any]) -> None:
    check_method(method, writing=writing)  # seeds, resuming, frozen bits, masks at 0, writes logged


def test_rows_go_with_methods_that_store_a_task() -> None:
    check_method("xma2", {"budget": 0.3}, writing={"row_share": 0.5, "keep_rest": True})


def test_weights_outside_a_mask_are_zero_in_the_cells_whatever_the_threshold() -> None:
    config = parse(LearnConfig, {**TINY, "method": "mest", "writing": {"threshold": 8.0}}, "test")
    trace = learn(config)
    for name, active in trace.active.items():
        assert not trace.codes[name][1:][~active].any()
        assert (~active).any()


def test_gradients_that_wait_are_optimiser_state() -> None:
    (_, plain), (_, kept) = run(row_share=0.5), run(row_share=0.5, keep_rest=True)
    more = kept.task_counts["optimizer_state_values"] - plain.task_counts["optimizer_state_values"]
    assert more.tolist() == [209, 209]


@pytest.mark.parametrize(
    ("writing", "message"),
    [
        ({"threshold": 0.4}, r"'writing.threshold': Input should be greater than or equal to 0.5 \(given: 0.4\)"),
        ({"threshold": 1.0, "rounding": "stochastic"}, r"threshold \(1.0\) is for rounding = 'nearest'"),
        ({"threshold": 1.0, "master": "codes"}, r"threshold \(1.0\) waits for what master = 'codes' does not keep"),
        ({"row_share": 0.0}, r"'writing.row_share': Input should be greater than 0"),
        ({"keep_rest": True}, r"keep_rest keeps the gradient of rows left out: give row_share below 1"),
        ({"roundng": "nearest"}, r"unknown key 'writing.roundng'; did you mean 'rounding'\?"),
    ],
)
def test_what_a_user_can_get_wrong(writing: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(LearnConfig, {"writing": writing}, "run")


def test_levers_on_codes_need_codes() -> None:
    with pytest.raises(ConfigError, match="are about codes and need quantise = true"):
        parse(LearnConfig, {"quantise": False, "writing": {"threshold": 1.0}}, "run")


@pytest.mark.parametrize(
    ("writing", "given"), [({"threshold": 2.0}, "threshold = 2.0"), ({"rounding": "stochastic"}, "rounding = 'stoch")]
)
def test_codes_that_depend_on_those_before_are_refused_where_tasks_are_put_back(
    writing: dict[str, Any], given: str
) -> None:
    with pytest.raises(ConfigError, match=rf"writing\.{given}.*'xma2' puts back what belongs to a task"):
        learn(parse(LearnConfig, {**TINY, "method": "xma2", "writing": writing}, "run"))
