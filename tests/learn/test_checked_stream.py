"""Streams of one's own: what is cast with a note, and what is refused before anything trains."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import imcsim
from imcsim.core.errors import ConfigError
from imcsim.learn.checked_stream import checked_stream
from imcsim.learn.stream import Stream, Task


def own_task(index: int, classes: tuple[int, ...] = (0, 1)) -> Task:
    generator = torch.Generator().manual_seed(index)
    x = torch.rand((8, 1, 4, 4), generator=generator)
    y = torch.tensor(classes).repeat(4)[:8]
    return Task(index, classes, x, y, x[:4].clone(), y[:4].clone())


def own_stream(**changes: Any) -> Stream:
    """Two tasks of two classes; ``changes`` are of the second task."""
    return Stream("mine", (own_task(0), replace(own_task(1, (2, 3)), **changes)), 4, (1, 4, 4))


def learned(stream: Stream) -> Any:
    linear = torch.nn.Linear(16, 4)
    torch.nn.init.normal_(linear.weight, generator=torch.Generator().manual_seed(0))
    torch.nn.init.zeros_(linear.bias)
    network = torch.nn.Sequential(torch.nn.Flatten(), linear)
    return imcsim.learn(network, stream, epochs=1, batch_size=4)


def same_codes(a: Any, b: Any) -> bool:
    return all(np.array_equal(a.codes[name], b.codes[name]) for name in a.codes)


def test_a_stream_that_is_right_is_the_very_same() -> None:
    stream = own_stream()
    assert checked_stream(stream) is stream
    assert checked_stream(imcsim.split("digits", 5, train_limit=10)).notes


@pytest.mark.parametrize("kind", [torch.int32, torch.uint8, torch.int16, torch.float32, torch.float64])
def test_labels_of_other_types_are_cast_with_a_note(kind: torch.dtype) -> None:
    stream = own_stream(y_train=own_stream().tasks[1].y_train.to(kind))
    found = checked_stream(stream)
    assert found.tasks[1].y_train.dtype == torch.int64
    assert torch.equal(found.tasks[1].y_train, own_stream().tasks[1].y_train)
    assert found.notes == (f"labels of {str(kind)[6:]} were cast to int64",)
    trace = learned(stream)
    assert same_codes(trace, learned(own_stream()))
    assert found.notes[0] in trace.meta.notes


@pytest.mark.parametrize("kind", [torch.uint8, torch.int64, torch.float32, torch.float64])
def test_pixels_up_to_255_train_as_their_share_of_255(kind: torch.dtype) -> None:
    pixels = torch.randint(256, (8, 1, 4, 4), generator=torch.Generator().manual_seed(3))
    scaled, raw = (own_stream(x_train=x) for x in (pixels.float() / 255, pixels.to(kind)))
    assert torch.equal(checked_stream(raw).tasks[1].x_train, scaled.tasks[1].x_train)
    assert "images of whole numbers up to 255 were divided by 255" in checked_stream(raw).notes
    assert same_codes(learned(raw), learned(scaled))


def test_doubles_numpy_arrays_and_masks_are_cast() -> None:
    plain = own_stream()
    double = own_stream(x_train=plain.tasks[1].x_train.double())
    assert checked_stream(double).notes == ("images of float64 were cast to float32",)
    array = own_stream(x_train=plain.tasks[1].x_train.numpy(), y_train=plain.tasks[1].y_train.numpy())
    assert checked_stream(array).tasks[1].x_train.dtype == torch.float32
    binary = own_stream(x_train=plain.tasks[1].x_train > 0.5)
    assert set(checked_stream(binary).tasks[1].x_train.flatten().tolist()) == {0.0, 1.0}
    standardised = own_stream(x_train=(plain.tasks[1].x_train - 0.5) * 9)
    assert checked_stream(standardised) is standardised


def with_label(label: float, name: str = "y_train") -> dict[str, Any]:
    labels = torch.tensor([2.0, 3.0, 2.0, 3.0, 2.0, 3.0, 2.0, label][-8 if name == "y_train" else -4 :])
    return {name: labels.long() if float(label).is_integer() else labels}


def images(change: Callable[[torch.Tensor], object], name: str = "x_train") -> dict[str, Any]:
    x = getattr(own_stream().tasks[1], name).clone()
    changed = change(x)
    return {name: x if changed is None else changed}


WRONG: list[tuple[dict[str, Any], str]] = [
    (with_label(4), r"task 1 of the stream: y_train: label 4 is out of range; the stream has 4 classes, 0 to 3"),
    (with_label(-1), r"y_train: label -1 is out of range"),
    (with_label(-100, "y_test"), r"y_test: label -100 is out of range"),
    (with_label(1), r"y_train: label 1 is not among the task's classes \(2, 3\)"),
    (with_label(0, "y_test"), r"y_test: label 0 is not among the task's classes"),
    (with_label(2.5), r"y_train must hold whole numbers, got torch.float32 with others"),
    (with_label(float("nan")), r"y_train must hold whole numbers"),
    ({"y_train": torch.eye(4).repeat(2, 1)}, r"must be \(n,\), got \(8, 4\); labels are class numbers, not one-hot"),
    ({"y_train": torch.tensor([2, 3])}, r"task 1 of the stream: x_train has 8 images, y_train 2 labels"),
    ({"y_train": [2, 3] * 4}, r"y_train must be a tensor or a numpy array, got list"),
    ({"y_train": np.array(["a"] * 8)}, r"y_train must hold numbers, got an array of <U1"),
    (images(lambda x: x[:0]) | {"y_train": torch.zeros(0).long()}, r"task 1 of the stream: x_train has no image"),
    (images(lambda x: x[:0], "x_test") | {"y_test": torch.zeros(0).long()}, r"x_test has no image"),
    (images(lambda x: x[:, 0]), r"x_train must be \(n, 1, 4, 4\), got \(8, 4, 4\)"),
    (images(lambda x: x.permute(0, 2, 3, 1)), r"x_train must be \(n, 1, 4, 4\), got \(8, 4, 4, 1\)"),
    (images(lambda x: x.new_full((8, 1, 4, 4), 200.5)), r"x_train reaches 200.5: scale images to 0..1"),
    (images(lambda x: x - 400), r"x_train reaches -\d+.*: scale images to 0..1"),
    (images(lambda x: x.to_sparse()), r"must be a plain dense tensor, got layout sparse_coo; x.to_dense\(\) makes"),
    (images(lambda x: x.to("meta")), r"x_train must be a plain dense tensor, got one without values"),
    (images(lambda x: x.to(torch.complex64)), r"x_train must hold real numbers, got torch.complex64"),
    (images(lambda x: x.index_fill(0, torch.tensor(5), torch.nan)), r"image 5 holds nan at \(0, 0, 0\), and 1 of 8"),
    (images(lambda x: x.new_full((8, 1, 4, 4), float("inf"))), r"image 0 holds inf at \(0, 0, 0\), and 8 of 8 images"),
    ({"classes": ()}, r"task 1 of the stream: its classes must be one or more different labels, got \(\)"),
    ({"classes": (2, 2)}, r"its classes must be one or more different labels, got \(2, 2\)"),
    ({"classes": (2, 4)}, r"class 4 is not one of the stream's 4, which are 0 to 3"),
    ({"index": 0}, r"task 1 of the stream has index 0: tasks are numbered from 0 in their order"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "sentence"), WRONG)
def test_what_is_refused_before_anything_trains(changes: dict[str, Any], sentence: str) -> None:
    done: list[int] = []
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 4))
    with pytest.raises(ConfigError, match=sentence):
        imcsim.learn(network, own_stream(**changes), epochs=1, progress=lambda *_: done.append(1))
    assert not done


def test_what_is_no_stream() -> None:
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    with pytest.raises(ConfigError, match=r"got 'digits': imcsim.split\('digits', tasks=5\) makes one"):
        imcsim.learn(network, "digits")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"must be an imcsim.learn.stream.Stream, got list"):
        imcsim.learn(network, [own_task(0)])  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="the stream has no task"):
        imcsim.learn(network, Stream("mine", (), 4, (1, 4, 4)))
    with pytest.raises(ConfigError, match=r"task 0 of the stream must be an imcsim.learn.stream.Task, got tuple"):
        imcsim.learn(network, Stream("mine", ((1, 2),), 4, (1, 4, 4)))  # type: ignore[arg-type]


def test_a_task_shows_its_sizes_not_its_pixels() -> None:
    assert repr(own_task(1, (2, 3))) == "Task(index=1, classes=(2, 3), 8 images to train, 4 to test)"
    assert len(repr(own_stream())) < 400
