"""A stream: ordered tasks over one data set, held as flat tensors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from imcsim.core.errors import ConfigError
from imcsim.core.reference import short_name
from imcsim.core.seeds import numpy_generator
from imcsim.learn.class_groups import Order, PerTask, class_groups
from imcsim.learn.data import Arrays, load_dataset

_CROP_PAD = 4  # Mammoth's Split CIFAR-10: random crop with padding 4 and horizontal flip


@dataclass(frozen=True)
class Task:
    """One task of a stream.

    Parameters
    ----------
    index
        Position in the stream, from 0.
    classes
        Labels that belong to the task.
    x_train, x_test
        float32 (n, C, H, W), un-augmented, scaled to [0, 1].
    y_train, y_test
        int64 (n,), labels of the whole stream (not renumbered).
    """

    index: int
    classes: tuple[int, ...]
    x_train: Tensor
    y_train: Tensor
    x_test: Tensor
    y_test: Tensor

    def __repr__(self) -> str:
        sizes = f"{len(self.y_train)} images to train, {len(self.y_test)} to test"
        return f"Task(index={self.index}, classes={tuple(self.classes)}, {sizes})"

    def to(self, device: torch.device) -> "Task":
        """Return the task with its tensors on ``device``."""
        names = ("x_train", "y_train", "x_test", "y_test")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})


@dataclass(frozen=True)
class Stream:
    """Ordered tasks and what they share; ``notes`` are caveats of the data set."""

    dataset: str
    tasks: tuple[Task, ...]
    class_count: int
    image_shape: tuple[int, int, int]
    augment: bool = False
    notes: tuple[str, ...] = ()


def split(
    dataset: str,
    tasks: int,
    *,
    classes_per_task: PerTask = None,
    class_order: Order = None,
    train_limit: int | None = None,
    test_limit: int | None = None,
    seed: int = 0,
) -> Stream:
    """Split a data set into tasks of disjoint classes; labels stay those of the data set.

    Parameters
    ----------
    dataset
        A name of :data:`imcsim.learn.data.DATASETS`, or the path of a file that registers one.
    tasks
        T.
    classes_per_task
        Classes of every task, or of each in turn; None: all classes, shared equally.
    class_order
        Labels in the order in which the tasks take them, all or some; an integer seeds a random order of all of them;
        None: rising.
    train_limit
        Training samples per task at most, in equal shares of its classes, drawn with ``seed``; None: all.
    test_limit
        Test samples per task at most, in equal shares: the first ones of each class, whatever the seed; None: all.

    Raises
    ------
    ConfigError, ContentError
        If the classes do not divide into the tasks, or the limit leaves a class without samples.
    DataError
        If the data set cannot be had.
    """
    arrays = load_dataset(dataset)
    groups = class_groups(arrays.name, arrays.class_count, tasks, classes_per_task, class_order)
    limits = [per_class(len(classes), train_limit, test_limit) for classes in groups]
    generators = [numpy_generator(seed, "train-limit", t) for t in range(tasks)]
    built = tuple(make_task(arrays, t, classes, limits[t], generators[t]) for t, classes in enumerate(groups))
    channels, height, width = built[0].x_train.shape[1:]
    count = 1 + max(max(classes) for classes in groups)
    return Stream(short_name(dataset), built, count, (channels, height, width), arrays.augment, arrays.notes)


Limits = tuple[int | None, int | None]
"""The largest number of training and of test samples of one class; None: all."""


def per_class(classes: int, train_limit: int | None, test_limit: int | None) -> Limits:
    """Return one class's share of each limit of a task; ConfigError if nothing is left for a class."""
    for name, limit in (("train_limit", train_limit), ("test_limit", test_limit)):
        if limit is not None and limit < classes:
            raise ConfigError(f"{name} ({limit}) must be at least the {classes} classes of a task")
    return train_limit and train_limit // classes, test_limit and test_limit // classes


def unit_images(pixels: NDArray[np.uint8], maximum: int) -> Tensor:
    """Return float32 (n, C, H, W) in [0, 1] of uint8 pixels 0 .. ``maximum``."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).float().div_(maximum)


def make_task(
    arrays: Arrays,
    index: int,
    classes: Sequence[int],
    limits: Limits,
    generator: np.random.Generator,
    images: Callable[[NDArray[np.uint8], int], Tensor] = unit_images,
) -> Task:
    """Return the samples of ``classes``: training samples drawn with ``generator``, the first test samples of each.

    ``images`` makes float images of the chosen pixels.
    """
    train, test = (np.flatnonzero(np.isin(labels, classes)) for labels in (arrays.y_train, arrays.y_test))
    if limits[0] is not None:
        train = _firsts(generator.permutation(train), arrays.y_train, classes, limits[0])
    if limits[1] is not None:
        test = _firsts(test, arrays.y_test, classes, limits[1])
    return Task(
        index=index,
        classes=tuple(classes),
        x_train=images(arrays.x_train[train], arrays.maximum),
        y_train=torch.from_numpy(arrays.y_train[train].astype(np.int64)),
        x_test=images(arrays.x_test[test], arrays.maximum),
        y_test=torch.from_numpy(arrays.y_test[test].astype(np.int64)),
    )


def _firsts(
    samples: NDArray[np.intp], labels: NDArray[np.integer], classes: Sequence[int], count: int
) -> NDArray[np.intp]:
    kept = [samples[labels[samples] == label][:count] for label in classes]
    return np.sort(np.concatenate(kept))


def sample_images(tasks: Sequence[Task], count: int) -> Tensor:
    """Return about ``count`` training images (n, C, H, W), in equal shares of ``tasks``, spread evenly over each."""
    share = -(-count // len(tasks))
    return torch.cat([task.x_train[:: max(1, len(task.x_train) // share)][:share] for task in tasks])


def augment(x: Tensor, generator: torch.Generator) -> Tensor:
    """Return x (B, C, H, W) randomly cropped after zero padding by 4, and mirrored with probability 1/2.

    All draws come from the CPU ``generator``, batch-wise.
    """
    batch, _, height, width = x.shape
    shift = torch.randint(2 * _CROP_PAD + 1, (2, batch), generator=generator)
    mirror = torch.randint(2, (batch,), generator=generator).bool()
    columns = torch.arange(width).expand(batch, width)
    columns = torch.where(mirror[:, None], columns.flip(1), columns) + shift[1][:, None]
    rows = torch.arange(height)[None, :] + shift[0][:, None]
    padded = functional.pad(x, (_CROP_PAD,) * 4)
    sample = torch.arange(batch)[:, None, None]
    picked = padded.permute(0, 2, 3, 1)[sample, rows[:, :, None], columns[:, None, :]]
    return picked.permute(0, 3, 1, 2).contiguous()
