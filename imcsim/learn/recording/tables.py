"""The arrays that a run stores at the end of each phase: codes, digital state, level changes, activity, masks.

Shape letters: K cells per weight, G groups, D fan-in, N outputs per group.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imcsim.crossbar.encoding import Encoding
from imcsim.learn.recording.activity import Activity
from imcsim.learn.recording.changes import LevelChanges
from imcsim.learn.shapes import weight_matrix
from imcsim.mapping.layer import LayerSpec


class TaskTables:
    """Lists of arrays by name, each grown by one entry a phase.

    ``codes/<layer>``, ``digital/<name in the network>``, ``changes/<policy>/<encoding>/<layer>``, ``transitions/...``,
    ``placement/<layer>``, ``active/<layer>``, ``input_density`` and so on; the names contain no other slash, for layer
    names have none.

    Parameters
    ----------
    layers
        Mapped layers.
    encodings
        Storage forms whose level changes are stored.
    limit
        Largest weight code.
    """

    def __init__(self, layers: Sequence[LayerSpec], encodings: Sequence[Encoding], limit: int) -> None:
        self.layers, self.encodings = tuple(layers), tuple(encodings)
        self.entries: dict[str, list[NDArray[Any]]] = {}
        self._codes = np.int8 if limit <= np.iinfo(np.int8).max else np.int16

    def add_codes(self, codes: Tensor) -> None:
        """Store codes (all mapped weights, flat), as deployment and each phase leave them."""
        parts = torch.split(codes.cpu(), [spec.weight_count for spec in self.layers])
        for spec, part in zip(self.layers, parts, strict=True):
            self._add(f"codes/{spec.name}", _as_matrix(part, spec).astype(self._codes))

    def add_digital(self, state: Mapping[str, Tensor]) -> None:
        """Store what digital logic holds of a network's ``state``: all numbers but mapped weights."""
        mapped = {f"{spec.name}.weight" for spec in self.layers}
        for name, values in state.items():
            if name not in mapped and values.is_floating_point():
                self._add(f"digital/{name}", values.detach().float().cpu().numpy().copy())

    def add_changes(self, policy: str, changes: LevelChanges) -> None:
        """Store and clear the level changes of the phase under one write policy."""
        per_cell, transitions = changes.take()
        for encoding, cells, squares in zip(self.encodings, per_cell, transitions, strict=True):
            for number, spec in enumerate(self.layers):
                key = f"{policy}/{encoding.name}/{spec.name}"
                matrices = [_as_matrix(torch.from_numpy(cell), spec) for cell in cells[number]]
                self._add(f"changes/{key}", np.stack(matrices))
                self._add(f"transitions/{key}", squares[number])

    def add_activity(self, name: str, activity: Activity) -> None:
        """Store and clear the densities of ``name`` ("input" or "error")."""
        density, zero_share = activity.take()
        self._add(f"{name}_density", density)
        self._add(f"{name}_zero_share", zero_share)

    def add_masks(self, phase: int, written: Mapping[str, Tensor], active: Mapping[str, Tensor]) -> None:
        """Store which PEs were ``written``, which weights ``active`` in phase ``phase``; all, where none is given."""
        for spec in self.layers:
            trains = written[spec.name].numpy().copy() if spec.name in written else None
            self._add_mask(f"placement/{spec.name}", phase, trains)
            mask = _as_matrix(active[spec.name].cpu().reshape(-1), spec) if spec.name in active else None
            self._add_mask(f"active/{spec.name}", phase, mask)

    def _add_mask(self, name: str, phase: int, mask: NDArray[np.bool_] | None) -> None:
        """Store a mask; phases without one, before or after a phase with one, get all True."""
        known = self.entries.get(name)
        if mask is not None:
            self.entries[name] = (known or [np.ones_like(mask)] * phase) + [mask]
        elif known is not None:
            known.append(np.ones_like(known[0]))

    def _add(self, name: str, values: NDArray[Any]) -> None:
        self.entries.setdefault(name, []).append(values)


def _as_matrix(flat: Tensor, spec: LayerSpec) -> NDArray[Any]:
    """Return a flat tensor in the parameter's order as (G, D, N)."""
    inner = (spec.in_features // spec.groups, *spec.kernel) if spec.kind == "conv2d" else (spec.in_features,)
    matrix: NDArray[Any] = weight_matrix(flat.reshape(spec.out_features, *inner), spec).contiguous().numpy()
    return matrix
