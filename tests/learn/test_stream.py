import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imcsim.core.errors import ConfigError
from imcsim.learn.stream import augment, split


def test_digits_split_by_hand() -> None:
    stream = split("digits", 5)
    assert stream.class_count == 10 and stream.image_shape == (1, 8, 8) and not stream.augment
    assert [task.classes for task in stream.tasks] == [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)]
    assert sum(len(task.y_train) for task in stream.tasks) == 1438
    assert sum(len(task.y_test) for task in stream.tasks) == 359
    for task in stream.tasks:
        assert set(task.y_train.tolist()) == set(task.classes) == set(task.y_test.tolist())
        assert task.x_train.dtype == torch.float32 and task.x_train.min() == 0.0 and task.x_train.max() == 1.0
        assert task.y_train.dtype == torch.int64


def test_the_split_is_fixed_and_the_sets_are_disjoint() -> None:
    first, second = split("digits", 1, seed=0).tasks[0], split("digits", 1, seed=9).tasks[0]
    assert torch.equal(first.x_test, second.x_test) and torch.equal(first.x_train, second.x_train)
    known = {image.numpy().tobytes() for image in first.x_train}
    assert sum(image.numpy().tobytes() in known for image in first.x_test) == 0


def test_train_limit_is_shared_by_the_classes_and_drawn_by_the_seed() -> None:
    task = split("digits", 5, train_limit=21, seed=3).tasks[2]
    assert task.y_train.bincount()[4:].tolist() == [10, 10]
    again, other = (split("digits", 5, train_limit=21, seed=seed).tasks[2] for seed in (3, 4))
    assert torch.equal(task.x_train, again.x_train)
    assert not torch.equal(task.x_train, other.x_train)


def test_test_limit_takes_the_first_of_each_class_for_every_seed() -> None:
    whole, task = (split("digits", 5, test_limit=limit, seed=1).tasks[1] for limit in (None, 9))
    assert task.y_test.bincount()[2:].tolist() == [4, 4]
    for label in (2, 3):
        assert torch.equal(task.x_test[task.y_test == label], whole.x_test[whole.y_test == label][:4])


def test_fewer_classes_than_there_are() -> None:
    stream = split("digits", 3, classes_per_task=2)
    assert stream.class_count == 6 and stream.tasks[2].classes == (4, 5)


@pytest.mark.parametrize(
    ("tasks", "options", "message"),
    [
        (4, {}, "10 classes of digits do not divide into 4 tasks; give classes_per_task"),
        (6, {"classes_per_task": 2}, "6 tasks x 2 classes need 12; digits has 10 classes"),
        (5, {"test_limit": 1}, r"test_limit \(1\) must be at least the 2 classes"),
        (5, {"train_limit": 1}, r"train_limit \(1\) must be at least the 2 classes"),
    ],
)
def test_impossible_splits(tasks: int, options: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        split("digits", tasks, **options)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_an_augmented_image_is_a_shifted_and_perhaps_mirrored_one(seed: int) -> None:
    x = torch.arange(1, 2 * 2 * 5 * 5 + 1).float().view(2, 2, 5, 5)
    result = augment(x, torch.Generator().manual_seed(seed))
    assert result.shape == x.shape
    padded = torch.nn.functional.pad(x, (4,) * 4)
    for before, after in zip(padded, result, strict=True):
        crops = [before[:, i : i + 5, j : j + 5] for i in range(9) for j in range(9)]
        assert any(torch.equal(after, c) or torch.equal(after, c.flip(-1)) for c in crops)


def test_augmentation_mirrors_about_half_and_reaches_every_shift() -> None:
    x = torch.zeros(4000, 1, 3, 3)
    x[:, 0, 1, 0] = 1.0
    generator = torch.Generator().manual_seed(0)
    result = augment(x, generator)
    # the pixel lands in each of the 9 x 9 shifts, mirrored or not, with equal probability: 9 of 81 keep it inside
    assert abs(float(result.sum()) / 4000 - 9 / 81) < 5 * (9 / 81 * 72 / 81 / 4000) ** 0.5
    assert torch.equal(augment(x, torch.Generator().manual_seed(0)), result)
