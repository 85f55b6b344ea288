"""Each charge of training against arithmetic written out here, from counts and the chip's own numbers."""

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imcsim.trace import Trace
from imcsim.trace.placements import Placements
from tests.chip.hand import random_trace


def resting_trace(seed: int) -> Trace:
    """Everything trains in the first two of three tasks and rests in the last."""
    trace = random_trace(seed)
    layers = {"a": (1, 3, 3), "b": (1, 2, 2)}
    placement = {name: np.ones((3, *shape), dtype=bool) for name, shape in layers.items()}
    codes = {name: array.copy() for name, array in trace.codes.items()}
    for name in placement:
        placement[name][2] = False
        codes[name][3] = codes[name][2]
    return dataclasses.replace(
        trace,
        meta=trace.meta.model_copy(update={"pe_tile": (4, 2)}),
        placement=Placements(placement),
        codes=codes,
        changes={key: _quiet(array) for key, array in trace.changes.items()},
        transitions={key: _quiet(array) for key, array in trace.transitions.items()},
        cache={},
    )


def _quiet(array: NDArray[Any]) -> NDArray[Any]:
    copy = array.copy()
    copy[2] = 0
    return copy
