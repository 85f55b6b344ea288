"""Reading the weights with vectors: what the arrays take, forward and back, in joules and in seconds.

Layers form a pipeline, the arrays of a layer work in parallel; nothing contends here (contention needs the event
simulation). Column segments that a task's mask closes add 0, so that a chip need not evaluate them: a trace counts them
by layer and task, they are taken as spread evenly over the PEs of a layer, which is exact where all of them are in one
memory. Only serving may skip them: training needs their partial sums.

What one vector takes of a PE, conversions and cells and drivers, each sort of memory says itself, forward and
transposed: :mod:`imcsim.memory.analog_rram`, :mod:`imcsim.memory.digital_sram`. Here it is summed over PEs and vectors.

Shape letters: F placement phases, L mapped layers, P PEs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.layout import Layout
from imcsim.chip.placed import Bank, Placed
from imcsim.core.charge import Charge, Charges, Price
from imcsim.mapping.pe_grid import PeGrid
from imcsim.memory.memory import Component, ReadTime
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]


def open_share(trace: Trace, grid: PeGrid) -> Floats:
    """Return the share of each layer's column segments that the task does not close, (F, L)."""
    tile = trace.meta.pe_tile or trace.meta.config.get("pe_tile")
    if tile is None:
        segments = np.bincount(grid.layer, weights=grid.outputs, minlength=len(trace.meta.layers))
    else:
        each = [spec.groups * -(-spec.fan_in // int(tile[0])) * spec.outputs for spec in trace.meta.layers]
        segments = np.array(each, dtype=np.float64)
    return np.asarray(1.0 - trace.counts["closed_segments"] / segments, dtype=np.float64)


def conversions(placed: Placed, gated: bool | None = None) -> Floats:
    """Return the conversions of one inference of each phase, (F,), in the memory that keeps its weights.

    Parameters
    ----------
    placed
        The trace as it is served: :attr:`imcsim.chip.placed.Placed.serving`.
    gated
        Whether closed segments are left out; None: as the chip's ``gate_columns`` says.
    """
    bank = placed.nonvolatile
    if bank is None:
        return np.zeros(placed.phases)
    grid = bank.grid
    each = grid.cols * bank.site.phases(placed.chip.input_bits) * placed.positions[grid.layer] * bank.holds
    if bank.share is not None:
        each = each * bank.share
    skips = placed.chip.gate_columns if gated is None else gated
    shares = open_share(placed.trace, grid)[:, grid.layer] if skips else 1.0
    return np.asarray((each * shares).sum(axis=1))


class Read(Protocol):
    """A memory whose weights are read: ``holds`` (F, P) of its PEs hold some."""

    @property
    def name(self) -> str:
        """The memory's name."""

    @property
    def grid(self) -> PeGrid:
        """Shapes of its PEs."""

    @property
    def holds(self) -> NDArray[np.bool_]:
        """(F, P)."""

    @property
    def share(self) -> Floats | None:
        """(P,) share of a layer's vectors that meet the PE, where copies share them."""


@dataclass(frozen=True)
class Vectors:
    """Vectors that go through the arrays one way, and where in the trace they come from.

    Parameters
    ----------
    amount
        (F, L).
    field, density_field
        Fields of the trace behind their number and their activity.
    said
        What is said of them where they are not taken as they are.
    """

    amount: Floats
    field: str
    density_field: str = "input_density"
    said: str = ""


@dataclass(frozen=True)
class OneVector:
    """What one vector takes of a component of a memory: ``amount`` (F, L) at ``each``, a number or (F, L)."""

    bank: Read
    part: Component
    amount: Floats
    each: Price
    skips: bool

    def of(self, vectors: Vectors) -> Charge:
        """Return the charge of ``vectors`` through it."""
        part, open_only = self.part, self.skips and self.part.per_line
        fields = [vectors.field]
        fields += [vectors.density_field] if part.busy else []
        fields += ["codes"] if part.codes else []
        fields += ["closed_segments"] if self.skips else []
        per = f"one for each {part.per}: " if part.per else ""
        share = " x share of column segments that are open" if open_only else ""
        formula = (
            f"{per}sum over tasks and PEs in {self.bank.name.upper()} of {vectors.field}{vectors.said} x "
            f"{part.formula}{share}"
        )
        leaf = f"{self.bank.name}.{part.name}"
        return Charge(leaf, self.amount * vectors.amount, part.of, formula, tuple(fields), self.each)


def forward(placed: Placed, *, serving: bool = False) -> tuple[OneVector, ...]:
    """Return what one input vector takes of the arrays.

    ``serving``: of each task once it is learned. Arrays hold the codes at its end, and a chip with ``gate_columns``
    does not evaluate column segments that the task's mask closes.
    """
    busy = placed.activity("input_density")
    skips = serving and placed.chip.gate_columns and bool(placed.trace.counts["closed_segments"].any())
    found: list[OneVector] = []
    for bank in placed.banks:
        parts = bank.memory.forward(bank.site, bank.profile, busy, after=serving)
        shares = open_share(placed.trace, bank.grid)[:, bank.grid.layer] if skips else None
        found += [one_vector(bank, part, shares) for part in parts]
    return tuple(found)


def transposed(placed: Placed) -> tuple[OneVector, ...]:
    """Return what one error vector takes of the arrays: read the other way, or a copy of their own forward."""
    busy = placed.activity("error_density")
    found: list[OneVector] = []
    for bank in placed.banks:
        if placed.chip.input_gradient == "transposable":
            parts = bank.memory.transposed(bank.site, bank.profile, busy)
            found += [one_vector(bank, part) for part in parts]
        else:
            turned = _turned(placed, bank)
            ones = (one_vector(bank, part) for part in bank.memory.forward(bank.site, bank.profile, busy))
            found += [replace(one, amount=one.amount * turned) for one in ones]
    return tuple(found)


def backward(placed: Placed, one: Sequence[OneVector], field: str, *, scoring: bool = False) -> Charges:
    """Return the charges of the error vectors counted in ``field``; ``one`` is what :func:`transposed` returned."""
    amount = placed.counts[field]
    if placed.chip.input_gradient == "digital":
        return _digital(placed, amount, field, scoring=scoring)
    said = " x PEs of the second copy / PEs of the first" if placed.chip.input_gradient == "second-copy" else ""
    vectors = Vectors(amount, field, "error_density", said)
    return tuple(each.of(vectors) for each in one)


def reads_of_all_weights(placed: Placed, vectors: Floats, *, scoring: bool) -> Floats:
    """(F, L) how often a layer's weights are read out for digital input gradients; scoring counts as one step."""
    used = vectors > 0
    steps = np.ones_like(vectors) if scoring else placed.phase_counts["optimizer_steps"][:, None]
    return np.asarray(used * steps, dtype=np.float64)


def one_vector(bank: Read, part: Component, open_shares: Floats | None = None) -> OneVector:
    """Return what one vector takes of ``part`` in each layer; ``open_shares`` (F, P): lines that are not skipped."""
    mask = bank.holds if open_shares is None or not part.per_line else bank.holds * open_shares
    if bank.share is not None:
        mask = mask * bank.share
    weighted = np.asarray(mask * part.amount, dtype=np.float64)
    amount, each = bank.grid.by_layer(weighted), part.each
    if np.ndim(each.value):
        each = replace(each, value=mean_price(bank.grid, weighted, np.asarray(each.value), amount))
    return OneVector(bank, part, amount, each, open_shares is not None)


def mean_price(grid: PeGrid, weighted: Floats, each: Floats, amount: Floats) -> Floats:
    """(F, L): what one of ``weighted`` (F, P) costs on average in each layer, at ``each`` (F, P)."""
    cost, plain = grid.by_layer(weighted * each), np.full(amount.shape, float(each.mean()))
    return np.asarray(np.divide(cost, amount, out=plain, where=amount > 0), dtype=np.float64)


def _turned(placed: Placed, bank: Bank) -> Floats:
    """(L,) cost of a transposed copy's vector relative to a forward one: PEs of N x D against D x N."""
    tiles, layers = bank.grid.geometry.tiles, placed.trace.meta.layers
    there = [np.prod(tiles(spec.outputs, spec.fan_in)) for spec in layers]
    back = [np.prod(tiles(spec.fan_in, spec.outputs)) for spec in layers]
    return np.asarray(np.array(there) / np.array(back), dtype=np.float64)


def _digital(placed: Placed, vectors: Floats, field: str, *, scoring: bool) -> Charges:
    """Weights are read out once a step and multiplied in the digital unit."""
    mac = placed.chip.mac.gradient_price().also("input_gradient")
    found = [Charge("mac", vectors * placed.weights, "MACs", f"{field} x weights", (field,), mac)]
    reads = reads_of_all_weights(placed, vectors, scoring=scoring)
    when = "once for each scoring" if scoring else "at each step"
    fields = (field, "placement") if scoring else (field, "optimizer_steps", "placement")
    for bank in placed.banks:
        for part in bank.memory.read_out(bank.site, bank.profile):
            one = one_vector(bank, part)
            said = f"{part.formula} of PEs in {bank.name.upper()}, of layers that errors pass, {when}"
            more = (*fields, "codes") if part.codes else fields
            leaf = bank.memory.read_out_leaf(bank.site)
            found.append(Charge(leaf, one.amount * reads, part.of, said, more, one.each.also("input_gradient")))
    return tuple(found)


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
    return slower(placed.home.layout, placed.positions, forward_times(placed))


def backward_pace(placed: Placed) -> Pace:
    """Return the pace of error vectors, through the arrays or the digital unit."""
    if placed.chip.input_gradient != "digital":
        return slower(placed.home.layout, placed.positions, backward_times(placed))
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


def _with(time: ReadTime, bits: str) -> ReadTime:
    return ReadTime(time.settle.also(bits), time.convert.also(bits) if time.convert.origins else time.convert)
