"""A multi-domain stream: one task a data set, classes of different data sets apart, all images of one shape.

Domain-incremental streams over visual domains are the setting of Piggyback (Mallya et al., ECCV 2018) and of
the in-memory adaptors after it; the data sets are the caller's.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from imcsim.core.errors import ConfigError
from imcsim.core.reference import short_name
from imcsim.core.seeds import numpy_generator
from imcsim.learn.config import DEFAULT_SHAPE
from imcsim.learn.data import load_dataset
from imcsim.learn.stream import Stream, Task, make_task, per_class, unit_images
from imcsim.trace.stream_name import domains_name

ImageShape = tuple[int, int, int]

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
_CHUNK = 4096  # design choice: images converted at once; bounds memory


def multi_domain(
    datasets: Sequence[str],
    image_shape: ImageShape = DEFAULT_SHAPE,
    train_limit: int | None = None,
    seed: int = 0,
    *,
    test_limit: int | None = None,
) -> Stream:
    """Return a stream with one task for each data set, in the order given.

    Labels are shifted: the classes of a data set follow those of the data sets before it, so that no two domains share
    one, and ``class_count`` is the sum over the distinct data sets. A data set that comes again is the same task again:
    the same labels and the very same images. Images are brought to ``image_shape`` by :func:`fit_images`; none is
    cropped or mirrored in training.

    Parameters
    ----------
    datasets
        Names of :data:`imcsim.learn.data.DATASETS`, or paths of files that register one.
    image_shape
        (C, H, W); C is 1 or 3.
    train_limit
        Training samples per task at most, in equal shares of its classes, drawn with ``seed``; None: all.
    test_limit
        Test samples per task at most, in equal shares: the first ones of each class, whatever the seed; None: all.

    Raises
    ------
    ConfigError, ContentError
        For no data set, an unknown one, an impossible shape, or a limit that leaves a class without samples.
    DataError
        If a data set cannot be had.
    """
    if isinstance(datasets, str):
        raise ConfigError(f"a multi-domain stream takes a list of data sets, got '{datasets}'")
    if not datasets:
        raise ConfigError("a multi-domain stream needs at least one data set")
    if min(image_shape) < 1 or image_shape[0] not in (1, 3):
        raise ConfigError(f"image_shape must be (1 or 3, height, width), got {tuple(image_shape)}")
    built: dict[str, Task] = {}
    notes: list[str] = []
    count = 0
    for name in dict.fromkeys(datasets):
        arrays = load_dataset(name)
        images = partial(_converted, image_shape=image_shape)
        share, classes = per_class(arrays.class_count, train_limit, test_limit), range(arrays.class_count)
        task = make_task(arrays, 0, classes, share, numpy_generator(seed, "train-limit", name), images)
        built[name] = _shifted(task, count)
        count += arrays.class_count
        notes += arrays.notes
    tasks = tuple(replace(built[name], index=t) for t, name in enumerate(datasets))
    return Stream(
        domains_name([short_name(name) for name in datasets]),
        tasks,
        count,
        image_shape,
        notes=(*notes, _note(image_shape)),
    )


def fit_images(x: Tensor, image_shape: ImageShape) -> Tensor:
    """Return images x (n, C, H, W) in [0, 1] as (n, *image_shape).

    Grey from RGB is the luma of ITU-R BT.601; RGB from grey repeats it. Height and width go their own ways: a side that
    is too long is shrunk by antialiased bilinear interpolation (``torch.nn.functional.interpolate``), one that is too
    short gets zeros on both ends, the odd one at the far end. Nothing is enlarged.

    Raises
    ------
    ConfigError, ContentError
        If the numbers of channels are not 1 or 3.
    """
    channels, height, width = image_shape
    if x.shape[1] not in (1, 3) or channels not in (1, 3):
        raise ConfigError(f"images of {x.shape[1]} channels cannot be brought to {channels}: grey (1) or RGB (3) only")
    if (x.shape[1], channels) == (3, 1):
        x = (x * x.new_tensor(_LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)
    shrunk = min(height, x.shape[2]), min(width, x.shape[3])
    if shrunk != tuple(x.shape[2:]):
        x = functional.interpolate(x, shrunk, mode="bilinear", antialias=True).clamp_(0, 1)
    missing = height - x.shape[2], width - x.shape[3]
    top, left = (amount // 2 for amount in missing)
    x = functional.pad(x, (left, missing[1] - left, top, missing[0] - top))
    return x.expand(-1, channels, -1, -1).contiguous()


def _converted(pixels: NDArray[np.uint8], maximum: int, image_shape: ImageShape) -> Tensor:
    starts = range(0, len(pixels), _CHUNK)
    return torch.cat([fit_images(unit_images(pixels[i : i + _CHUNK], maximum), image_shape) for i in starts])


def _shifted(task: Task, offset: int) -> Task:
    classes = tuple(label + offset for label in task.classes)
    return replace(task, classes=classes, y_train=task.y_train + offset, y_test=task.y_test + offset)


def _note(image_shape: ImageShape) -> str:
    shape = "x".join(map(str, image_shape))
    return f"multi-domain: images brought to {shape} (luma, antialiased shrinking, zero padding), not augmented"
