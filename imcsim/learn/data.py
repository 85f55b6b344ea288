"""Data sets as arrays: found in the folder IMCSIM_DATA, in the cache, or downloaded; always checked.

Whatever form a set comes in (npz, IDX files, CIFAR's archive), its decoded arrays must have known SHA-256 digests.
The digits set comes with scikit-learn and needs neither folder nor network.
"""

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import ConfigError, DataError, nearest
from imcsim.core.seeds import numpy_generator

Pixels = NDArray[np.uint8]
_TEST_SHARE = 0.2  # design choice: digits has no split of its own


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


def data_folder() -> Path | None:
    """Return the folder named by IMCSIM_DATA, or None."""
    named = os.environ.get("IMCSIM_DATA")
    return Path(named) if named else None


def cache_folder() -> Path:
    """Return the folder for downloads and decoded copies."""
    import pooch

    return Path(pooch.os_cache("imcsim"))


def load_dataset(name: str) -> Arrays:
    """Return data set ``name``.

    Raises
    ------
    ConfigError
        If there is no such data set.
    DataError
        If it is neither in the folder nor to be downloaded, or does not match its checksum.
    """
    if name not in DATASETS:
        raise ConfigError(f"unknown data set '{name}'{nearest(name, DATASETS)}")
    return DATASETS[name]()


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


def _digits() -> Arrays:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels, labels = bunch.images.astype(np.uint8)[:, None], bunch.target.astype(np.int64)
    order = numpy_generator(0, "digits-split").permutation(len(labels))
    test = np.zeros(len(labels), dtype=bool)
    for label in range(10):
        members = order[labels[order] == label]
        test[members[: round(_TEST_SHARE * len(members))]] = True
    note = "digits: 8x8 images of scikit-learn, fixed stratified split 80/20 (imcsim's own)"
    return Arrays("digits", pixels[~test], labels[~test], pixels[test], labels[test], maximum=16, notes=(note,))


def _mnist() -> Arrays:
    from imcsim.learn.data_idx import load_idx_set

    return load_idx_set("mnist")


def _fashion_mnist() -> Arrays:
    from imcsim.learn.data_idx import load_idx_set

    return load_idx_set("fashion-mnist")


def _cifar10() -> Arrays:
    from imcsim.learn.data_cifar import load_cifar10

    return load_cifar10()


DATASETS: dict[str, Callable[[], Arrays]] = {
    "digits": _digits,
    "mnist": _mnist,
    "fashion-mnist": _fashion_mnist,
    "cifar10": _cifar10,
}
