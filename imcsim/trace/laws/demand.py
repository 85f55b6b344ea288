"""How a broken law is told: one sentence, with the task and the layer where it first breaks."""

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import ConservationError
from imcsim.trace.schema import TraceMeta


def recorded(meta: TraceMeta) -> bool:
    """Return whether a run left the trace; one that a test made by hand has neither versions nor a hash."""
    return bool(meta.versions or meta.config_hash)


def demand(holds: object, law: str) -> None:
    """Raise ConservationError unless ``holds``."""
    if not holds:
        raise ConservationError(f"the trace breaks a law: {law}")


def demand_each(holds: NDArray[np.bool_], law: str, meta: TraceMeta) -> None:
    """Raise ConservationError unless all of ``holds`` are true.

    They are by phase (F, ...) or by task (T, ...): (F, L) and layer, or (F, 1) or (F,) of all layers.
    """
    flat = np.asarray(holds, dtype=bool)
    if flat.all():
        return
    place = np.argwhere(~flat)[0]
    layer = f", layer '{meta.layers[place[1]].name}'" if flat.ndim == 2 and flat.shape[1] > 1 else ""
    if flat.ndim == 2 and flat.shape[1] == 1 and len(meta.layers) == 1:
        layer = f", layer '{meta.layers[0].name}'"
    raise ConservationError(f"the trace breaks a law: {_when(int(place[0]), len(flat), meta)}{layer}: {law}")


def _when(row: int, rows: int, meta: TraceMeta) -> str:
    if rows == meta.tasks:
        return f"task {row}"
    task = meta.phase_tasks[row]
    return f"task {task}, phase {row - meta.phase_tasks.index(task)}"
