"""Data sets as arrays: found in the folder IMCSIM_DATA, in the cache, or downloaded; always checked.

Whatever form a set of imcsim's comes in (npz, IDX files, an archive), its decoded arrays must have known SHA-256
digests. A new data set is a reader, ``() -> Arrays``, with ``@dataset("name")``: here, in a package of another's behind
an entry point ``imcsim.dataset``, or in a file that goes by its path.
"""

from collections.abc import Callable
from functools import partial

from imcsim.core.errors import ContentError, DataError, ImcsimError
from imcsim.core.registry import Registry
from imcsim.learn.data.arrays import Arrays, fault
from imcsim.learn.data.cifar import load_cifar10
from imcsim.learn.data.digits import load_digits_set
from imcsim.learn.data.idx import load_idx_set
from imcsim.learn.data.spoken_digits import load_spoken_digits

__all__ = ["DATASETS", "Arrays", "dataset", "load_dataset"]

Reader = Callable[[], Arrays]


def _wrong(entry: object) -> str | None:
    return None if callable(entry) else "is no function that returns Arrays"


DATASETS: Registry[Reader] = Registry("data set", group="imcsim.dataset", wrong=_wrong)
dataset = DATASETS.register

dataset("digits")(load_digits_set)
dataset("mnist")(partial(load_idx_set, "mnist"))
dataset("fashion-mnist")(partial(load_idx_set, "fashion-mnist"))
dataset("cifar10")(load_cifar10)
dataset("spoken-digits")(load_spoken_digits)


def load_dataset(name: str) -> Arrays:
    """Return data set ``name``, or the one of a file: ``./mine.py``.

    Raises
    ------
    ContentError
        If there is no such data set, or its code fails.
    DataError
        If it is neither in the folder nor to be downloaded, does not match its checksum, or its arrays do not fit each
        other.
    """
    reader = DATASETS.get(name)
    try:
        arrays = reader()
    except (ImcsimError, MemoryError, OSError):
        raise
    except Exception as error:  # whatever the code of a data set raises
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ContentError(f"data set '{name}' cannot be read: {reason}") from error
    wrong = fault(arrays)
    if wrong is not None:
        raise DataError(f"data set '{name}': {wrong}")
    return arrays
