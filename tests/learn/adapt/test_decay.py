"""Steps that fall through a task: the factors by hand, and what the optimiser gets."""

from collections.abc import Mapping

import pytest
import torch
from torch import nn

from imcsim.learn.adapt.decay import rate_factor
from imcsim.learn.api import make_learner
from imcsim.learn.config import LearnConfig
from imcsim.learn.loop import train
from imcsim.learn.method import Context
from imcsim.learn.methods.piggyback import Piggyback, PiggybackConfig
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream


def test_factors_by_hand() -> None:
    assert [rate_factor(e, 30, "step") for e in (0, 14, 15, 29)] == [1, 1, 0.1, 0.1]
    assert [rate_factor(e, 3, "step") for e in range(3)] == [1, 1, 0.1]
    assert [rate_factor(e, 4, "cosine") for e in range(4)] == pytest.approx([1, 0.853553, 0.5, 0.146447], rel=1e-5)
    assert rate_factor(7, 9, "none") == 1


class _Watched(Piggyback):
    """Notes the optimiser's steps at each optimiser step."""

    def optimizer(
        self, context: Context, parameters: Mapping[str, nn.Parameter], config: LearnConfig
    ) -> torch.optim.Optimizer:
        self.made = super().optimizer(context, parameters, config)
        return self.made

    def before_step(self, context: Context) -> None:
        super().before_step(context)
        rates = [group["lr"] for group in self.made.param_groups]
        self.seen = {**getattr(self, "seen", {}), (context.task, context.epoch): rates}


def test_the_backbone_keeps_the_runs_step_and_each_task_begins_anew() -> None:
    config = PiggybackConfig(rate_decay="step", learning_rate=0.01, head_learning_rate=0.1)
    method, stream = _Watched(config), tiny_stream(tasks=3)
    train(make_learner(tiny_config(epochs=2, learning_rate=0.3), tiny_net(classes=6), stream, method), lambda: None)
    assert (method.seen[0, 0], method.seen[0, 1]) == ([0.3], [0.3])
    for task in (1, 2):
        assert method.seen[task, 0] == pytest.approx([0.01, 0.1])
        assert method.seen[task, 1] == pytest.approx([0.001, 0.01])
