from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imcsim.core.errors import StorageError, TraceError
from imcsim.learn.api import LearningStopped, learn
from imcsim.learn.checkpoint import pack, unpack
from imcsim.learn.config import LearnConfig
from imcsim.trace.trace import Trace


def config(method: str, **changes: Any) -> LearnConfig:
    values: dict[str, Any] = {
        "network": "mlp", "method": method, "epochs": 2, "tasks": 5, "train_limit": 30, "batch_size": 8,
        "momentum": 0.9, "weight_decay": 1e-3, "learning_rate": 0.02,
    }  # fmt: skip
    return LearnConfig.model_validate(values | changes)


def expect_same(first: Trace, second: Trace) -> None:
    assert first.meta == second.meta
    for item in fields(Trace):
        left, right = getattr(first, item.name), getattr(second, item.name)
        if isinstance(left, np.ndarray):
            assert np.array_equal(left, right), item.name
        elif isinstance(left, dict) and item.name != "cache":
            assert left.keys() == right.keys(), item.name
            for key, values in left.items():
                assert values.dtype == right[key].dtype and np.array_equal(values, right[key]), (item.name, key)


def stopping_after(epochs: int) -> Any:
    left = iter(range(epochs))
    return lambda: next(left, None) == epochs - 1


@pytest.mark.parametrize("method", ["finetune", "er", "derpp", "sparcl", "hyb-learn", "joint"])
@pytest.mark.parametrize("epochs", [1, 4])
def test_a_resumed_run_gives_the_same_trace_bit_for_bit(tmp_path: Path, method: str, epochs: int) -> None:
    path = tmp_path / "run.safetensors"
    whole = learn(config(method))
    if method == "joint" and epochs > 2:
        epochs = 2
    with pytest.raises(LearningStopped, match=r"stopped after task \d, epoch \d; run it again to go on from"):
        learn(config(method), checkpoint=path, stop=stopping_after(epochs))
    expect_same(whole, learn(config(method), checkpoint=path))


def test_resuming_a_convnet_with_augmentation_free_activity_sampling(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    values = config("er", network="convnet", network_params={"norm": True, "channels": [4, 4]}, tasks=2)
    values = values.model_copy(update={"classes_per_task": 2})
    with pytest.raises(LearningStopped):
        learn(values, checkpoint=path, stop=stopping_after(3))
    expect_same(learn(values), learn(values, checkpoint=path))


def test_a_finished_run_can_be_resumed(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    expect_same(learn(config("finetune"), checkpoint=path), learn(config("finetune"), checkpoint=path))


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    learn(config("finetune", tasks=1, classes_per_task=2), checkpoint=path)
    with pytest.raises(TraceError, match="belongs to another configuration"):
        learn(config("finetune", tasks=1, classes_per_task=2, seed=1), checkpoint=path)


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_corrupt_checkpoint_is_one_sentence(tmp_path: Path, damage: bytes | None) -> None:
    path = tmp_path / "run.safetensors"
    learn(config("finetune", tasks=1, classes_per_task=2), checkpoint=path)
    path.write_bytes(path.read_bytes()[:-100] if damage is None else damage)
    with pytest.raises(TraceError, match=r"is corrupt .*; delete it to start anew"):
        learn(config("finetune", tasks=1, classes_per_task=2), checkpoint=path)


def test_a_foreign_safetensors_file_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "run.safetensors"
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(TraceError, match="not a checkpoint of this version"):
        learn(config("finetune"), checkpoint=path)


def test_a_refused_write_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        learn(config("finetune"), checkpoint=tmp_path / "file" / "run.safetensors")


def test_pack_and_unpack_are_inverse() -> None:
    state = {"a": torch.arange(3), "b": [1, 2.5, None, "x", True], "c": {"d": np.array([1, 2], np.uint16)}}
    tree, tensors = pack(state)
    back = unpack(tree, tensors)
    assert torch.equal(back["a"], torch.arange(3)) and back["b"] == [1, 2.5, None, "x", True]
    assert back["c"]["d"].dtype == torch.uint16


@pytest.mark.parametrize("state", [{1: 2}, {"a": object()}])
def test_what_cannot_be_stored_is_refused(state: Any) -> None:
    with pytest.raises(TypeError, match=r"string keys|cannot be checkpointed"):
        pack(state)


def test_checkpoints_are_written_first_last_and_no_more_often_than_worth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    monkeypatch.setattr("imcsim.learn.checkpoint.write_atomic", lambda path, data: written.append(path.name))
    learn(config("finetune"), checkpoint=tmp_path / "run.safetensors")  # ten epochs in well under ten seconds
    assert len(written) == 2
    monkeypatch.setattr("imcsim.learn.checkpoint.SAVE_EVERY_S", 0.0)
    learn(config("finetune"), checkpoint=tmp_path / "run.safetensors")
    assert len(written) == 2 + 10
