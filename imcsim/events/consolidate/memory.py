"""What RRAM holds across a power cut: cell levels of one or two copies, and the records that tell which copy is valid.

With two copies a record is one bit for each PE (which copy holds its committed codes) and one mark cell. Records lie in
a ring of slots. Going once round the ring turns each mark over once, so that the newest record is the last whose mark
equals that of slot 0: no counter is stored, and a mark takes one programming event in as many commits as it has slots.

Shape letters: K cells per weight, G groups, D fan-in, N outputs, P PEs of the network, R record slots.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.profile import PeGrid
from imcsim.crossbar.encoding import Encoding
from imcsim.mapping.layer import LayerSpec
from imcsim.mapping.masks import expand_pe_mask

Levels = Mapping[str, NDArray[np.uint8]]
Codes = Mapping[str, NDArray[np.integer]]
Mask = NDArray[np.bool_]

UNSETTLED = 2  # a mark whose programming was cut: it may be read as either


@dataclass(frozen=True)
class Records:
    """Ring of records: ``maps`` (R, P), True where a PE's second copy is valid; ``marks`` (R,): 0, 1 or unsettled."""

    maps: Mask
    marks: NDArray[np.uint8]

    def newest(self, unsettled_as: int = 0) -> int:
        """Return the slot of the newest record, an unsettled mark read as ``unsettled_as``."""
        marks = np.where(self.marks == UNSETTLED, unsettled_as, self.marks)
        turned = np.flatnonzero(marks != marks[0])
        return int(turned[0]) - 1 if len(turned) else len(marks) - 1

    def next_slot(self) -> int:
        """Return the slot after the newest: the oldest record, overwritten by the next commit."""
        return (self.newest() + 1) % len(self.marks)


@dataclass(frozen=True)
class Memory:
    """Contents of the RRAM of a chip.

    Parameters
    ----------
    layers, grid
        What is mapped, and its PEs.
    copies
        One or two mappings layer -> uint8 (K, G, D, N) levels.
    records
        With two copies, which of them is valid.
    """

    layers: tuple[LayerSpec, ...]
    grid: PeGrid
    copies: tuple[Levels, ...]
    records: Records | None = None

    @property
    def encoding(self) -> Encoding:
        """How codes lie in cells."""
        return self.grid.geometry.encoding

    def valid(self, unsettled_as: int = 0) -> Mask:
        """(P,): True where the second copy is the valid one."""
        if self.records is None:
            return np.zeros(self.grid.count, dtype=bool)
        return np.asarray(self.records.maps[self.records.newest(unsettled_as)])

    def codes(self, unsettled_as: int = 0) -> dict[str, NDArray[np.int32]]:
        """Return the codes (G, D, N) of each layer, from cells and records alone: what a chip serves after power-up."""
        valid, found = self.valid(unsettled_as), {}
        for spec, mask in self.spread(valid):
            levels = self.copies[0][spec.name]
            if mask.any():
                levels = np.where(mask, self.copies[-1][spec.name], levels)
            found[spec.name] = self.encoding.codes(levels)
        return found

    def spread(self, pes: NDArray[np.generic]) -> Iterator[tuple[LayerSpec, NDArray[np.generic]]]:
        """Yield each layer with the value of each weight's PE, (G, D, N), from ``pes`` (P,)."""
        geometry = self.grid.geometry
        for spec, span in zip(self.layers, self.grid.layer_slices, strict=True):
            shape = (spec.groups, *geometry.tiles(spec.fan_in, spec.outputs))
            tile = (geometry.weight_rows, geometry.weight_cols)
            yield spec, expand_pe_mask(pes[span].reshape(shape), spec.matrix_shape, tile)

    def committed(self, pes: Mask, levels: Levels) -> "Memory":
        """Return the memory after a whole commit of ``levels`` in the PEs of ``pes`` (P,)."""
        old = self.records
        if old is None:
            return replace(self, copies=(self._written(0, pes, levels),))
        valid, slot = self.valid(), old.next_slot()
        maps, marks = old.maps.copy(), old.marks.copy()
        maps[slot] = valid ^ pes
        marks[slot] ^= 1
        copies = self._written(0, pes & valid, levels), self._written(1, pes & ~valid, levels)
        return replace(self, copies=copies, records=Records(maps, marks))

    def _written(self, copy: int, pes: Mask, levels: Levels) -> Levels:
        held = self.copies[copy]
        return {spec.name: np.where(mask, levels[spec.name], held[spec.name]) for spec, mask in self.spread(pes)}


def levels_of(codes: Codes, encoding: Encoding) -> Levels:
    """Return uint8 (K, G, D, N) levels of the codes of each layer."""
    return {name: encoding.levels(values).astype(np.uint8) for name, values in codes.items()}


def deployed(layers: tuple[LayerSpec, ...], grid: PeGrid, codes: Codes, slots: int | None) -> Memory:
    """Return the RRAM after deployment: every copy holds the initial ``codes``, the record in slot 0 names the first.

    Parameters
    ----------
    slots
        Record slots, 2 or more; None for one copy without records.
    """
    levels = levels_of(codes, grid.geometry.encoding)
    if slots is None:
        return Memory(layers, grid, (levels,))
    marks = np.zeros(slots, dtype=np.uint8)
    marks[0] = 1
    return Memory(layers, grid, (levels, levels), Records(np.zeros((slots, grid.count), dtype=bool), marks))
