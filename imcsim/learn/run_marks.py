"""What a run depends on beside its configuration, as short texts: a checkpoint goes on only where all are the same."""

import hashlib
import re
from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from imcsim.core.arrays import AnyArray
from imcsim.core.code_key import running_tree
from imcsim.core.config import config_hash
from imcsim.learn.config import LearnConfig
from imcsim.learn.run_code import Picks, run_key
from imcsim.learn.stream import Task
from imcsim.learn.wear.cells import CyclesPerStream

Marks = dict[str, str]

# What to tell of a mark that differs, from what was (``was``) and what is (``now``).
_DIFFERENCES = {
    "config": "belongs to another configuration",
    "code": "was written by other code of imcsim ({was}, this is {now}), and the trace would be of neither",
    "torch": "was written under torch {was}, this is {now}",
    "network": "belongs to another network (its layers differ)",
    "stream": "belongs to another stream (its images, labels or classes differ)",
    "cycles": "belongs to a run with other cycles_per_stream",
}


def run_marks(config: LearnConfig, network: nn.Module, tasks: Iterable[Task], cycles: CyclesPerStream | None) -> Marks:
    """Return the marks of a run.

    The network's weights are not among them: the checkpoint brings its own.
    """
    return {
        "config": config_hash(config),
        "code": _code(config),
        "torch": torch.__version__,
        "network": _network(network),
        "stream": _stream(tasks),
        "cycles": _arrays({name: np.asarray(values) for name, values in (cycles or {}).items()}),
    }


def difference(was: Mapping[str, str], now: Mapping[str, str]) -> str | None:
    """Return how the marks differ, as the end of a sentence about a checkpoint; None if they are the same."""
    for name, text in _DIFFERENCES.items():
        if was.get(name) != now[name]:
            return text.format(was=was.get(name), now=now[name])
    return None


def _code(config: LearnConfig) -> str:
    return run_key(running_tree(), "imcsim.learn.api", Picks.of(config.model_dump(mode="json")))


def _network(network: nn.Module) -> str:
    shapes = [f"{name} {values.dtype} {tuple(values.shape)}" for name, values in network.state_dict().items()]
    drawn = re.sub(r"0x[0-9a-f]+", "", repr(network))  # an object's address is another one in each process
    return hashlib.sha256("\n".join([drawn, *shapes]).encode()).hexdigest()[:16]


def _stream(tasks: Iterable[Task]) -> str:
    digest = hashlib.sha256()
    for task in tasks:
        digest.update(repr(task.classes).encode())
        digest.update(_tensors(task.x_train, task.y_train, task.x_test, task.y_test).encode())
    return digest.hexdigest()[:16]


def _tensors(*tensors: Tensor) -> str:
    return _arrays({str(place): values.detach().cpu().numpy() for place, values in enumerate(tensors)})


def _arrays(arrays: Mapping[str, AnyArray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(array.data if array.size else b"")
    return digest.hexdigest()[:16]
