"""CPG in the loop: growth, gradual pruning, picks, and old tasks served as they were."""

from typing import Any

import pytest
import torch
from torch import Tensor

from imcsim.core.errors import ConfigError
from imcsim.learn.adapt.holdout import Holdout
from imcsim.learn.api import learn_on, make_learner
from imcsim.learn.loop import Learner, train
from imcsim.learn.method import make_method
from imcsim.learn.methods.cpg import Cpg
from imcsim.learn.networks import build_network
from tests.learn.helpers import tiny_config, tiny_stream


def _learner(monkeypatch: pytest.MonkeyPatch, accuracy: float, **method_config: Any) -> tuple[Learner, Cpg]:
    """Return a run over a chain of 16-30-30-6 units whose held-out accuracy is always ``accuracy``."""
    monkeypatch.setattr(Holdout, "accuracy", lambda *_: accuracy)
    config = tiny_config(method="cpg", epochs=10, method_config=method_config)
    network = build_network("mlp", 6, (1, 4, 4), {"hidden": [30, 30]}, 0)
    learner = make_learner(config, network, tiny_stream(samples=20, tasks=3))
    train(learner, lambda: None)
    learner.recorder.passes.remove()
    assert isinstance(learner.method, Cpg)
    return learner, learner.method


def _owned(owner: Tensor) -> list[int]:
    return [int((owner == who).sum()) for who in (-1, 0, 1, 2, 3)]


def test_a_network_that_reaches_its_goal_stays_narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    learner, method = _learner(monkeypatch, 1.0, sparsity=0.75)
    first, second = (method.owners[name] for name in method.hidden(learner.context))
    # 20 of 30 units exist: 20 x 16 = 320 weights; 240 go; of those 180 go; of those 135
    assert _owned(first) == [160, 135, 80, 60, 45]
    # 400 of 900: 300 go, 225, 169 (168.75)
    assert _owned(second) == [500, 169, 100, 75, 56]
    weight = learner.network.get_parameter(f"{learner.context.layers[0].name}.weight")
    assert not weight[20:].any()
    assert not learner.network.get_parameter(f"{learner.context.layers[-1].name}.weight")[:, 20:].any()


def test_a_network_below_its_goal_grows_once_and_is_compacted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    learner, method = _learner(monkeypatch, 0.4)
    assert method.width == 1.5
    first = method.owners[method.hidden(learner.context)[0]]
    # all 480 weights are claimed by the first task, and 0.4 is what it must keep: three quarters go
    assert _owned(first)[:3] == [0, 202, 120]  # 0.75 of the 270 left is 202.5, half to even
    assert learner.network.get_parameter(f"{learner.context.layers[0].name}.weight")[20:].any()


def test_no_growth_is_a_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    learner, method = _learner(monkeypatch, 0.4, widest=1)
    assert method.width == 1.0
    assert _owned(method.owners[method.hidden(learner.context)[0]])[0] == 0


def test_a_step_that_loses_the_goal_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    # train 5 epochs (one look at growth, one at the end), then prune after epochs 5, 6, 7 and judge after each
    answers = [1.0, 1.0, 1.0, 0.0]
    monkeypatch.setattr(Holdout, "accuracy", lambda *_: answers.pop(0))
    config = tiny_config(method="cpg", epochs=10, tasks=1, method_config={"widest": 1, "goal": 0.9})
    network = build_network("mlp", 6, (1, 4, 4), {"hidden": [10, 10]}, 0)
    learner = make_learner(config, network, tiny_stream(samples=20, tasks=1))
    answers.pop(0)  # a network that cannot grow is not asked
    seen: list[Tensor] = []
    train(learner, lambda: seen.append(next(iter(learner.method.owners.values())).clone()))  # type: ignore[attr-defined]
    learner.recorder.passes.remove()
    free = [int((owner == 0).sum()) for owner in seen]
    assert free[:5] == [0, 0, 0, 0, 84]  # 0.75 (1 - (2/3)^3) of 160 = 84.4
    assert free[5] == 116  # 0.75 (1 - (1/3)^3) of 160 = 115.6
    assert free[6:] == [84] * 4


def test_old_weights_are_held_and_picks_are_the_tasks_own(monkeypatch: pytest.MonkeyPatch) -> None:
    learner, method = _learner(monkeypatch, 1.0, pick_learning_rate=0.05)
    name = method.hidden(learner.context)[1]
    spec = next(s for s in learner.context.layers if s.name == name)
    codes = learner.recorder.tables[f"codes/{name}"]
    owner = method.owners[name].T[None].numpy()
    assert owner.shape == (1, *spec.matrix_shape[1:])
    old, now = codes[1][owner == 1], codes[3][owner == 1]
    assert (now[now != 0] == old[now != 0]).all()  # picked as they were, or not picked
    assert (now == 0).sum() > (old == 0).sum()
    assert learner.recorder.task_counts["mask_bits"].tolist() == [
        2 * (480 + 900),
        2 * (480 + 900) + 80 + 100,
        2 * (480 + 900) + 80 + 60 + 100 + 75,
    ]


def test_picks_and_weights_enter_the_gradient_once() -> None:
    config = tiny_config(method="cpg", epochs=4)
    network = build_network("mlp", 4, (1, 4, 4), {"hidden": [30, 30]}, 0)
    trace = learn_on(config, network, tiny_stream(samples=20))
    samples = trace.task_counts["samples"]
    assert trace.counts["weight_gradient_vectors"][:, 0].tolist() == samples.tolist()
    assert trace.counts["kept_elements"][:, 0].tolist() == (16 * samples).tolist()


@pytest.mark.parametrize(("epochs", "train_epochs", "prune_epochs"), [(10, 5, 3), (2, 1, 1), (1, 1, 0), (100, 50, 30)])
def test_epochs_are_shared(epochs: int, train_epochs: int, prune_epochs: int) -> None:
    method = make_method("cpg")
    assert isinstance(method, Cpg)
    assert method.phases(epochs) == (train_epochs, prune_epochs)


def test_shares_beyond_the_task_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"must be at most 1, got 0.8 \+ 0.3"):
        make_method("cpg", {"train_share": 0.8})


def test_latent_values_start_anew_for_each_task(monkeypatch: pytest.MonkeyPatch) -> None:
    learner, method = _learner(monkeypatch, 1.0)
    name = f"{method.hidden(learner.context)[1]}.adaptor.latent"
    assert (method.saved[0][name] == torch.tensor(0.01)).all()
    assert not torch.equal(method.saved[1][name], method.saved[0][name])
