"""Sparse-training methods in a run: densities epoch by epoch, what is charged, what is frozen."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.learn.api import learn, make_learner
from imcsim.learn.config import LearnConfig
from imcsim.learn.loop import Learner, train
from imcsim.learn.methods.spfde import Spfde
from imcsim.learn.networks import build_network
from imcsim.learn.sparse.method import SparseMethod
from imcsim.learn.stream import split
from imcsim.testing.methods import TINY
from imcsim.trace.trace import Trace

MASKED = {"features.1.conv": 288, "features.2.conv": 576}


def _config(method: str, method_config: dict[str, Any], **options: Any) -> LearnConfig:
    return parse(LearnConfig, {**TINY, "method": method, "method_config": method_config, **options}, "test")


def _by_epoch(method: str, settings: dict[str, Any], look: Callable[[Learner], Any], **options: Any) -> list[Any]:
    config = _config(method, settings, **options)
    stream = split("digits", 2, classes_per_task=2, train_limit=config.train_limit)
    learner = make_learner(config, build_network("convnet", 4, stream.image_shape, config.network_params), stream)
    seen: list[Any] = []
    train(learner, lambda: seen.append(look(learner)))
    return seen


def _density(learner: Learner) -> float:
    assert isinstance(learner.method, SparseMethod)
    masks = learner.method.masks.active
    return sum(int(mask.sum()) for mask in masks.values()) / sum(mask.numel() for mask in masks.values())


@pytest.mark.parametrize(
    ("method", "settings", "expected"),
    [
        ("static", {}, [0.5] * 16),
        ("static", {"distribution": "erk"}, [0.5] * 16),
        ("snip", {}, [0.5] * 16),
        ("set", {}, [0.5] * 16),
        ("rigl", {"schedule": {"delta_steps": 3}}, [0.5] * 16),
        ("mest", {}, [0.5] * 16),
        ("mest", {"variant": "em&s"}, ([0.55] * 4 + [0.525] * 2 + [0.5] * 2) * 2),
        ("spfde", {"variant": "em&s", "freeze_from": 0.1}, ([0.55] * 4 + [0.525] * 2 + [0.5] * 2) * 2),
    ],
)
def test_density_epoch_by_epoch(method: str, settings: dict[str, Any], expected: list[float]) -> None:
    seen = _by_epoch(method, {"sparsity": 0.5, **settings}, _density, epochs=8, train_limit=32)
    assert seen == pytest.approx(expected, abs=0.003)


@pytest.mark.parametrize("base", ["finetune", "er", "derpp"])
def test_at_sparsity_0_a_static_mask_is_its_base(base: str) -> None:
    ours, plain = learn(_config("static", {"sparsity": 0.0, "base": base})), learn(_config(base, {}))
    assert all(np.array_equal(ours.codes[name], plain.codes[name]) for name in plain.codes)
    assert np.array_equal(ours.task_il, plain.task_il)


def test_ems_tells_how_many_cells_must_exist() -> None:
    trace = learn(_config("mest", {"sparsity": 0.5, "variant": "em&s"}, epochs=4))
    for number, count in enumerate(MASKED.values(), start=1):
        assert trace.counts["peak_active_weights"][:, number].tolist() == [round(0.55 * count)] * 2
        assert trace.counts["active_weights"][:, number] == pytest.approx(0.5 * count, abs=1)
    assert trace.counts["peak_active_weights"][:, 0].tolist() == [36, 36]  # a dense layer: all of it


def _rigl(**settings: Any) -> Trace:
    schedule = {"delta_steps": 2, "end_share": 1.0}
    return learn(_config("rigl", {"sparsity": 0.5, "base": "finetune", "schedule": schedule, **settings}))


def test_rigl_charges_the_dense_gradient_and_skips_the_update() -> None:
    trace = _rigl()
    spec = trace.meta.layers[1]
    # 60 samples in batches of 16, two epochs: steps 0..7 of 16, 16, 16, 12 samples; updates at steps 2, 4, 6
    assert trace.counts["dense_gradient_macs"][:, 1].tolist() == [(16 + 16 + 16) * spec.positions * 288] * 2
    assert not trace.counts["dense_gradient_macs"][:, [0, 3]].any()
    assert trace.counts["updated_weights"][:, 1].tolist() == [5 * 144] * 2
    assert trace.counts["weight_gradient_macs"][:, 1].tolist() == [(120 - 48) * spec.positions * 144] * 2
    assert trace.counts["kept_elements"][:, 1].tolist() == [120 * spec.input_elements] * 2
    assert not learn(_config("set", {"sparsity": 0.5})).counts["dense_gradient_macs"].any()


def test_mest_and_snip_ask_for_no_dense_gradient_while_they_train() -> None:
    for method in ("mest", "snip", "static", "spfde"):
        trace = learn(_config(method, {"sparsity": 0.5}))
        assert not trace.counts["dense_gradient_macs"].any()
        assert trace.counts["scoring_forward_vectors"].any() == (method == "snip")
    snip = learn(_config("snip", {"sparsity": 0.5, "samples": 20}))
    spec = snip.meta.layers[1]
    assert snip.counts["scoring_weight_gradient_macs"][:, 1].tolist() == [20 * spec.positions * 288, 0]
    assert sum(snip.counts["active_weights"][0, 1:3]) == 432  # over both layers together


def test_masks_live_on_and_random_ones_never_change() -> None:
    trace = learn(_config("static", {"sparsity": 0.5}))
    assert all(np.array_equal(mask[0], mask[1]) for mask in trace.active.values())
    moved = learn(_config("set", {"sparsity": 0.5}))
    assert any(not np.array_equal(mask[0], mask[1]) for mask in moved.active.values())


FREEZING = {"sparsity": 0.5, "base": "finetune", "freeze_from": 0.5, "frozen_share": 0.5, "used_share": 1.0}


def test_a_frozen_front_keeps_every_bit_and_runs_no_backward_pass() -> None:
    options: dict[str, Any] = {"epochs": 4, "train_limit": 32, "batch_size": 16}
    phases = {"phases": {"epochs": 4, "ends": [1, 2]}}
    names = ["features.0.conv", "features.1.conv", "features.2.conv"]
    look: Callable[[Learner], Any] = lambda learner: [  # noqa: E731
        learner.network.get_parameter(f"{name}.weight").detach().clone() for name in names
    ]
    seen = _by_epoch("spfde", {**FREEZING, **phases}, look, **options)
    for task in (seen[:4], seen[4:]):
        assert torch.equal(task[1][0], task[2][0])  # one layer in epoch 2, two in epoch 3
        assert torch.equal(task[2][1], task[3][1])
        assert not torch.equal(task[1][1], task[2][1])
        assert not torch.equal(task[2][2], task[3][2])
    trace = learn(_config("spfde", {**FREEZING, **phases}, **options))
    spec, last = trace.meta.layers[1], trace.meta.layers[3]
    assert trace.counts["weight_gradient_vectors"][0].tolist()[1] == 3 * 32 * spec.positions
    assert trace.counts["input_gradient_vectors"][0, 1] == 2 * 32 * spec.positions  # epochs in which the stem trains
    assert trace.counts["kept_elements"][0, 0] == 2 * 32 * trace.meta.layers[0].input_elements
    assert trace.counts["weight_gradient_vectors"][0, 3] == 4 * 32 * last.positions
    assert (trace.counts["trainable_weights"] == [s.weight_count for s in trace.meta.layers]).all()


def _used(learner: Learner) -> list[int]:
    assert isinstance(learner.method, Spfde)
    return [int(number) for number in learner.method.used]


def test_sieving_trains_on_a_fixed_number_and_on_every_sample() -> None:
    settings = {"sparsity": 0.5, "base": "finetune", "used_share": 0.75, "swap_share": 0.5, "frozen_share": 0.0}
    used = _by_epoch("spfde", settings, _used, epochs=4, train_limit=40)
    assert all(len(epoch) == 30 for epoch in used)
    assert set().union(*used[:4]) == set(range(40))
    trace = learn(_config("spfde", settings, epochs=4, train_limit=40))
    assert trace.task_counts["samples"].tolist() == [120, 120]


def test_without_its_savings_spfde_is_mest() -> None:
    off = {"sparsity": 0.5, "base": "finetune"}
    ours = learn(_config("spfde", {**off, "used_share": 1.0, "frozen_share": 0.0}))
    mest = learn(_config("mest", off))
    assert ours.counts["updated_weights"].tolist() == mest.counts["updated_weights"].tolist()
    assert ours.task_counts["samples"].tolist() == mest.task_counts["samples"].tolist()


@pytest.mark.parametrize("method", ["mest", "rigl", "set", "snip", "static", "spfde"])
def test_messages_name_the_method(method: str) -> None:
    with pytest.raises(ConfigError, match=f"{method}: dense_layers names no mapped layer: 'classifer'; did you mean"):
        learn(_config(method, {"dense_layers": ["classifer"]}))
    with pytest.raises(ConfigError, match=f"{method} base_config: unknown key 'bufer_size'"):
        learn(_config(method, {"base_config": {"bufer_size": 5}}))


@pytest.mark.parametrize("method", ["mest", "rigl", "set", "snip", "static", "spfde"])
def test_they_learn(method: str) -> None:
    settings = {"sparsity": 0.75, **({"schedule": {"delta_steps": 10}} if method == "rigl" else {})}
    options: dict[str, Any] = {"epochs": 6, "train_limit": 200, "learning_rate": 0.1, "momentum": 0.0}
    trace = learn(_config(method, settings, network_params={"channels": [16, 32, 32], "norm": True}, **options))
    assert trace.task_il[1].min() > 0.9
    assert trace.class_il[1].mean() > 0.75
