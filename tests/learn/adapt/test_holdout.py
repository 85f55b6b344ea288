"""Held-out samples: how many, which are left, and that judging leaves no trace but its cost."""

import pytest
import torch

from imcsim.learn.adapt.holdout import Holdout
from imcsim.learn.api import make_learner
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream


@pytest.mark.parametrize(("samples", "share", "held"), [(10, 0.3, 3), (10, 0.01, 1), (4, 0.5, 2)])
def test_held_out_and_other_samples_are_all_samples(samples: int, share: float, held: int) -> None:
    holdout = Holdout()
    holdout.draw(samples, share, torch.Generator().manual_seed(3))
    assert len(holdout.index) == held
    others = holdout.others(samples).tolist()
    assert sorted(others + holdout.index.tolist()) == list(range(samples))
    assert others == sorted(others)


def test_accuracy_is_among_the_tasks_classes_and_leaves_the_network_alone() -> None:
    learner = make_learner(tiny_config(), tiny_net(norm=True), tiny_stream())
    task, network = learner.tasks[0], learner.network
    with torch.no_grad():
        network.get_parameter("head.weight").zero_()
        network.get_parameter("head.bias").copy_(torch.tensor([1.0, 0.0, 5.0, 5.0]))  # class 0 always
    holdout = Holdout(torch.tensor([0, 1, 2, 4]))  # labels 0, 1, 0, 0
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    assert holdout.accuracy(learner.context, task) == 0.75
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    norm = network.get_submodule("norm")
    assert norm.training
    assert norm.momentum == 0.1
    # six samples for the statistics, four that are judged; first has 16 positions
    assert learner.context.work.layers["first"] == {"scoring_forward_vectors": 16 * 10}


def test_fresh_statistics_are_those_of_the_other_samples() -> None:
    learner = make_learner(tiny_config(), tiny_net(norm=True), tiny_stream())
    network, task = learner.network.train(), learner.tasks[0]
    norm, seen = network.get_submodule("norm"), []
    norm.register_forward_hook(lambda module, args, _: seen.append((module.running_mean.clone(), args[0])))
    Holdout(torch.tensor([0, 1])).accuracy(learner.context, task)
    with torch.no_grad():
        features = network.get_submodule("first")(task.x_train[2:])
    assert torch.allclose(seen[1][0], features.mean((0, 2, 3)), atol=1e-5)
