"""Data sets as arrays: found in the folder IMCSIM_DATA, in the cache, or downloaded; always checked.

Whatever form a set comes in (npz, IDX files, an archive), its decoded arrays must have known SHA-256 digests.
A new data set is one reader in this folder and one line in :data:`DATASETS`.
"""

from collections.abc import Callable
from functools import partial

from imcsim.core.errors import ConfigError, nearest
from imcsim.learn.data.arrays import Arrays
from imcsim.learn.data.cifar import load_cifar10
from imcsim.learn.data.digits import load_digits_set
from imcsim.learn.data.idx import load_idx_set
from imcsim.learn.data.spoken_digits import load_spoken_digits

__all__ = ["DATASETS", "Arrays", "load_dataset"]

DATASETS: dict[str, Callable[[], Arrays]] = {
    "digits": load_digits_set,
    "mnist": partial(load_idx_set, "mnist"),
    "fashion-mnist": partial(load_idx_set, "fashion-mnist"),
    "cifar10": load_cifar10,
    "spoken-digits": load_spoken_digits,
}


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
