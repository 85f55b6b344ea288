"""Checkpoints: one sealed file, the state's structure in its header and its tensors as arrays.

Also what goes into a checkpoint of a run, so that a resumed run gives the same trace, on a CPU bit for bit.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imcsim.core import sealed
from imcsim.core.errors import TraceError
from imcsim.core.json_text import Json
from imcsim.core.tensor_file import Contents
from imcsim.learn.loop import Learner, make_optimizer, task_steps
from imcsim.learn.method import TaskPlan, WorkDone
from imcsim.learn.run_marks import Marks, difference
from imcsim.learn.state import State

_TENSOR, _BITS = "__tensor__", "__bfloat16__"
_ANEW = "delete it to start anew (imcsim learn --restart does)"
CHECKPOINT = sealed.Kind("checkpoint", 5, TraceError, _ANEW)


def pack(state: State) -> tuple[Json, dict[str, Tensor]]:
    """Split nested dicts (string keys), lists, tensors, arrays and JSON values into a JSON tree and named tensors.

    Raises
    ------
    TypeError
        For anything else: a defect of the method whose state it is.
    """
    tensors: dict[str, Tensor] = {}
    return _pack(state, tensors), tensors


def unpack(tree: object, tensors: Mapping[str, Tensor]) -> Any:
    """Return the state that :func:`pack` split; arrays come back as tensors."""
    if isinstance(tree, dict):
        if _TENSOR in tree:
            return tensors[tree[_TENSOR]]
        if _BITS in tree:
            return tensors[tree[_BITS]].view(torch.bfloat16)
        return {key: unpack(value, tensors) for key, value in tree.items()}
    return [unpack(value, tensors) for value in tree] if isinstance(tree, list) else tree


def _pack(state: object, tensors: dict[str, Tensor]) -> Any:
    if isinstance(state, np.ndarray):
        state = torch.from_numpy(np.ascontiguousarray(state))
    if isinstance(state, Tensor):
        name, values = str(len(tensors)), state.detach().cpu().clone().contiguous()
        half = values.dtype == torch.bfloat16  # numpy has no such type
        tensors[name] = values.view(torch.int16) if half else values
        return {_BITS if half else _TENSOR: name}
    if isinstance(state, Mapping):
        if not all(isinstance(key, str) for key in state):
            raise TypeError(f"checkpointed state needs string keys, got {list(state)[:3]}")
        return {key: _pack(value, tensors) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return [_pack(value, tensors) for value in state]
    if state is None or isinstance(state, bool | int | float | str):
        return state
    raise TypeError(f"a {type(state).__name__} cannot be checkpointed")


def save(learner: Learner, path: Path, marks: Marks) -> None:
    """Write everything that a resumed run needs, atomically; ``marks`` tell which run that is.

    Raises
    ------
    StorageError
        If the disk refuses; the earlier checkpoint stays.
    """
    tree, tensors = pack(_state(learner))
    arrays = {name: values.numpy() for name, values in tensors.items()}
    sealed.save(path, CHECKPOINT, {"marks": marks, "state": tree}, arrays)


SAVE_EVERY_S = 10.0  # of wall time: a short epoch costs less than the disk's answer to its checkpoint


class Saver:
    """Writes ``path`` after the first and the last epoch, when told to, and else at most every ``SAVE_EVERY_S``."""

    def __init__(self, learner: Learner, path: Path, marks: Marks) -> None:
        self.learner, self.path, self.marks = learner, path, marks
        self._last_s: float | None = None

    def after_epoch(self, *, now: bool) -> None:
        """Save if it is time; ``now`` saves in any case."""
        learner = self.learner
        last = learner.task + 1 == len(learner.tasks) and learner.epoch == learner.config.epochs
        due = self._last_s is None or time.monotonic() - self._last_s >= SAVE_EVERY_S
        if now or last or due:
            save(learner, self.path, self.marks)
            self._last_s = time.monotonic()


def restore(learner: Learner, path: Path, marks: Marks) -> None:
    """Bring ``learner`` to where the checkpoint was written.

    Raises
    ------
    TraceError
        If the file is not a whole checkpoint, or that of another run: configuration, code, network or stream differ.
    """
    try:
        header, arrays = sealed.load(path, CHECKPOINT, partial(_earlier, path))
    except TraceError as error:
        raise TraceError(str(error) if _ANEW in str(error) else f"{error}; {_ANEW}") from None
    if (differs := difference(header["marks"], marks)) is not None:
        raise TraceError(f"checkpoint {path} {differs}; {_ANEW}")
    tensors = {name: torch.from_numpy(values) for name, values in arrays.items()}
    _take(learner, unpack(header["state"], tensors))


def _earlier(path: Path, contents: Contents) -> None:
    """Refuse checkpoints from before there was the sealed store; their contents cannot be checked."""
    if contents.texts.get("format", "").startswith("imcsim-checkpoint-"):
        raise TraceError(f"checkpoint {path} was written by an earlier version of imcsim; {_ANEW}")


def _state(learner: Learner) -> State:
    context, pes = learner.context, learner.freezer.pes
    return {
        "network": learner.network.state_dict(),
        "scales": learner.quantiser.scales,
        "pes": pes,
        "restored": learner.freezer.restored,
        "trains": None if learner.freezer.trains is None else sorted(learner.freezer.trains),
        "allowed": learner.freezer.allowed,
        "momenta": _momenta(learner),
        "method": learner.method.state_dict(),
        "cells": [cells.state_dict() for cells in learner.quantiser.cells],
        "waiting_gradients": learner.writer.rows.rest,
        "generators": [generator.get_state() for generator in _generators(learner)],
        "work": asdict(context.work),
        "recorder": learner.recorder.state_dict(),
        "class_il": learner.class_il,
        "task_il": learner.task_il,
        "position": [learner.task, learner.epoch, context.step],
    }


def _take(learner: Learner, state: State) -> None:
    context = learner.context
    learner.task, learner.epoch, context.step = state["position"]
    learner.started = True  # checkpoints are written after an epoch
    context.task, context.epoch = learner.task, learner.epoch
    context.steps = task_steps(learner.config, learner.tasks[learner.task])
    learner.network.load_state_dict(state["network"])
    learner.quantiser.restore_scales(state["scales"])
    trains = state["trains"]
    trained = None if trains is None else frozenset(trains)
    learner.freezer.apply(TaskPlan(state["pes"], trained, state["restored"]))
    learner.freezer.allowed = state["allowed"]
    learner.optimizer = make_optimizer(learner)
    _restore_momenta(learner, state["momenta"])
    learner.method.load_state_dict(state["method"])
    for cells, stored in zip(learner.quantiser.cells, state["cells"], strict=True):
        cells.load_state_dict(stored, context.device)
    learner.writer.rows.load_state_dict(state["waiting_gradients"])
    for generator, saved in zip(_generators(learner), state["generators"], strict=True):
        generator.set_state(saved)
    context.work = WorkDone(**state["work"])
    learner.recorder.load_state_dict(state["recorder"])
    learner.class_il, learner.task_il = state["class_il"], state["task_il"]


def _generators(learner: Learner) -> tuple[torch.Generator, ...]:
    named = (learner.shuffle, learner.augmentation, learner.context.generator)
    return *named, learner.weight_error.generator, learner.writer.generator


def _momenta(learner: Learner) -> dict[str, dict[str, Tensor]]:
    """Return the optimiser's tensors by parameter: momentum, or Adam's moments and step count."""
    if learner.optimizer is None:
        return {}
    state, named = learner.optimizer.state, learner.freezer.trainable_parameters()
    return {
        name: {key: value for key, value in state[p].items() if torch.is_tensor(value)}
        for name, p in named.items()
        if p in state
    }


def _restore_momenta(learner: Learner, momenta: Mapping[str, Mapping[str, Tensor]]) -> None:
    if learner.optimizer is None:
        return
    named = learner.freezer.trainable_parameters()
    for name, values in momenta.items():
        for key, value in values.items():
            device = named[name].device if value.dim() else value.device  # Adam counts its steps on the CPU
            learner.optimizer.state[named[name]][key] = value.to(device)
