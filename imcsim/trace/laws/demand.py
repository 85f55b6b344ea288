"""How a broken law is told: one sentence, with the task and the layer where it first breaks."""

from typing import Any

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


def demand_each(holds: NDArray[Any], law: str, meta: TraceMeta) -> None:
    """Raise ConservationError unless all of ``holds`` are true: (T, L) by task and layer, (T, 1) or (T,) by task."""
    flat = np.asarray(holds, dtype=bool)
    if flat.all():
        return
    place = np.argwhere(~flat)[0]
    layer = f", layer '{meta.layers[place[1]].name}'" if flat.ndim == 2 and flat.shape[1] > 1 else ""
    if flat.ndim == 2 and flat.shape[1] == 1 and len(meta.layers) == 1:
        layer = f", layer '{meta.layers[0].name}'"
    raise ConservationError(f"the trace breaks a law: task {place[0]}{layer}: {law}")
