from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from imcsim.core import sealed
from imcsim.core.errors import StorageError, TraceError
from imcsim.learn.api import LearningStopped, learn, learn_on, make_learner
from imcsim.learn.checkpoint import CHECKPOINT, pack, restore, save, unpack
from imcsim.learn.config import LearnConfig
from imcsim.learn.loop import train
from imcsim.learn.run_marks import run_marks
from imcsim.trace.store import load
from imcsim.trace.trace import Trace
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream


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


def stopped(path: Path) -> LearnConfig:
    """Leave a checkpoint of a small run, stopped after an epoch of momentum and a replay buffer."""
    values = config("er", tasks=1, classes_per_task=2, network_params={"hidden": [4]})
    with pytest.raises(LearningStopped):
        learn(values, checkpoint=path, stop=lambda: True)
    return values


def test_no_flipped_bit_gives_another_result(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    learner = make_learner(tiny_config(method="er", momentum=0.9), tiny_net(), tiny_stream())
    train(learner, lambda: None)
    marks = run_marks(learner.config, learner.network, learner.stream_tasks, None)
    save(learner, path, marks)
    data, same = path.read_bytes(), 0
    for place in [*range(80), *np.random.default_rng(0).permutation(len(data))[:200].tolist()]:
        wrong = bytearray(data)
        wrong[place] ^= 1 << place % 8
        path.write_bytes(wrong)
        try:
            restore(learner, path, marks)
        except TraceError as error:
            assert str(error).endswith("; delete it to start anew (imcsim learn --restart does)")
        else:  # spaces that fill the header up
            same += 1
    assert same <= 8


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_checkpoint_that_is_not_whole_is_one_sentence(tmp_path: Path, damage: bytes | None) -> None:
    path = tmp_path / "run.safetensors"
    values = stopped(path)
    path.write_bytes(path.read_bytes()[:-100] if damage is None else damage)
    with pytest.raises(TraceError, match=r"run.safetensors is not a whole checkpoint: .*; delete it to start anew"):
        learn(values, checkpoint=path)


def test_foreign_and_earlier_files_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "run.safetensors"
    for metadata, told in ((None, "is not an imcsim checkpoint"), ("imcsim-checkpoint-3", "by an earlier version")):
        save_file({"x": torch.zeros(1)}, path, None if metadata is None else {"format": metadata})
        with pytest.raises(TraceError, match=rf"run.safetensors .*{told}.*; delete it to start anew"):
            learn(config("finetune"), checkpoint=path)


def remarked(path: Path, **marks: str) -> None:
    """Write the checkpoint as a run with other marks would have."""
    header, arrays = sealed.load(path, CHECKPOINT)
    assert marks.keys() <= header["marks"].keys()
    sealed.save(path, CHECKPOINT, header | {"marks": header["marks"] | marks}, arrays)


@pytest.mark.parametrize(
    ("marks", "told"),
    [
        ({"code": "0123"}, r"was written by other code of imcsim \(0123, this is [0-9a-f]{16}\)"),
        ({"torch": "1.0"}, r"was written under torch 1.0, this is "),
        ({"stream": "0123"}, "belongs to another stream"),
        ({"network": "0123"}, "belongs to another network"),
        ({"cycles": "0123"}, "belongs to a run with other cycles_per_stream"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path, marks: dict[str, str], told: str) -> None:
    path = tmp_path / "run.safetensors"
    values = stopped(path)
    remarked(path, **marks)
    with pytest.raises(TraceError, match=rf"^checkpoint {path} {told}.*; delete it to start anew"):
        learn(values, checkpoint=path)


def test_on_the_command_line_a_checkpoint_of_other_code_stops_the_run_until_told_to_start_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from imcsim.cli.__main__ import guarded
    from imcsim.cli.app import app

    checkpoint, out = tmp_path / "t.checkpoint", tmp_path / "t"
    values = stopped(checkpoint)
    remarked(checkpoint, code="0123")
    before = checkpoint.read_bytes()
    given = [f"{name}={getattr(values, name)}" for name in (
        "epochs", "tasks", "train_limit", "batch_size", "momentum", "weight_decay", "learning_rate", "classes_per_task",
    )]  # fmt: skip
    command = ["learn", "--network", "mlp", "--method", "er", "--out", str(out)]
    command += [part for text in [*given, "network_params.hidden=[4]"] for part in ("--set", text)]
    assert guarded(lambda: app(command, standalone_mode=False)) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"imcsim: error: checkpoint {checkpoint} was written by other code of imcsim (0123, ")
    assert told.err.endswith("; delete it to start anew (imcsim learn --restart does)\n")
    assert (checkpoint.read_bytes(), out.exists(), told.out) == (before, False, "")
    assert guarded(lambda: app([*command, "--restart"], standalone_mode=False)) == 0
    expect_same(learn(values), load(out))
    assert not checkpoint.exists()


def test_given_networks_and_streams_are_told_apart(tmp_path: Path) -> None:
    path, values = tmp_path / "run.safetensors", tiny_config()
    with pytest.raises(LearningStopped):
        learn_on(values, tiny_net(), tiny_stream(), checkpoint=path, stop=lambda: True)
    other = tiny_stream()
    other.tasks[1].x_test[0, 0, 0, 0] += 0.5
    for network, stream, what in ((tiny_net(norm=True), tiny_stream(), "network"), (tiny_net(), other, "stream")):
        with pytest.raises(TraceError, match=f"belongs to another {what}"):
            learn_on(values, network, stream, checkpoint=path)
    whole = learn_on(values, tiny_net(), tiny_stream())
    expect_same(whole, learn_on(values, tiny_net(), tiny_stream(), checkpoint=path))


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


def test_every_type_of_tensor_comes_back_from_the_file(tmp_path: Path) -> None:
    types = (torch.bool, torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.float64)
    state = {str(kind): torch.tensor([[0, 1], [1, 0]]).to(kind) for kind in types} | {"one": torch.tensor(2.5)}
    tree, tensors = pack(state)
    sealed.save(tmp_path / "file", CHECKPOINT, tree, {name: values.numpy() for name, values in tensors.items()})
    header, arrays = sealed.load(tmp_path / "file", CHECKPOINT)
    back = unpack(header, {name: torch.from_numpy(values) for name, values in arrays.items()})
    for name, values in state.items():
        assert back[name].dtype == values.dtype and torch.equal(back[name], values), name


@pytest.mark.parametrize("state", [{1: 2}, {"a": object()}])
def test_what_cannot_be_stored_is_refused(state: Any) -> None:
    with pytest.raises(TypeError, match=r"string keys|cannot be checkpointed"):
        pack(state)


def test_checkpoints_are_written_first_last_and_no_more_often_than_worth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    monkeypatch.setattr("imcsim.core.sealed.save", lambda path, *_: written.append(path.name))
    learn(config("finetune"), checkpoint=tmp_path / "run.safetensors")  # ten epochs in well under ten seconds
    assert len(written) == 2
    monkeypatch.setattr("imcsim.learn.checkpoint.SAVE_EVERY_S", 0.0)
    learn(config("finetune"), checkpoint=tmp_path / "run.safetensors")
    assert len(written) == 2 + 10
