"""The wear ledger: what each RRAM cell has been through, in counters narrow enough for millions of weights.

Two counters a cell say all: programming events, and how many of them went across the whole window. Pulses follow from
how far cells moved, which is kept for a layer as a whole: the default write rule takes the same pulses for every event.
Shape letters: K cells per weight, G groups, D fan-in, N outputs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.layout import GridLayout, Layout
from imcsim.core.errors import ConfigError
from imcsim.crossbar.encoding import Encoding
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.layer import LayerSpec

MOST_EVENTS = (1 << 32) - 1  # of one cell: what a counter of four bytes holds


@dataclass
class LayerWear:
    """Counters of one layer.

    Parameters
    ----------
    events
        uint32 (K, G, D, N): programming events of each cell while tasks are learned, exactly.
    full
        float32 (K, G, D, N): events of each cell from one end of its window to the other, switches included. Exact
        for commits and task switches; in place at every step or epoch, the layer's share of such events.
    distances
        (levels,): events of the whole layer by the number of levels moved, switches included; entry 0 is 0.
    switches
        float32 (K, G, D, N): expected events of each cell from task switches; None where a switch rewrites nothing.
    """

    events: NDArray[np.uint32]
    full: NDArray[np.float32]
    distances: NDArray[np.float64]
    switches: NDArray[np.float32] | None = None

    @classmethod
    def empty(cls, spec: LayerSpec, encoding: Encoding) -> "LayerWear":
        """Return the counters of cells that were never written."""
        shape = (encoding.cells_per_weight, *spec.matrix_shape)
        return cls(np.zeros(shape, np.uint32), np.zeros(shape, np.float32), np.zeros(encoding.level_count))

    def total(self) -> NDArray[np.float32] | NDArray[np.uint32]:
        """(K, G, D, N): events of each cell, switches included."""
        return self.events if self.switches is None else self.events + self.switches

    @property
    def nbytes(self) -> int:
        """Bytes of the counters."""
        return self.events.nbytes + self.full.nbytes + (0 if self.switches is None else self.switches.nbytes)


@dataclass
class WearLedger:
    """Writes of every RRAM cell that holds a weight, over ``tasks`` tasks.

    ``copies`` is 2 on a chip that keeps a transposed second copy, whose cells are written alike and counted once here.
    The first programming (deployment) is not in it: it is one event a cell. ``laid`` names the mapping rule that the
    cells follow, and the tile of its placement units where that is not a PE; ``layout`` is what it makes of them, None
    in a ledger from a file until it is added to one that has it.
    """

    geometry: PeGeometry
    layers: tuple[LayerSpec, ...]
    copies: int = 1
    tasks: int = 0
    most_events: int = 0
    wear: Mapping[str, LayerWear] = field(default_factory=dict)
    laid: str = "im2col"
    layout: Layout | None = field(default=None, compare=False, repr=False)

    @classmethod
    def empty(cls, geometry: PeGeometry, layers: tuple[LayerSpec, ...], copies: int = 1) -> "WearLedger":
        """Return a ledger of cells that were never written."""
        wear = {spec.name: LayerWear.empty(spec, geometry.encoding) for spec in layers}
        return cls(geometry, layers, copies, wear=wear)

    @property
    def cells(self) -> int:
        """Cells that hold a weight, copies included."""
        if self.layout is not None:
            return int(self.layout.grid.cells.sum()) * self.copies
        return sum(layer.events.size for layer in self.wear.values()) * self.copies

    @property
    def placed(self) -> Layout:
        """Which weight lies in which PE: its layout, else that of rule ``im2col``."""
        return self.layout or GridLayout(self.layers, self.geometry)

    @property
    def layer_copies(self) -> NDArray[np.int64]:
        """(L,): copies of each layer that its mapping rule makes, beside ``copies``."""
        return np.ones(len(self.layers), np.int64) if self.layout is None else self.layout.copies

    @property
    def nbytes(self) -> int:
        """Bytes of all counters."""
        return sum(layer.nbytes for layer in self.wear.values())

    def __iter__(self) -> Iterator[tuple[LayerSpec, LayerWear]]:
        return ((spec, self.wear[spec.name]) for spec in self.layers)

    def expect(self, commits: int) -> None:
        """Make sure that ``commits`` more events of one cell can be counted; call before adding them.

        Raises
        ------
        ConfigError
            If a counter could overflow; the ledger is as it was.
        """
        if self.most_events + commits > MOST_EVENTS:
            raise ConfigError(
                f"the ledger counts up to {MOST_EVENTS:,} programming events of a cell, and {commits:,} more could "
                f"pass that: start a new ledger"
            )
        self.most_events += commits

    def add(self, other: "WearLedger") -> None:
        """Add the writes of ``other``: the same cells, more tasks.

        Raises
        ------
        ConfigError
            If ``other`` is of another mapping, or a counter could overflow; the ledger is as it was.
        """
        self.check_same_cells(other)
        self.expect(other.most_events)
        for spec, more in other:
            mine = self.wear[spec.name]
            mine.events += more.events
            mine.full += more.full
            mine.distances += more.distances
            if more.switches is not None:
                mine.switches = more.switches.copy() if mine.switches is None else mine.switches + more.switches
        self.tasks += other.tasks

    def repeat(self, times: int) -> None:
        """Count what is in it ``times`` times: the same tasks, again and again.

        Raises
        ------
        ConfigError
            If a counter could overflow; the ledger is as it was.
        """
        self.expect(self.most_events * (times - 1))
        for _, wear in self:
            wear.events *= np.uint32(times)
            wear.full *= np.float32(times)
            wear.distances *= times
            if wear.switches is not None:
                wear.switches *= np.float32(times)
        self.tasks *= times

    def check_same_cells(self, other: "WearLedger") -> None:
        """Raise ConfigError if ``other`` counts other cells: another PE, encoding, number of copies or network."""
        mine, its = _mapping(self), _mapping(other)
        for (what, have), (_, given) in zip(mine, its, strict=True):
            if have != given:
                raise ConfigError(f"the ledger is of another mapping: its {what} {given}, here {have}")


def _mapping(ledger: WearLedger) -> tuple[tuple[str, object], ...]:
    geometry = ledger.geometry
    return (
        ("PEs have", f"{geometry.rows} x {geometry.cols} cells"),
        ("cells are coded as", geometry.encoding.name),
        ("copies of a weight are", ledger.copies),
        ("weights are laid by", f"rule '{ledger.laid}'"),
        ("layers are", ", ".join(f"{spec.name} {spec.matrix_shape}" for spec in ledger.layers)),
    )
