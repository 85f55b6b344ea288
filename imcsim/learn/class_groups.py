"""Which classes of a data set each task of a stream gets: how many, and in which order."""

from collections.abc import Sequence
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import ConfigError
from imcsim.core.seeds import numpy_generator

PerTask = int | Sequence[int] | NDArray[np.integer] | None
Order = int | Sequence[int] | NDArray[np.integer] | None


def class_groups(name: str, total: int, tasks: int, per_task: PerTask, order: Order) -> list[tuple[int, ...]]:
    """Return the classes of each task.

    Parameters
    ----------
    name, total
        The data set, for messages, and its number of classes.
    tasks
        T.
    per_task
        Classes of every task, or of each in turn; None: all classes, shared equally.
    order
        Labels in the order in which they come, all or some; an integer seeds a random order of all; None: rising.

    Raises
    ------
    ConfigError
        If the classes do not divide into the tasks, there are too few of them, or the order is not one of labels.
    """
    if not _is_count(tasks):
        raise ConfigError(f"tasks must be a whole number of at least 1, got {tasks!r}")
    per_task, order = (value.tolist() if isinstance(value, np.ndarray) else value for value in (per_task, order))
    labels = _ordered(name, total, order)
    sizes = _sizes(name, len(labels), tasks, per_task)
    if sum(sizes) > len(labels):
        shown = f"{tasks} tasks x {sizes[0]} classes" if len(set(sizes)) == 1 else f"tasks of {_shown(sizes)} classes"
        have = f"{name} has {total} classes" if order is None else f"class_order names {len(labels)} of {name}"
        raise ConfigError(f"{shown} need {sum(sizes)}; {have}")
    starts = [sum(sizes[:task]) for task in range(tasks)]
    return [tuple(labels[start : start + size]) for start, size in zip(starts, sizes, strict=True)]


def _is_count(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 1


def _shown(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))


def _sizes(name: str, classes: int, tasks: int, per_task: PerTask) -> list[int]:
    if per_task is None:
        if classes % tasks:
            raise ConfigError(f"{classes} classes of {name} do not divide into {tasks} tasks; give classes_per_task")
        return [classes // tasks] * tasks
    if isinstance(per_task, Sequence) and not isinstance(per_task, str):
        if len(per_task) != tasks or not all(_is_count(size) for size in per_task):
            raise ConfigError(
                f"classes_per_task must be one number of at least 1 for each of {tasks} tasks, got {_shown(per_task)}"
            )
        return [int(size) for size in per_task]
    if isinstance(per_task, Sequence) or not _is_count(per_task):
        raise ConfigError(f"classes_per_task must be a whole number of at least 1, got {per_task!r}")
    return [int(per_task)] * tasks


def _ordered(name: str, total: int, order: Order) -> list[int]:
    if order is None:
        return list(range(total))
    if isinstance(order, Integral) and not isinstance(order, bool):
        if int(order) < 0:
            raise ConfigError(f"class_order as a seed must be at least 0, got {order}")
        return [int(label) for label in numpy_generator(int(order), "class-order").permutation(total)]
    if isinstance(order, str | bool) or not isinstance(order, Sequence) or not order:
        raise ConfigError(f"class_order must be labels or a seed, got {order!r}")
    wrong = [label for label in order if not isinstance(label, Integral) or not 0 <= int(label) < total]
    if wrong:
        raise ConfigError(f"class_order: {wrong[0]!r} is not a label of {name}, which are 0 to {total - 1}")
    if len(set(order)) != len(order):
        twice = next(label for label in order if list(order).count(label) > 1)
        raise ConfigError(f"class_order names class {twice} more than once")
    return [int(label) for label in order]
