"""Reading the weights with vectors: how long the arrays take, forward and back; :mod:`.reads` has the joules.

Layers form a pipeline, the arrays of a layer work in parallel; nothing contends here (contention needs the event
simulation). Shape letters: F placement phases, L mapped layers, P PEs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.layout import Layout
from imcsim.chip.placed import Placed
from imcsim.core.charge import Charge, Charges, Price
from imcsim.mapping.pe_grid import PeGrid
from imcsim.memory.memory import ReadTime

Floats = NDArray[np.float64]


class Timed(Protocol):
    """A memory whose weights are read: ``holds`` (F, P) of its PEs hold some."""

    @property
    def name(self) -> str:
        """The memory's name."""

    @property
    def layout(self) -> Layout:
        """Which weight lies in which of its PEs."""

    @property
    def grid(self) -> PeGrid:
        """Shapes of its PEs."""

    @property
    def holds(self) -> NDArray[np.bool_]:
        """(F, P)."""


@dataclass(frozen=True)
class Pace:
    """One direction through the network, layer by layer.

    Parameters
    ----------
    prices, of
        What may set the pace of a layer: how long one takes (s), and one of what.
    chosen
        (F, L) which of them does.
    size
        (F, L) how many of those one vector is.
    together
        (PEs, L) layers that take turns in a PE that they share, and each other layer alone; None: no layers share one.
    turns
        (L,) share of a layer's vectors that one of its copies takes, the largest; None: there are no copies.
    """

    prices: tuple[Price, ...]
    of: tuple[str, ...]
    chosen: NDArray[np.intp]
    size: Floats
    together: NDArray[np.bool_] | None = None
    turns: Floats | None = None

    @property
    def vector_s(self) -> Floats:
        """(F, L) seconds of one vector through a layer."""
        return np.array([float(price.value) for price in self.prices])[self.chosen] * self.size

    def last(self) -> "Pace":
        """Return the pace in the last phase."""
        return replace(self, chosen=self.chosen[-1:], size=self.size[-1:])


@dataclass(frozen=True)
class VectorTime:
    """The charges (s) of all vectors of training: ``forward``, ``input_gradient`` and ``scoring``."""

    forward: Charges
    input_gradient: Charges
    scoring: Charges


def training_pace(placed: Placed) -> VectorTime:
    """Return what vectors are charged in training: the slowest layer's, and one of each other layer for each step."""
    steps, once = placed.phase_counts["optimizer_steps"], np.ones(placed.phases)
    there, back = forward_pace(placed), backward_pace(placed)

    def taken(leaf: str, field: str, pace: Pace, fills: Floats, of_fills: str) -> Charges:
        return pipeline(leaf, placed.counts[field], pace, fills, (field, of_fills))

    scored, scored_errors = "scoring_forward_vectors", "scoring_input_gradient_vectors"
    return VectorTime(
        taken("forward", "forward_vectors", there, steps, "optimizer_steps"),
        taken("input_gradient", "input_gradient_vectors", back, steps, "optimizer_steps"),
        (*taken("scoring", scored, there, once, scored), *taken("scoring", scored_errors, back, once, scored_errors)),
    )


def image_pace(placed: Placed) -> Charges:
    """Return the charges (s) of one image after the last task: vectors of the slowest layer, one of each other."""
    pace = forward_pace(placed.serving).last()
    return pipeline("forward", placed.positions[None], pace, np.ones(1), ("layers", "layers"))


def forward_pace(placed: Placed) -> Pace:
    """Return the pace of input vectors: of the slower memory of those that hold a layer."""
    times = [(bank, bank.sheet.forward) for bank in placed.banks]
    return slower(placed.home.layout, placed.positions, times)


def backward_pace(placed: Placed) -> Pace:
    """Return the pace of error vectors, through the arrays or the digital unit."""
    times = [(bank, bank.sheet.backward) for bank in placed.banks if bank.sheet.backward is not None]
    if times:
        return slower(placed.home.layout, placed.positions, times)
    shape = (placed.phases, len(placed.weights))
    each = placed.chip.mac.time_price().also("input_gradient")
    return Pace((each,), ("MACs",), np.zeros(shape, np.intp), np.tile(placed.weights, (shape[0], 1)))


def pipeline(leaf: str, vectors: Floats, pace: Pace, fills: Floats, fields: tuple[str, ...]) -> Charges:
    """Return the slowest layer's vectors (F, L), and one vector through each other layer in use for each of ``fills``.

    Layers that share a PE are one in that; copies of a layer share its vectors. ``fields`` are those of the vectors,
    then of the fills.
    """
    rest = (vectors > 0) * pace.size
    if pace.turns is not None:
        vectors = vectors * pace.turns
    slowest = busiest(vectors * pace.vector_s, pace)
    rest[slowest] = 0.0
    found = []
    for index, (each, of) in enumerate(zip(pace.prices, pace.of, strict=True)):
        mine = pace.chosen == index
        said = f"{of} of the slowest layer, where it is read so"
        most = np.where(slowest, vectors * pace.size * mine, 0.0).sum(axis=1)
        found.append(Charge(leaf, most, of, said, fields[:1], each))
        said = f"{of} that fill the pipeline: one vector of each other layer and step"
        found.append(Charge(leaf, (rest * mine).sum(axis=1) * fills, of, said, fields, each))
    return tuple(found)


def present(bank: Timed) -> NDArray[np.bool_]:
    """(F, L): whether the memory holds anything of a layer."""
    return np.asarray(bank.grid.by_layer(bank.holds.astype(np.float64)) > 0)


def busiest(busy: Floats, pace: Pace) -> NDArray[np.bool_]:
    """(F, L): the layer that is busy (F, L) longest, or those that share the PE that is."""
    if pace.together is None:
        found = np.zeros(busy.shape, dtype=bool)
        found[np.arange(len(busy)), busy.argmax(axis=1)] = True
        return found
    return np.asarray(pace.together[(busy @ pace.together.T).argmax(axis=1)])


def depth(bank: Timed) -> Floats:
    """(F, L): reads in sequence that a vector of a layer takes of the memory; 0 where it holds nothing of it."""
    passes = bank.layout.passes
    if passes is None:
        return present(bank).astype(np.float64)
    spans = bank.grid.layer_slices
    return np.stack([(bank.holds[:, s] * passes[s]).max(axis=1, initial=0) for s in spans], axis=1).astype(np.float64)


def turns_of(layout: Layout, positions: Floats) -> Floats | None:
    """(L,) share of a layer's vectors that the busiest of its copies takes; None if no layer has copies."""
    if (layout.copies == 1).all():
        return None
    return np.asarray(np.ceil(positions / layout.copies) / positions, dtype=np.float64)


def _sharing(layout: Layout, positions: Floats) -> tuple[NDArray[np.bool_] | None, Floats | None]:
    """Return ``together`` and ``turns`` of a pace: which layers share PEs of the home memory, and what copies take."""
    turns = turns_of(layout, positions)
    if layout.pe_count == layout.grid.count:  # each PE holds one layer
        return None, turns
    pairs = np.unique(np.stack([layout.pe, layout.grid.layer], axis=1), axis=0)
    if len(pairs) == layout.pe_count:
        return None, turns
    member = np.zeros((layout.pe_count, len(positions)), dtype=bool)
    member[pairs[:, 0], pairs[:, 1]] = True
    return np.unique(np.vstack([member, np.eye(len(positions), dtype=bool)]), axis=0), turns


def slower(layout: Layout, positions: Floats, times: Sequence[tuple[Timed, ReadTime]]) -> Pace:
    """Return the pace of vectors through memories that take ``times``; ``layout`` is that of the home memory."""
    depths = np.stack([depth(bank) for bank, _ in times])
    seconds = depths * np.array([time.total_s for _, time in times])[:, None, None]
    prices = tuple(_both(time) for _, time in times)
    of = tuple(f"vectors through {bank.name.upper()}" for bank, _ in times)
    chosen = seconds.argmax(axis=0)
    size = np.take_along_axis(depths, chosen[None], axis=0)[0] * (seconds.max(axis=0) > 0)
    return Pace(prices, of, chosen, size, *_sharing(layout, positions))


def _both(time: ReadTime) -> Price:
    if not time.convert.origins:
        return time.settle
    formula = f"{time.settle.formula} + {time.convert.formula}"
    return Price(time.total_s, formula, time.settle.also(*time.convert.origins).origins)
