"""Reading the weights with vectors: what the arrays take, forward and back, in joules; :mod:`.pace` has the seconds.

Column segments that a task's mask closes add 0, so that a chip need not evaluate them: a trace counts them
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

from imcsim.chip.placed import Bank, Placed
from imcsim.core.charge import Charge, Charges, Price, under
from imcsim.mapping.pe_grid import PeGrid
from imcsim.memory.memory import Component
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
    sensed = bank.memory.lines(bank.site, grid).count
    each = sensed * bank.site.phases(placed.chip.input_bits) * placed.positions[grid.layer] * bank.holds
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


@dataclass(frozen=True)
class Reads:
    """The charges (J) of all vectors of training: below ``forward``, ``input_gradient`` and ``scoring``."""

    forward: Charges
    input_gradient: Charges
    scoring: Charges


def training_reads(placed: Placed) -> Reads:
    """Return what vectors are charged in training: by the arrays, and by the activation function of each layer."""
    there, back, (inputs, outputs) = forward(placed), transposed(placed), placed.sides
    ahead, errors, scored, scored_errors = (
        "forward_vectors", "input_gradient_vectors", "scoring_forward_vectors", "scoring_input_gradient_vectors",
    )  # fmt: skip
    return Reads(
        (*_ahead("forward", placed, there, ahead), _active("forward", placed, ahead, outputs, "outputs")),
        (
            *under("input_gradient", backward(placed, back, errors)),
            _active("input_gradient", placed, errors, inputs, "fan-in"),
        ),
        (
            *_ahead("scoring.forward", placed, there, scored),
            *under("scoring.input_gradient", backward(placed, back, scored_errors, scoring=True)),
        ),
    )


def image_reads(placed: Placed) -> Charges:
    """Return the charges (J) of the arrays for one image after the last task."""
    vectors = np.zeros((placed.phases, len(placed.positions)))
    vectors[-1] = placed.positions
    image = Vectors(vectors, "layers", said=" (positions of one image, last task)")
    return tuple(one.of(image) for one in forward(placed.serving, serving=True))


def _ahead(leaf: str, placed: Placed, one: Sequence[OneVector], field: str) -> Charges:
    vectors = Vectors(placed.counts[field], field)
    return under(leaf, tuple(each.of(vectors) for each in one))


def _active(leaf: str, placed: Placed, field: str, elements: Floats, said: str) -> Charge:
    amount, each = placed.counts[field] * elements, placed.chip.mac.vector_price()
    return Charge(f"{leaf}.activation", amount, "elements", f"vectors x {said}", (field,), each)


def forward(placed: Placed, *, serving: bool = False) -> tuple[OneVector, ...]:
    """Return what one input vector takes of the arrays.

    ``serving``: of each task once it is learned. Arrays hold the codes at its end, and a chip with ``gate_columns``
    does not evaluate column segments that the task's mask closes.
    """
    busy = placed.input_activity
    skips = serving and placed.chip.gate_columns and bool(placed.trace.counts["closed_segments"].any())
    found: list[OneVector] = []
    for bank in placed.banks:
        parts = bank.memory.forward(bank.site, bank.profile, busy, after=serving)
        shares = open_share(placed.trace, bank.grid)[:, bank.grid.layer] if skips else None
        found += [one_vector(bank, part, shares) for part in parts]
    return tuple(found)


def transposed(placed: Placed) -> tuple[OneVector, ...]:
    """Return what one error vector takes of the arrays: read the other way, or a copy of their own forward."""
    busy = placed.error_activity
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
            leaf = bank.sheet.read_out_leaf
            found.append(Charge(leaf, one.amount * reads, part.of, said, more, one.each.also("input_gradient")))
    return tuple(found)
