"""SparCL as a method: what its masks, counters and switches do in a run."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.learn.api import learn, make_learner
from imcsim.learn.config import LearnConfig
from imcsim.learn.loop import Learner, start_task, train
from imcsim.learn.method import Context
from imcsim.learn.methods.sparcl import Sparcl
from imcsim.learn.networks import build_network
from imcsim.learn.placing.scoring import weight_gradients
from imcsim.learn.shapes import trace_layers
from imcsim.learn.sparcl.config import SparclConfig
from imcsim.learn.sparcl.importance import gradient_mask
from imcsim.learn.sparcl.loss import er_parts
from imcsim.learn.sparcl.masks import masked_layers
from imcsim.learn.sparcl.schedule import MaskUpdate
from imcsim.learn.stream import Task, split
from imcsim.mapping.layer import LayerSpec
from imcsim.testing.methods import TINY

OFF = {
    "sparsity": 0.0,
    "gradient_sparsity": 0.0,
    "removed_share": 0.0,
    "mask_current_loss": False,
    "replay_from_task": 0,
    "buffer_size": 200,
}


def _config(method_config: dict[str, Any], method: str = "sparcl", **options: Any) -> LearnConfig:
    return parse(LearnConfig, {**TINY, "method": method, "method_config": method_config, **options}, "test")


def _learner(method_config: dict[str, Any], **options: Any) -> tuple[Learner, Sparcl]:
    config = _config(method_config, **options)
    stream = split("digits", 2, classes_per_task=2, train_limit=config.train_limit)
    network = build_network("convnet", 4, stream.image_shape, config.network_params)
    learner = make_learner(config, network, stream)
    assert isinstance(learner.method, Sparcl)
    return learner, learner.method


def _by_epoch(method_config: dict[str, Any], look: Callable[[Learner, Sparcl], Any], **options: Any) -> list[Any]:
    learner, method = _learner(method_config, **options)
    seen: list[Any] = []
    train(learner, lambda: seen.append(look(learner, method)))
    return seen


def _density(learner: Learner, method: Sparcl) -> dict[str, float]:
    return {name: float(mask.double().mean()) for name, mask in method.masks.active.items()}


@pytest.mark.parametrize("base", ["er", "derpp"])
def test_with_everything_off_it_is_its_base(base: str) -> None:
    ours, plain = learn(_config({"base": base, **OFF})), learn(_config({}, method=base))
    assert all(np.array_equal(ours.codes[name], plain.codes[name]) for name in plain.codes)
    assert np.array_equal(ours.task_il, plain.task_il)
    assert not ours.active
    assert ours.task_counts["mask_bits"].sum() == 0


def test_density_and_samples_follow_the_schedule_in_both_tasks() -> None:
    options: dict[str, Any] = {"epochs": 10, "train_limit": 40, "network_params": {"channels": [4, 8, 8]}}
    seen = _by_epoch({}, lambda learner, method: (_density(learner, method), len(method.kept)), **options)
    for task in (seen[:10], seen[10:]):
        for density, _ in task[:1]:
            assert density == pytest.approx({"features.1.conv": 0.26, "features.2.conv": 0.26}, abs=0.002)
        for density, _ in task[1:]:
            assert density == pytest.approx({"features.1.conv": 0.25, "features.2.conv": 0.25}, abs=0.002)
        assert [kept for _, kept in task] == [40, 37, 34, 31, 28, 28, 28, 28, 28, 28]


def test_masks_change_while_learning_and_freeze_at_the_end() -> None:
    seen = _by_epoch({}, lambda _, method: method.masks.active["features.2.conv"].clone(), epochs=10, train_limit=40)
    changed = [bool((a != b).any()) for a, b in pairwise(seen[:10])]
    assert changed == [True] * 8 + [False]


def test_only_the_chosen_share_of_weights_is_updated() -> None:
    trace = learn(_config({"sparsity": 0.6, "gradient_sparsity": 0.9, "gradient_refresh": 3}, train_limit=40))
    steps = trace.task_counts["optimizer_steps"]
    for number, spec in enumerate(trace.meta.layers[1:3], start=1):
        share = trace.counts["updated_weights"][:, number] / (steps * spec.weight_count)
        assert (share > 0.02).all()
        assert (share <= 0.1 + 1 / spec.weight_count).all()
        assert trace.counts["active_weights"][-1, number] == round(0.4 * spec.weight_count)
    assert trace.task_counts["mask_bits"].tolist() == [288 + 576] * 2
    assert (trace.counts["dense_gradient_macs"][:, 1:3] > 0).all()
    assert not trace.counts["dense_gradient_macs"][:, [0, 3]].any()


def test_without_a_gradient_mask_every_active_weight_is_updated() -> None:
    trace = learn(_config({"sparsity": 0.75, "gradient_sparsity": 0.75, "p_inter": 0.0, "p_intra": 0.0}))
    steps = trace.task_counts["optimizer_steps"]
    assert trace.counts["updated_weights"][:, 1].tolist() == (72 * steps).tolist()
    assert not trace.counts["dense_gradient_macs"].any()


def test_the_gradient_mask_weighs_current_and_replayed_gradients() -> None:
    learner, method = _learner({"alpha": 2.0, "beta": 0.3, "removed_share": 0.0})
    _train_one_task(learner)
    context, task = learner.context, learner.tasks[1]
    start_task(learner, task)
    method.before_epoch(context, task)
    index = torch.arange(16)
    state = context.generator.get_state()
    loss = method.loss(context, task, task.x_train[index], task.y_train[index], index)
    loss.backward()  # type: ignore[no-untyped-call]
    method.before_step(context)
    context.generator.set_state(state)
    now, old = _two_gradients(method, context, task, index)
    for name, active in method.masks.active.items():
        expected = gradient_mask(2.0 * now[name].abs() + 0.3 * old[name].abs(), active, method.config.update_sparsity)
        assert torch.equal(method.masks.update[name], expected)
        alone = gradient_mask(now[name].abs(), active, method.config.update_sparsity)
        assert not torch.equal(expected, alone)


def _train_one_task(learner: Learner) -> None:
    """Train the first task only."""
    tasks, learner.tasks = learner.tasks, learner.tasks[:1]
    stream, learner.stream_tasks = learner.stream_tasks, learner.stream_tasks[:1]
    train(learner, lambda: None)
    learner.tasks, learner.stream_tasks = tasks, stream


def _two_gradients(
    method: Sparcl, context: Context, task: Task, index: Tensor
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    recalled = method.reservoir(context).draw(len(index), context.generator)
    parts = er_parts(context.network, task.x_train[index], task.y_train[index], task.classes, lambda: recalled)
    assert parts.buffer is not None
    names = method.masks.names
    now = weight_gradients(context.network, names, parts.current, keep_graph=True)
    old = weight_gradients(context.network, names, parts.buffer)
    return dict(zip(names, now, strict=True)), dict(zip(names, old, strict=True))


def test_scoring_leaves_no_trace_in_the_network() -> None:
    learner, method = _learner({})
    context, task = learner.context, learner.tasks[0]
    start_task(learner, task)
    before = {name: value.clone() for name, value in context.network.state_dict().items()}
    context.work.layers.clear()
    terms, _ = method._fresh_terms(context, task)
    assert set(terms) == set(method.masks.names)
    after = context.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.grad is None for parameter in context.network.parameters())
    work = context.work.layers["features.2.conv"]
    active = int(method.masks.active["features.2.conv"].sum())
    vectors = 32 * context.layers[2].positions
    assert work["scoring_forward_vectors"] == work["scoring_input_gradient_vectors"] == vectors
    assert work["scoring_weight_gradient_macs"] == vectors * active
    assert context.work.layers["features.0.conv"]["scoring_weight_gradient_macs"] == 0
    assert "scoring_input_gradient_vectors" not in context.work.layers["features.1.conv"]  # nothing before it is scored


def test_difficulty_is_judged_within_the_task_unless_asked_otherwise() -> None:
    def misses(logits: str) -> int:
        config = {"ddr_logits": logits, "removed_share": 0.0}
        seen = _by_epoch(config, lambda _, method: int(method.difficulty.events.sum()), epochs=1, learning_rate=1e-6)
        return int(seen[1])

    assert misses("all") == 60  # untrained outputs of old classes win over those of the second task
    assert misses("task") < 60


def test_batch_norm_shifts_stay_zero_only_with_the_released_codes_side_effect() -> None:
    def shifts(learner: Learner, _: Sparcl) -> float:
        parameters = dict(learner.network.named_parameters())
        return max(float(p.detach().abs().max()) for n, p in parameters.items() if n.endswith("norm.bias"))

    assert _by_epoch({"freeze_zero_parameters": True}, shifts)[-1] == 0
    assert _by_epoch({}, shifts)[-1] > 0


def test_an_exact_zero_leaves_the_mask_only_with_the_switch() -> None:
    def still_active(drop: bool) -> bool:
        learner, method = _learner({"drop_zero_weights": drop, "alpha": 50.0})
        context, task = learner.context, learner.tasks[0]
        start_task(learner, task)
        weight, mask = method.masks.weights["features.2.conv"], method.masks.active["features.2.conv"]
        position = int(mask.flatten().nonzero()[0])
        with torch.no_grad():
            weight.view(-1)[position] = 0
        importance = {name: torch.ones_like(w) for name, w in method.masks.weights.items()}
        importance["features.2.conv"].view(-1)[position] = 9
        method.masks.change(MaskUpdate(0.9, 0.9), importance, context.generator, method.config.drop_zero_weights)
        return bool(method.masks.active["features.2.conv"].view(-1)[position])

    assert still_active(False)
    assert not still_active(True)


def _spec(name: str, kernel: int | None = None) -> LayerSpec:
    shape: dict[str, Any] = {"kind": "linear"} if kernel is None else {"kind": "conv2d", "kernel": (kernel, kernel)}
    return LayerSpec(name=name, in_features=2, out_features=2, input_elements=2, output_elements=2, **shape)


def test_default_layers_skip_the_ends_and_shortcuts_but_not_linear_layers() -> None:
    layers = [_spec("stem", 3), _spec("a", 3), _spec("short", 1), _spec("b"), _spec("head")]
    assert [spec.name for spec in masked_layers(layers, None)] == ["a", "b"]
    assert [spec.name for spec in masked_layers(layers, ("a", "head"))] == ["stem", "short", "b"]


def test_layer_errors_name_the_layers() -> None:
    with pytest.raises(ConfigError, match="dense_layers names no mapped layer: 'hed'; did you mean 'head'"):
        masked_layers([_spec("stem", 3), _spec("head")], ("hed",))
    with pytest.raises(ConfigError, match=r"no layer is left to mask.*layers: stem, head"):
        masked_layers([_spec("stem", 3), _spec("head")], None)


def test_every_masked_layer_of_resnet18_starts_at_the_same_density() -> None:
    network = build_network("resnet18", 10, (3, 32, 32), {"width": 4})
    context = Context(
        network, trace_layers(network, (3, 32, 32)), torch.device("cpu"), torch.Generator(), lambda x: x, (8, 8)
    )
    method = Sparcl(SparclConfig())
    images, labels = torch.zeros(4, 3, 32, 32), torch.zeros(4, dtype=torch.int64)
    method.before_task(context, Task(0, (0, 1), images, labels, images, labels))
    assert len(method.masks.active) == 16
    assert all(int(m.sum()) == round(0.25 * m.numel()) for m in method.masks.active.values())
    assert all(not w.detach()[~method.masks.active[n]].any() for n, w in method.masks.weights.items())


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"sparsity": 0.9, "gradient_sparsity": 0.8}, r"gradient_sparsity \(0.8\) must be >= sparsity \(0.9\)"),
        ({"importance_gradient": "last-step"}, "use gradient_terms = 'merged'"),
        ({"sparsity": 0.995}, r"sparsity \(0.995\) \+ p_intra \(0.01\) must be < 1"),
        ({"sparsty": 0.9}, "unknown key 'sparsty'; did you mean 'sparsity'"),
        ({"sparsity": 1.0}, "'sparsity': Input should be less than 1"),
    ],
)
def test_contradictory_settings_are_refused(bad: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(SparclConfig, bad, "sparcl")


def test_gradient_sparsity_keeps_the_scripts_ratio() -> None:
    assert SparclConfig().update_sparsity == pytest.approx(0.80)
    assert SparclConfig(sparsity=0.5).update_sparsity == pytest.approx(0.6)


def test_it_learns() -> None:
    options: dict[str, Any] = {"epochs": 10, "train_limit": 200, "learning_rate": 0.1, "momentum": 0.0}
    trace = learn(_config({"sparsity": 0.5}, network_params={"channels": [16, 32, 32], "norm": True}, **options))
    assert trace.task_il[1].min() > 0.9
    assert trace.class_il[1].mean() > 0.75
