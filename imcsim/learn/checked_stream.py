"""What a user's stream must be, checked before anything trains; harmless differences are cast, with a note."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from imcsim.core.errors import ConfigError
from imcsim.learn.finite import all_finite, first_not_finite
from imcsim.learn.stream import Stream, Task

_PIXEL_MAX = 255
_LARGEST = 32.0  # design choice: images scaled to a mean of 0 and a deviation of 1 stay well below


def checked_stream(stream: Stream) -> Stream:
    """Return ``stream`` with float32 images and int64 labels; a note says what was cast.

    Cast: images of whole numbers 0 to 255 (divided by 255) and of other widths; labels of other whole-number types;
    arrays of numpy. Images may be scaled in any way as long as they are finite and not far from 0.

    Raises
    ------
    ConfigError
        For anything else: no task, a task without images, unequal lengths, labels that are no class of the stream or
        of their task, images of another shape or with NaN; the sentence names the task and the field.
    """
    if not isinstance(stream, Stream):
        hint = f": imcsim.split('{stream}', tasks=5) makes one" if isinstance(stream, str) else ""
        raise ConfigError(f"the stream must be an imcsim.learn.stream.Stream, got {_what(stream)}{hint}")
    if not stream.tasks:
        raise ConfigError("the stream has no task")
    notes: list[str] = []
    tasks = tuple(_task(stream, place, task, notes) for place, task in enumerate(stream.tasks))
    if all(ours is theirs for ours, theirs in zip(tasks, stream.tasks, strict=True)):
        return stream
    return replace(stream, tasks=tasks, notes=(*stream.notes, *dict.fromkeys(notes)))


def _task(stream: Stream, place: int, task: Task, notes: list[str]) -> Task:
    if not isinstance(task, Task):
        raise ConfigError(f"task {place} of the stream must be an imcsim.learn.stream.Task, got {_what(task)}")
    where = f"task {place} of the stream"
    if task.index != place:
        raise ConfigError(f"{where} has index {task.index!r}: tasks are numbered from 0 in their order")
    _check_classes(task.classes, stream.class_count, where)
    cast: dict[str, Any] = {}
    for part in ("train", "test"):
        x = _images(getattr(task, f"x_{part}"), stream.image_shape, f"{where}: x_{part}", notes)
        y = _labels(getattr(task, f"y_{part}"), f"{where}: y_{part}", notes)
        if len(x) != len(y):
            raise ConfigError(f"{where}: x_{part} has {len(x)} images, y_{part} {len(y)} labels")
        _check_labels(y, task.classes, stream.class_count, f"{where}: y_{part}")
        cast |= {f"x_{part}": x, f"y_{part}": y}
    return task if all(cast[name] is getattr(task, name) for name in cast) else replace(task, **cast)


def _check_classes(classes: Sequence[int], count: int, where: str) -> None:
    if len(classes) == 0 or len(set(classes)) != len(classes):
        raise ConfigError(f"{where}: its classes must be one or more different labels, got {tuple(classes)}")
    for label in classes:
        if not isinstance(label, int | np.integer) or isinstance(label, bool) or not 0 <= label < count:
            raise ConfigError(
                f"{where}: class {label!r} is not one of the stream's {count}, which are 0 to {count - 1}"
            )


def _images(given: object, shape: tuple[int, int, int], where: str, notes: list[str]) -> Tensor:
    x = _tensor(given, where)
    if x.dim() != 4 or tuple(x.shape[1:]) != tuple(shape):
        raise ConfigError(f"{where} must be (n, {', '.join(map(str, shape))}), got {tuple(x.shape)}")
    if len(x) == 0:
        raise ConfigError(f"{where} has no image")
    if x.is_complex():
        raise ConfigError(f"{where} must hold real numbers, got {x.dtype}")
    kind, x = x.dtype, x.float()
    if not all_finite(x):
        at, value = first_not_finite(x)
        count = int((~x.isfinite()).flatten(1).any(1).sum())
        raise ConfigError(
            f"{where}: image {at[0]} holds {value:g} at {at[1:]}, and {count} of {len(x)} images hold such; only "
            f"finite pixels can be learned"
        )
    low, high = float(x.min()), float(x.max())
    if kind == torch.bool or (1 < high <= _PIXEL_MAX and low >= 0 and bool((x == x.round()).all())):
        if kind != torch.bool:
            x = x / _PIXEL_MAX
            notes.append(f"images of whole numbers up to {_PIXEL_MAX} were divided by {_PIXEL_MAX}")
    elif max(-low, high) > _LARGEST:
        raise ConfigError(f"{where} reaches {max((low, high), key=abs):g}: scale images to 0..1")
    if kind != torch.float32:
        notes.append(f"images of {str(kind).removeprefix('torch.')} were cast to float32")
    return x


def _labels(given: object, where: str, notes: list[str]) -> Tensor:
    y = _tensor(given, where)
    if y.dim() != 1:
        hint = "; labels are class numbers, not one-hot rows" if y.dim() == 2 else ""
        raise ConfigError(f"{where} must be (n,), got {tuple(y.shape)}{hint}")
    if y.is_complex() or (y.is_floating_point() and not bool((y == y.round()).all())):
        raise ConfigError(f"{where} must hold whole numbers, got {y.dtype} with others")
    if y.dtype != torch.int64:
        notes.append(f"labels of {str(y.dtype).removeprefix('torch.')} were cast to int64")
    return y.long()


def _check_labels(y: Tensor, classes: Sequence[int], count: int, where: str) -> None:
    known = torch.isin(y, torch.tensor(sorted(classes), device=y.device))
    if bool(known.all()):
        return
    wrong = int(y[~known][0])
    if not 0 <= wrong < count:
        raise ConfigError(f"{where}: label {wrong} is out of range; the stream has {count} classes, 0 to {count - 1}")
    raise ConfigError(f"{where}: label {wrong} is not among the task's classes {tuple(classes)}")


def _tensor(given: object, where: str) -> Tensor:
    if isinstance(given, np.ndarray):
        try:
            return torch.from_numpy(np.ascontiguousarray(given))
        except TypeError:
            raise ConfigError(f"{where} must hold numbers, got an array of {given.dtype}") from None
    if not isinstance(given, Tensor):
        raise ConfigError(f"{where} must be a tensor or a numpy array, got {_what(given)}")
    if given.layout != torch.strided or given.is_meta or given.is_quantized:
        kind = "one without values" if given.is_meta else f"layout {str(given.layout).removeprefix('torch.')}"
        raise ConfigError(f"{where} must be a plain dense tensor, got {kind}; x.to_dense() makes one of a sparse one")
    return given


def _what(given: object) -> str:
    return f"'{given}'" if isinstance(given, str) else type(given).__name__
