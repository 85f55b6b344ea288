"""Two layers of which everything can be counted with a pencil, on PEs of 4 x 16 cells: 4 x 2 weights.

Layer a, 6 x 2 weights, takes two PEs (4 rows and 2); layer b, 2 x 2, takes one. In the one step of the one task four
weights move; their levels in 2-bit cells, lowest digit first:

====== ======= ======================================================
weight codes   cells that change level
====== ======= ======================================================
a 0,0  0 -> 1  digit 0: 0 -> 1
a 3,1  -1 -> 1 negative digit 0: 1 -> 0; positive digit 0: 0 -> 1
b 0,1  2 -> 4  digit 0: 2 -> 0; digit 1: 0 -> 1
b 1,0  3 -> 2  digit 0: 3 -> 2
====== ======= ======================================================
"""

from collections.abc import Mapping
from typing import Any

from imcsim.chip import ChipConfig, load_chip
from imcsim.core.sources import Resolved
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace import Trace
from tests.chip.hand import ENCODINGS, codes

COUNTS = {
    "forward_vectors": [10, 5],
    "input_gradient_vectors": [0, 5],
    "weight_gradient_vectors": [10, 5],
    "weight_gradient_macs": [120, 20],
    "updated_weights": [12, 4],
}


def two_layers(**more: Any) -> Trace:
    start = {
        "a": codes([0, 5], [7, -7], [100, 3], [2, -1], [0, 0], [1, 0]),
        "b": codes([1, 2], [3, 4]),
    }
    end = {
        "a": codes([1, 5], [7, -7], [100, 3], [2, 1], [0, 0], [1, 0]),
        "b": codes([1, 4], [2, 4]),
    }
    layers = [linear_layer("a", 6, 2), linear_layer("b", 2, 2)]
    return make_trace(layers, start, {n: [[[end[n]]]] for n in end}, ENCODINGS, counts=COUNTS | more)


def toy(name: str, more: Mapping[str, Any] | None = None) -> Resolved[ChipConfig]:
    return load_chip(name, {"array.rows": 4, "array.cols": 16, **(more or {})})
