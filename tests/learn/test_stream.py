from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.learn.config import LearnConfig
from imcsim.learn.domains import multi_domain
from imcsim.learn.start import make_stream
from imcsim.learn.stream import augment, split
from imcsim.study.spec import StreamChoice


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


def test_unequal_tasks_and_an_order_of_classes() -> None:
    stream = split("digits", 3, classes_per_task=[4, 1, 2], class_order=[9, 3, 5, 1, 0, 2, 8])
    assert [task.classes for task in stream.tasks] == [(9, 3, 5, 1), (0,), (2, 8)]
    assert stream.class_count == 10  # labels stay those of the data set
    plain = split("digits", 1).tasks[0]
    for task in stream.tasks:
        assert set(task.y_train.tolist()) == set(task.classes) == set(task.y_test.tolist())
        for label in task.classes:
            assert torch.equal(task.x_test[task.y_test == label], plain.x_test[plain.y_test == label])
    assert split("digits", 2, classes_per_task=(3, 2)).class_count == 5


def test_arrays_of_numpy_stand_for_lists() -> None:
    stream = split("digits", 2, classes_per_task=np.array([3, 2]), class_order=np.arange(10)[::-1])
    assert [task.classes for task in stream.tasks] == [(9, 8, 7), (6, 5)]


def test_a_seed_of_the_order_draws_all_classes_once() -> None:
    orders = [
        tuple(c for task in split("digits", 5, class_order=seed).tasks for c in task.classes) for seed in (0, 0, 1)
    ]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == list(range(10)) != list(orders[0])
    # the order is apart from the seed that draws training samples
    a, b = (split("digits", 5, class_order=3, seed=seed, train_limit=4).tasks[0] for seed in (0, 1))
    assert a.classes == b.classes and not torch.equal(a.x_train, b.x_train)


def test_limits_are_shares_of_each_tasks_own_classes() -> None:
    tasks = split("digits", 2, classes_per_task=[1, 4], train_limit=8, test_limit=4).tasks
    assert [len(task.y_train) for task in tasks] == [8, 8]
    assert tasks[1].y_train.bincount()[1:].tolist() == [2, 2, 2, 2]
    assert [len(task.y_test) for task in tasks] == [4, 4]


@pytest.mark.parametrize(
    ("tasks", "options", "message"),
    [
        (0, {}, r"tasks must be a whole number of at least 1, got 0"),
        (2.5, {}, r"tasks must be a whole number of at least 1, got 2.5"),
        ("5", {}, r"tasks must be a whole number of at least 1, got '5'"),
        (5, {"classes_per_task": -1}, r"classes_per_task must be a whole number of at least 1, got -1"),
        (5, {"classes_per_task": 0}, r"classes_per_task must be a whole number of at least 1, got 0"),
        (5, {"classes_per_task": "two"}, r"classes_per_task must be a whole number of at least 1, got 'two'"),
        (3, {"classes_per_task": [2, 2]}, r"one number of at least 1 for each of 3 tasks, got 2, 2"),
        (2, {"classes_per_task": [2, 0]}, r"one number of at least 1 for each of 2 tasks, got 2, 0"),
        (2, {"classes_per_task": [6, 5]}, r"tasks of 6, 5 classes need 11; digits has 10 classes"),
        (2, {"class_order": [1, 2, 3]}, r"3 classes of digits do not divide into 2 tasks; give classes_per_task"),
        (2, {"class_order": [1, 2], "classes_per_task": 2}, r"need 4; class_order names 2 of digits"),
        (2, {"class_order": [1, 1]}, r"class_order names class 1 more than once"),
        (2, {"class_order": [1, 10]}, r"class_order: 10 is not a label of digits, which are 0 to 9"),
        (2, {"class_order": [1, "2"]}, r"class_order: '2' is not a label of digits"),
        (2, {"class_order": []}, r"class_order must be labels or a seed, got \[\]"),
        (2, {"class_order": "random"}, r"class_order must be labels or a seed, got 'random'"),
        (2, {"class_order": -3}, r"class_order as a seed must be at least 0, got -3"),
    ],
)  # fmt: skip
def test_impossible_groups_of_classes(tasks: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        split("digits", tasks, **options)


def test_class_groups_in_a_configuration_and_a_study() -> None:
    given = {"tasks": 2, "classes_per_task": [3, 1], "class_order": [7, 6, 5, 4]}
    config = parse(LearnConfig, given, "test")
    assert [task.classes for task in make_stream(config).tasks] == [(7, 6, 5), (4,)]
    assert parse(LearnConfig, config.model_dump(mode="json"), "again") == config
    assert parse(StreamChoice, {"dataset": "digits", **given}, "study").class_order == (7, 6, 5, 4)
    for wrong, sentence in (
        ({"classes_per_task": -1}, "'classes_per_task': must be a whole number of at least 1, or one for each task"),
        ({"class_order": [0, -1]}, "'class_order': must be a list of labels, or a seed of at least 0"),
        ({"class_order": True}, "'class_order': must be a list of labels, or a seed of at least 0"),
        ({"domains": ["digits"], "class_order": 1}, "class_order splits one data set: leave it out with domains"),
    ):
        with pytest.raises(ConfigError, match=sentence):
            parse(LearnConfig, wrong, "test")


def test_a_name_is_no_list_of_data_sets() -> None:
    with pytest.raises(ConfigError, match="a multi-domain stream takes a list of data sets, got 'mnist'"):
        multi_domain("mnist")
