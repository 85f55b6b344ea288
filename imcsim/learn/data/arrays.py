"""What every data set becomes: arrays with known digests, and the folders they come from."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import DataError

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Arrays:
    """A data set before it is split.

    Parameters
    ----------
    x_train, x_test
        uint8 (n, C, H, W), 0 .. ``maximum``.
    y_train, y_test
        Labels (n,), from 0.
    augment
        Whether training images are cropped and mirrored by default.
    notes
        Caveats that every result must carry.
    """

    name: str
    x_train: Pixels
    y_train: NDArray[np.integer]
    x_test: Pixels
    y_test: NDArray[np.integer]
    maximum: int = 255
    augment: bool = False
    notes: tuple[str, ...] = ()

    @property
    def class_count(self) -> int:
        """Number of classes."""
        return int(self.y_train.max()) + 1


def fault(arrays: object) -> str | None:
    """Return what is wrong with a data set, None if it is what :class:`Arrays` says."""
    if not isinstance(arrays, Arrays):
        return f"its reader must return imcsim.learn.data.Arrays, got {type(arrays).__name__}"
    wrong = [_part_fault(arrays, part) for part in ("train", "test")]
    if any(wrong):
        return next(filter(None, wrong))
    if arrays.x_train.shape[1:] != arrays.x_test.shape[1:]:
        return f"images to train have the shape {arrays.x_train.shape[1:]}, those to test {arrays.x_test.shape[1:]}"
    if arrays.y_test.max() >= arrays.class_count:
        return f"a test image has label {arrays.y_test.max()}, and training images go up to {arrays.class_count - 1}"
    return None


def _part_fault(arrays: Arrays, part: str) -> str | None:
    x, y = getattr(arrays, f"x_{part}"), getattr(arrays, f"y_{part}")
    if not isinstance(x, np.ndarray) or x.dtype != np.uint8 or x.ndim != 4 or not x.size:
        return f"x_{part} must hold images as uint8 (n, C, H, W), got {_form(x)}"
    if not isinstance(y, np.ndarray) or not np.issubdtype(y.dtype, np.integer) or y.shape != x.shape[:1]:
        return f"y_{part} must hold one whole number for each of the {len(x)} images, got {_form(y)}"
    if y.min() < 0:
        return f"labels of y_{part} must be 0 or more, got {y.min()}"
    if x.max() > arrays.maximum:
        return f"pixels of x_{part} go up to {x.max()}, but maximum is {arrays.maximum}"
    return None


def _form(given: object) -> str:
    if not isinstance(given, np.ndarray):
        return type(given).__name__
    return f"{given.dtype} of shape {given.shape}"


def data_folder() -> Path | None:
    """Return the folder named by IMCSIM_DATA, or None."""
    named = os.environ.get("IMCSIM_DATA")
    return Path(named) if named else None


def cache_folder() -> Path:
    """Return the folder for downloads and decoded copies."""
    import pooch

    return Path(pooch.os_cache("imcsim"))


def check_digests(name: str, where: str, arrays: Mapping[str, NDArray[np.uint8]], digests: Mapping[str, str]) -> None:
    """Compare SHA-256 digests of the arrays' bytes; DataError naming the array that differs."""
    for key, expected in digests.items():
        found = hashlib.sha256(np.ascontiguousarray(arrays[key]).tobytes()).hexdigest()
        if found != expected:
            raise DataError(
                f"data set '{name}': {key} of {where} is not the original (SHA-256 {found[:12]}..., expected "
                f"{expected[:12]}...); remove the file or replace it"
            )


def channels_first(pixels: Pixels) -> Pixels:
    """Return (n, C, H, W) from (n, H, W) or (n, H, W, C)."""
    if pixels.ndim == 3:
        return pixels[:, None]
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))
