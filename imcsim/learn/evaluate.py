"""Accuracy on every task from one run: Class-IL and Task-IL side by side."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from imcsim.learn.global_draws import lent_globals
from imcsim.learn.quantize import evaluating
from imcsim.learn.stream import Task

_BATCH = 1024  # design choice: bounds memory


Serving = Callable[[int], AbstractContextManager[None]]


def accuracy_rows(
    network: nn.Module,
    tasks: Sequence[Task],
    seen: Collection[int],
    serving: Serving | None = None,
    seed: int = 0,
) -> tuple[list[float], list[float]]:
    """Return (Class-IL, Task-IL) accuracy in 0..1 on each task.

    Class-IL takes the arg-max over the ``seen`` classes only, so it is 0 on a task none of whose classes was seen.
    Task-IL takes it over the task's own classes (other logits masked), which is chance before the task is learned.
    ``serving`` makes the network serve task i, for methods that keep state for each task. ``seed`` is of what a network
    draws from the global generators at test (most draw nothing); they are put back.
    """
    class_il, task_il = [], []
    with lent_globals(seed, tasks[0].x_test.device if tasks else None), evaluating(network):
        for task in tasks:
            with nullcontext() if serving is None else serving(task.index):
                logits = torch.cat([network(part) for part in torch.split(task.x_test, _BATCH)])
            class_il.append(_accuracy(logits, task.y_test, seen))
            task_il.append(_accuracy(logits, task.y_test, task.classes))
    return class_il, task_il


def _accuracy(logits: Tensor, labels: Tensor, allowed: Collection[int]) -> float:
    closed = torch.ones(logits.shape[1], dtype=torch.bool, device=logits.device)
    closed[torch.tensor(sorted(allowed), device=logits.device)] = False
    guess = logits.masked_fill(closed, -torch.inf).argmax(1)
    return int((guess == labels).sum()) / len(labels)
