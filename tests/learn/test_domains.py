import os
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import imcsim
from imcsim.core.errors import ConfigError, ContentError
from imcsim.learn import domains
from imcsim.learn.data import DATASETS, Arrays, load_dataset
from imcsim.learn.domains import fit_images, multi_domain

REAL = Path(os.environ.get("IMCSIM_DATA", "/nonexistent"))


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second data set, "threes": the digits 0, 1 and 2."""
    digits = load_dataset("digits")
    train, test = digits.y_train < 3, digits.y_test < 3
    arrays = Arrays(
        "threes", digits.x_train[train], digits.y_train[train], digits.x_test[test], digits.y_test[test],
        maximum=16, notes=("threes: a test",),
    )  # fmt: skip
    monkeypatch.setitem(DATASETS._entries, "threes", lambda: arrays)


@pytest.mark.usefixtures("two")
def test_classes_of_different_domains_differ_and_a_domain_that_returns_is_the_same() -> None:
    stream = imcsim.multi_domain(["threes", "digits", "threes"], (1, 6, 10), 60, 3, test_limit=30)
    assert stream.dataset == "threes+digits+threes" and stream.class_count == 13 and not stream.augment
    assert [task.index for task in stream.tasks] == [0, 1, 2]
    assert [task.classes for task in stream.tasks] == [(0, 1, 2), tuple(range(3, 13)), (0, 1, 2)]
    for task in stream.tasks:
        assert task.x_train.shape == (60, 1, 6, 10) and task.x_test.shape == (30, 1, 6, 10)
        assert set(task.y_train.tolist()) == set(task.classes) == set(task.y_test.tolist())
        assert task.y_train.bincount()[task.classes[0] :].tolist() == [60 // len(task.classes)] * len(task.classes)
    first, _, again = stream.tasks
    assert torch.equal(first.x_train, again.x_train) and torch.equal(first.y_train, again.y_train)
    assert "threes: a test" in stream.notes and "brought to 1x6x10" in stream.notes[-1]


@pytest.mark.usefixtures("two")
def test_the_order_changes_no_images_and_the_seed_changes_training_images_only() -> None:
    def images(names: list[str], seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        task = multi_domain(names, (1, 8, 8), 20, seed, test_limit=20).tasks[names.index("digits")]
        return task.x_train, task.x_test

    train, test = images(["digits"], 0)
    assert torch.equal(images(["threes", "digits"], 0)[0], train)
    other = images(["digits"], 1)
    assert not torch.equal(other[0], train) and torch.equal(other[1], test)


def test_without_limits_all_images_come_whatever_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(domains, "_CHUNK", 100)
    task = multi_domain(["digits"], (1, 8, 8)).tasks[0]
    assert torch.equal(task.x_train, imcsim.split("digits", 1).tasks[0].x_train)
    assert len(task.y_test) == 359


def test_grey_is_the_luma_and_grey_becomes_three_equal_channels() -> None:
    red, green, blue = torch.eye(3).view(3, 3, 1, 1)
    grey = [float(fit_images(x[None], (1, 1, 1))) for x in (red, green, blue)]
    assert grey == pytest.approx([0.299, 0.587, 0.114])
    assert float(fit_images(torch.ones(1, 3, 4, 4), (1, 4, 4)).min()) == pytest.approx(1.0)
    one = torch.rand(2, 1, 5, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(fit_images(one, (3, 5, 5)), one.repeat(1, 3, 1, 1))
    with pytest.raises(ConfigError, match=r"images of 2 channels cannot be brought to 1: grey \(1\) or RGB \(3\) only"):
        fit_images(torch.zeros(1, 2, 4, 4), (1, 4, 4))


def test_what_is_too_short_is_padded_and_what_is_too_long_shrinks() -> None:
    x = torch.arange(1.0, 5.0).view(1, 1, 2, 2) / 4
    padded = fit_images(x, (1, 5, 4))
    assert torch.equal(padded[0, 0, 1:3, 1:3], x[0, 0]) and float(padded.sum()) == float(x.sum())
    # halving: the triangle of antialiasing weighs samples 1/8, 3/8, 3/8, 1/8, at the rim 3/7, 3/7, 1/7
    ramp = torch.tensor([0.0, 1.0, 0.0, 0.0]).view(1, 1, 1, 4)
    assert fit_images(ramp, (1, 1, 2)).flatten().tolist() == pytest.approx([3 / 7, 1 / 7])
    both = fit_images(torch.ones(1, 1, 49, 20), (1, 28, 28))
    assert both.shape == (1, 1, 28, 28) and both[..., 4:24].min() > 0.999 and both[..., :4].max() == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12), st.integers(1, 12), st.integers(0, 99))
def test_images_stay_in_range_and_a_flat_image_stays_flat(h: int, w: int, height: int, width: int, seed: int) -> None:
    x = torch.rand(2, 3, h, w, generator=torch.Generator().manual_seed(seed))
    y = fit_images(x, (1, height, width))
    assert y.shape == (2, 1, height, width) and float(y.min()) >= 0 and float(y.max()) <= 1
    flat = fit_images(torch.full((1, 1, h, w), 0.5), (1, height, width))
    assert float(flat.sum()) == pytest.approx(0.5 * min(h, height) * min(w, width), rel=1e-5)


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        ([], {}, "needs at least one data set"),
        (["digit"], {}, "unknown data set 'digit'; did you mean 'digits'"),
        (["digits"], {"image_shape": (2, 8, 8)}, r"image_shape must be \(1 or 3, height, width\), got \(2, 8, 8\)"),
        (["digits"], {"train_limit": 9}, r"train_limit \(9\) must be at least the 10 classes of a task"),
        (["digits"], {"test_limit": 9}, r"test_limit \(9\) must be at least the 10 classes of a task"),
    ],
)
def test_impossible_streams(names: list[str], options: dict[str, tuple[int, int, int]], message: str) -> None:
    with pytest.raises((ConfigError, ContentError), match=message):
        multi_domain(names, **options)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.skipif(not (REAL / "fsdd_logmel.npz").is_file(), reason="no data folder")
def test_the_four_real_domains_become_one_stream() -> None:
    names = ["mnist", "fashion-mnist", "cifar10", "spoken-digits"]
    stream = multi_domain(names, train_limit=100, test_limit=100)
    assert stream.class_count == 40 and stream.image_shape == (1, 28, 28)
    for task in stream.tasks:
        assert task.x_train.shape == (100, 1, 28, 28) and 0.05 < float(task.x_train.mean()) < 0.6
        assert len(task.y_test) == 100
