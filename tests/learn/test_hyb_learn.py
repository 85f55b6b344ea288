"""Hyb-Learn as a method: what is frozen, what is charged, and its limits."""

from typing import Any

import numpy as np
import pytest
import torch

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.learn.api import learn, make_learner
from imcsim.learn.config import LearnConfig
from imcsim.learn.loop import Learner, start_task, train
from imcsim.learn.methods.hyb_learn import HybLearn
from imcsim.learn.networks import build_network
from imcsim.learn.placing.correlation import gram_macs
from imcsim.learn.stream import split
from imcsim.testing.methods import TINY
from imcsim.trace.trace import Trace

SCORES = ["correlation", "random", "lowest-correlation", "smallest-gradient", "first-layers-first"]


def _config(method_config: dict[str, Any], method: str = "hyb-learn", **options: Any) -> LearnConfig:
    return parse(LearnConfig, {**TINY, "method": method, "method_config": method_config, **options}, "test")


def _run(method_config: dict[str, Any], **options: Any) -> Trace:
    return learn(_config(method_config, **options))


def _learner(method_config: dict[str, Any]) -> tuple[Learner, HybLearn]:
    config = _config(method_config)
    stream = split("digits", 2, classes_per_task=2, train_limit=config.train_limit)
    network = build_network("convnet", 4, stream.image_shape, config.network_params)
    learner = make_learner(config, network, stream)
    assert isinstance(learner.method, HybLearn)
    return learner, learner.method


def _pes(trace: Trace) -> np.ndarray[Any, Any]:
    """Return bool (T, PEs): which PEs train."""
    return np.concatenate([trace.placement[spec.name].reshape(2, -1) for spec in trace.meta.layers], axis=1)


@pytest.mark.parametrize("base", ["finetune", "er", "derpp"])
def test_nothing_frozen_equals_the_base_method_exactly(base: str) -> None:
    ours, plain = _run({"base": base, "frozen_fraction": 0.0}), learn(_config({}, method=base))
    assert all(np.array_equal(ours.codes[name], plain.codes[name]) for name in plain.codes)
    assert np.array_equal(ours.class_il, plain.class_il)
    assert not ours.task_counts["scoring_macs"].any()
    assert not ours.counts["scoring_forward_vectors"].any()


def test_everything_frozen_changes_no_mapped_weight() -> None:
    trace = _run({"frozen_fraction": 1.0, "freeze_classifier": True})
    assert not _pes(trace)[1].any()
    for codes in trace.codes.values():
        assert np.array_equal(codes[1], codes[2])
    assert not trace.counts["weight_gradient_macs"][1].any()
    assert not trace.counts["input_gradient_vectors"][1].any()
    assert not trace.counts["kept_elements"][1].any()


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("fraction", [0.25, 0.5, 0.75])
def test_exactly_the_share_is_frozen_from_the_second_task_on(score: str, fraction: float) -> None:
    trains = _pes(_run({"score": score, "frozen_fraction": fraction}, epochs=1))
    assert trains[0].all()
    assert int((~trains[1]).sum()) == round(fraction * trains.shape[1])


def test_the_scores_choose_different_pes() -> None:
    chosen = {score: tuple(_pes(_run({"score": score}, epochs=1))[1].tolist()) for score in SCORES}
    assert len(set(chosen.values())) == len(SCORES)
    first = np.array(chosen["first-layers-first"])
    assert not first[: (~first).sum()].any()


def test_the_classifier_trains_unless_it_may_be_frozen() -> None:
    trace = _run({"score": "first-layers-first", "frozen_fraction": 0.9})
    assert trace.placement["classifier"].all()
    may = _run({"score": "first-layers-first", "frozen_fraction": 1.0, "freeze_classifier": True})
    assert not may.placement["classifier"][1].any()
    with pytest.raises(ConfigError, match="set freeze_classifier = true"):
        _run({"frozen_fraction": 1.0})


def test_a_random_first_task_freezes_at_once() -> None:
    trains = _pes(_run({"first_task": "random", "frozen_fraction": 0.5}))
    assert (~trains).sum(1).tolist() == [round(0.5 * trains.shape[1])] * 2
    assert (trains[0] != trains[1]).any()


def test_scoring_work_is_charged_where_it_is_done() -> None:
    trace = _run({"samples": 50, "gradient_samples": 20})
    counts, tasks, layers = trace.counts, trace.task_counts, trace.meta.layers
    positions = np.array([spec.positions for spec in layers])
    assert np.array_equal(counts["scoring_forward_vectors"], np.array([50 * positions, 70 * positions]))
    assert counts["scoring_input_gradient_vectors"][0].tolist() == [0, 0, 0, 0]
    assert counts["scoring_input_gradient_vectors"][1].tolist() == [0, *(20 * positions[1:])]
    assert counts["scoring_weight_gradient_macs"][1].tolist() == [20 * spec.macs for spec in layers]
    gram = sum(gram_macs(spec, 8, 50) for spec in layers)
    assert tasks["scoring_macs"][0] == gram
    assert tasks["scoring_macs"][1] > gram  # and the projections
    assert 0 < tasks["scoring_bytes"][0] < tasks["scoring_bytes"][1]


@pytest.mark.parametrize(("score", "forward"), [("random", 0), ("first-layers-first", 0), ("smallest-gradient", 60)])
def test_controls_are_charged_only_what_they_need(score: str, forward: int) -> None:
    trace = _run({"score": score})
    positions = np.array([spec.positions for spec in trace.meta.layers])
    assert trace.counts["scoring_forward_vectors"].tolist() == [[0] * 4, (forward * positions).tolist()]
    assert not trace.task_counts["scoring_bytes"].any()
    assert not trace.task_counts["scoring_macs"].any()


def test_bases_are_orthonormal_and_span_the_old_inputs() -> None:
    learner, method = _learner({"samples": 10_000, "threshold": 1.0})
    train(learner, lambda: None)
    assert len(method.bases) == 2
    task, spec = learner.tasks[0], learner.context.layers[0]
    for groups in method.bases[0].values():
        for b in groups[0]:
            assert torch.allclose(b.T @ b, torch.eye(b.shape[1]), atol=1e-5)
    image = torch.nn.functional.unfold(task.x_train, spec.kernel, padding=spec.padding)[3].T[:, :8]
    b = method.bases[0][spec.name][0][0]
    assert torch.allclose(image @ b @ b.T, image, atol=1e-4)


def test_the_same_task_again_is_scored_higher_than_an_unrelated_one() -> None:
    learner, method = _learner({"samples": 10_000, "threshold": 0.9})
    context, task = learner.context, learner.tasks[0]
    start_task(learner, task)
    method.bases = [method._collect(context, task)]
    again = method._correlations(context, method._gradients(context, task))
    noise = torch.randn(task.x_train.shape, generator=torch.Generator().manual_seed(1))
    other = type(task)(0, task.classes, noise, task.y_train, task.x_test, task.y_test)
    unrelated = method._correlations(context, method._gradients(context, other))
    first = context.layers[0].name
    assert again[first][0, 0, 0] > unrelated[first][0, 0, 0] + 0.1
    assert all(bool(((s >= 0) & (s <= 1)).all()) for s in again.values())


def test_the_score_is_the_maximum_over_old_tasks() -> None:
    learner, method = _learner({})
    context = learner.context
    start_task(learner, learner.tasks[0])
    bases = [method._collect(context, task) for task in learner.tasks]
    gradients = method._gradients(context, learner.tasks[1])
    alone = []
    for old in bases:
        method.bases = [old]
        alone.append(method._correlations(context, gradients))
    method.bases = bases
    both = method._correlations(context, gradients)
    for name, score in both.items():
        assert torch.equal(score, torch.maximum(alone[0][name], alone[1][name]))


def test_base_settings_reach_the_base_and_are_checked() -> None:
    trace = _run({"base": "er", "base_config": {"buffer_size": 5}})
    assert trace.task_counts["replay_samples_read"].max() <= 5 * trace.task_counts["optimizer_steps"].max()
    with pytest.raises(ConfigError, match="hyb-learn base_config: unknown key 'buffer_sice'; did you mean"):
        _run({"base": "er", "base_config": {"buffer_sice": 5}})
