"""PackNet in the loop: shares, owners, frozen weights and what a task switch rewrites."""

from typing import Any

import numpy as np
import pytest
import torch

from imcsim.core.errors import ConfigError
from imcsim.learn.adapt.owned import OwnedMethod
from imcsim.learn.api import learn_on, make_learner
from imcsim.learn.loop import Learner, train
from imcsim.learn.method import make_method
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream


def _learner(tasks: int = 3, **method_config: Any) -> tuple[Learner, OwnedMethod]:
    config = tiny_config(method="packnet", epochs=3, method_config=method_config, momentum=0.9, weight_decay=1e-2)
    learner = make_learner(config, tiny_net(norm=True, classes=6), tiny_stream(tasks=tasks))
    train(learner, lambda: None)
    learner.recorder.passes.remove()
    assert isinstance(learner.method, OwnedMethod)
    return learner, learner.method


def _owned(method: OwnedMethod, layer: str) -> list[int]:
    return torch.bincount(method.owners[layer].flatten(), minlength=4).tolist()


def test_each_task_keeps_its_share_of_what_was_free() -> None:
    _, method = _learner(prune_shares=[0.5, 0.75])
    # second: 54 weights: 27 go, 27 stay; of the 27, 20 go; the last task keeps all
    assert _owned(method, "second") == [0, 27, 7, 20]
    # first: 27: 14 go (13.5, half to even); of the 14, 10 (10.5, half to even) go
    assert _owned(method, "first") == [0, 13, 4, 10]


def test_the_last_task_may_prune_too() -> None:
    _, method = _learner(prune_shares=[0.5], prune_last=True)
    assert _owned(method, "second") == [7, 27, 13, 7]


def test_a_served_task_sees_its_own_weights_as_they_were() -> None:
    learner, method = _learner()
    trace = learner.recorder.tables
    step = dict(zip([s.name for s in learner.quantiser.layers], learner.quantiser.scales, strict=True))
    for task in range(3):
        with method.serving(learner.context, task):
            for name, owner in method.owners.items():
                weight = learner.network.get_parameter(f"{name}.weight")
                assert not weight[(owner == 0) | (owner > task + 1)].any()
                assert weight[(owner > 0) & (owner <= task + 1)].any()
                then = torch.from_numpy(trace[f"codes/{name}"][task + 1]).float() * step[name]
                now = weight.detach().reshape(weight.shape[0], -1).T[None]
                assert torch.allclose(now, then, atol=step[name] * 0.51)


def test_a_task_switch_rewrites_the_hidden_layers() -> None:
    config = tiny_config(method="packnet", epochs=3)
    trace = learn_on(config, tiny_net(norm=True, classes=6), tiny_stream(tasks=3))
    assert trace.meta.switched_layers == ("first", "second")
    assert (trace.codes["second"][1] != trace.codes["second"][2]).any()
    assert trace.task_counts["mask_bits"].tolist() == [(27 + 54) * 2] * 3
    kept = trace.active["second"].reshape(3, -1)
    assert kept.sum(1).tolist() == [27, 34, 54]
    assert (kept[0] <= kept[1]).all()
    old = trace.codes["second"][1].flatten()[kept[0]]
    assert np.array_equal(old, trace.codes["second"][3].flatten()[kept[0]])


def test_a_pe_full_of_old_weights_is_frozen() -> None:
    config = tiny_config(method="packnet", epochs=1, pe_tile=(1, 1), method_config={"retrain_share": 0})
    trace = learn_on(config, tiny_net(norm=True, classes=6), tiny_stream(tasks=3))
    assert trace.counts["trainable_weights"][:, 1].tolist() == [54, 27, 20]


@pytest.mark.parametrize(("share", "epochs"), [(1 / 3, 6), (0.0, 9), (0.9, 1)])
def test_epochs_are_shared_between_training_and_retraining(share: float, epochs: int) -> None:
    method = make_method("packnet", {"retrain_share": share})
    learner = make_learner(tiny_config(method="packnet", epochs=9), tiny_net(norm=True), tiny_stream())
    assert method.train_epochs(learner.context) == epochs  # type: ignore[attr-defined]


def test_columns_are_kept_or_freed_whole() -> None:
    learner, method = _learner(prune_shares=[0.5], unit="column")
    # first: 9 x 3 weights in PEs of 4 rows, so 9 segments: 4 go (4.5, half to even), then 2; second: 14, 7, 4 (3.5)
    for layer, kept in (("first", [5, 2, 2]), ("second", [7, 3, 4])):
        matrix = method.owners[layer].flatten(1).T  # (D, N)
        parts = torch.split(matrix, 4)
        assert all((part == part[:1]).all() for part in parts)
        assert torch.bincount(torch.cat([part[0] for part in parts]), minlength=4).tolist() == [0, *kept]
    assert learner.recorder.task_counts["mask_bits"].tolist() == [(9 + 14) * 2] * 3


def test_a_share_of_one_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"prune_shares must lie in \[0, 1\)"):
        make_method("packnet", {"prune_shares": [0.5, 1.0]})
