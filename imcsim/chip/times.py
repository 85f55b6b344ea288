"""How long vectors take through the arrays: layers form a pipeline, the arrays of a layer work in parallel.

Nothing contends here; contention needs the event simulation. Shape letters: F placement phases, L mapped layers.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.placed import Bank, Placed
from imcsim.core.charge import Charge, Charges, Price
from imcsim.memory.memory import ReadTime

Floats = NDArray[np.float64]


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
    """

    prices: tuple[Price, ...]
    of: tuple[str, ...]
    chosen: NDArray[np.intp]
    size: Floats

    @property
    def vector_s(self) -> Floats:
        """(F, L) seconds of one vector through a layer."""
        return np.array([float(price.value) for price in self.prices])[self.chosen] * self.size

    def last(self) -> "Pace":
        """Return the pace in the last phase."""
        return replace(self, chosen=self.chosen[-1:], size=self.size[-1:])


def forward_times(placed: Placed) -> tuple[tuple[Bank, ReadTime], ...]:
    """Return how long each memory takes for an input vector."""
    bits = placed.chip.input_bits
    return tuple((bank, _with(bank.memory.forward_time(bank.site, bits), "input_bits")) for bank in placed.banks)


def backward_times(placed: Placed) -> tuple[tuple[Bank, ReadTime], ...]:
    """Return how long each memory takes for an error vector, in its own cells or in a copy of their own."""
    bits, copy = placed.chip.error_bits, placed.chip.input_gradient == "second-copy"
    found = []
    for bank in placed.banks:
        time = bank.memory.forward_time if copy else bank.memory.transposed_time
        found.append((bank, _with(time(bank.site, bits), "error_bits")))
    return tuple(found)


def forward_pace(placed: Placed) -> Pace:
    """Return the pace of input vectors: of the slower memory of those that hold a layer."""
    return _slower(placed, forward_times(placed))


def backward_pace(placed: Placed) -> Pace:
    """Return the pace of error vectors, through the arrays or the digital unit."""
    if placed.chip.input_gradient != "digital":
        return _slower(placed, backward_times(placed))
    shape = (placed.phases, len(placed.weights))
    each = placed.chip.mac.time_price().also("input_gradient")
    return Pace((each,), ("MACs",), np.zeros(shape, np.intp), np.tile(placed.weights, (shape[0], 1)))


def pipeline(leaf: str, vectors: Floats, pace: Pace, fills: Floats, fields: tuple[str, ...]) -> Charges:
    """Return the slowest layer's vectors (F, L), and one vector through each other layer in use for each of ``fills``.

    ``fields`` are those of the vectors, then of the fills.
    """
    busy = vectors * pace.vector_s
    slowest, phase = busy.argmax(axis=1), np.arange(len(vectors))
    rest = (vectors > 0) * pace.size
    rest[phase, slowest] = 0.0
    found = []
    for index, (each, of) in enumerate(zip(pace.prices, pace.of, strict=True)):
        mine = pace.chosen == index
        said = f"{of} of the slowest layer, where it is read so"
        found.append(Charge(leaf, (vectors * pace.size * mine)[phase, slowest], of, said, fields[:1], each))
        said = f"{of} that fill the pipeline: one vector of each other layer and step"
        found.append(Charge(leaf, (rest * mine).sum(axis=1) * fills, of, said, fields, each))
    return tuple(found)


def present(bank: Bank) -> NDArray[np.bool_]:
    """(F, L): whether the memory holds anything of a layer."""
    return np.asarray(bank.grid.by_layer(bank.holds.astype(np.float64)) > 0)


def _slower(placed: Placed, times: tuple[tuple[Bank, ReadTime], ...]) -> Pace:
    seconds = np.stack([present(bank) * time.total_s for bank, time in times])
    prices = tuple(_both(time) for _, time in times)
    of = tuple(f"vectors through {bank.name.upper()}" for bank, _ in times)
    return Pace(prices, of, seconds.argmax(axis=0), (seconds.max(axis=0) > 0).astype(np.float64))


def _both(time: ReadTime) -> Price:
    if not time.convert.origins:
        return time.settle
    formula = f"{time.settle.formula} + {time.convert.formula}"
    return Price(time.total_s, formula, time.settle.also(*time.convert.origins).origins)


def _with(time: ReadTime, bits: str) -> ReadTime:
    return ReadTime(time.settle.also(bits), time.convert.also(bits) if time.convert.origins else time.convert)
