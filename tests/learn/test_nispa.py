"""NISPA in the loop: density, frozen units, no cost of a switch, and shortcuts refused."""

from itertools import cycle
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from imcsim.core.errors import ConfigError
from imcsim.learn.adapt.holdout import Holdout
from imcsim.learn.api import learn_on, make_learner
from imcsim.learn.loop import Learner, train
from imcsim.learn.methods.nispa import Nispa
from imcsim.learn.networks import build_network
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream


def _learner(epochs: int = 6, **method_config: Any) -> tuple[Learner, Nispa, list[dict[str, Tensor]]]:
    """Return a finished run on a wider chain, its method, and the weights after each task."""
    config = tiny_config(method="nispa", epochs=epochs, method_config={"density": 0.4, **method_config}, momentum=0.9)
    network = build_network("mlp", 6, (1, 4, 4), {"hidden": [20, 20]}, 0)
    learner = make_learner(config, network, tiny_stream(samples=20, tasks=3))
    after: list[dict[str, Tensor]] = []

    def look() -> None:
        if learner.epoch == epochs:
            after.append({name: value.detach().clone() for name, value in network.state_dict().items()})

    train(learner, look)
    learner.recorder.passes.remove()
    assert isinstance(learner.method, Nispa)
    return learner, learner.method, after


def test_what_a_frozen_unit_reads_never_changes_and_is_frozen_itself() -> None:
    learner, method, after = _learner()
    names = [spec.name for spec in learner.context.layers]
    assert any(mask.any() and not mask.all() for mask in method.units.frozen.values())
    inputs = torch.ones(learner.context.layers[0].in_features, dtype=torch.bool)
    for name in names[:-1]:
        frozen = method.units.frozen[name]
        connections = method.units.connections[name]
        assert not (connections[frozen] & ~inputs).any()
        inputs = frozen
    first = names[0]
    moved = after[0][f"{first}.weight"] != after[2][f"{first}.weight"]
    assert moved.any()


def test_the_number_of_connections_of_hidden_layers_stays() -> None:
    learner, method, _ = _learner()
    second = [spec.name for spec in learner.context.layers][1]
    counts = {name: int(mask.sum()) for name, mask in method.units.connections.items()}
    assert counts[second] == 160  # 0.4 of 20 x 20


def test_a_task_is_served_without_writing_hidden_cells_or_loading_masks() -> None:
    config = tiny_config(method="nispa", epochs=4, method_config={"density": 0.5, "norm": "frozen"})
    trace = learn_on(config, tiny_net(norm=True, classes=6), tiny_stream(tasks=3))
    assert trace.meta.switched_layers == ()
    assert trace.task_counts["mask_bits"].tolist() == [0, 0, 0]
    assert trace.counts["scoring_forward_vectors"][0].sum() > 0


def test_held_out_samples_are_not_trained_on() -> None:
    config = tiny_config(method="nispa", epochs=2, method_config={"validation_share": 0.3})
    trace = learn_on(config, tiny_net(norm=True), tiny_stream())
    assert trace.task_counts["samples"].tolist() == [14, 14]  # 7 of 10, two epochs


def test_a_fall_of_accuracy_brings_the_last_phase_back(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([0.9, 0.895, 0.5] + [1.0] * 20)
    monkeypatch.setattr(Holdout, "accuracy", lambda *_: next(answers))
    seen: list[dict[str, Tensor]] = []
    config = tiny_config(method="nispa", epochs=6, tasks=1, learning_rate=1e-9, method_config={"grown": "zero"})
    learner = make_learner(config, tiny_net(norm=True, classes=6), tiny_stream(tasks=1))
    train(learner, lambda: seen.append({n: m.clone() for n, m in learner.method.units.connections.items()}))  # type: ignore[attr-defined]
    learner.recorder.passes.remove()
    for name, mask in seen[0].items():
        assert torch.equal(seen[2][name], mask)  # what the second phase began with
        assert torch.equal(seen[5][name], mask)


def test_the_first_rewiring_stays_even_if_accuracy_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = cycle([1.0, 0.0])  # a task asks twice: the second answer ends its rewiring
    monkeypatch.setattr(Holdout, "accuracy", lambda *_: next(answers))
    learner, method, _ = _learner(epochs=4)
    for row in learner.task_il:
        assert row[0] == learner.task_il[0][0]
    stable = method.units.frozen[learner.context.layers[-2].name]
    assert stable.any()
    assert not method.units.connections[learner.context.layers[-1].name][:, ~stable].any()


class _Shortcut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 1)
        self.head = nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        out: Tensor = self.head((x + self.b(x)).flatten(1))
        return out


def test_a_network_with_a_shortcut_is_refused() -> None:
    with pytest.raises(ConfigError, match="'head' reads more than 'b': the network has a shortcut"):
        learn_on(tiny_config(method="nispa"), _Shortcut(), tiny_stream())
