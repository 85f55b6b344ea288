"""Reading the weights with vectors: what the arrays take forward, and back as the chip computes input gradients.

Shape letters: F placement phases, L mapped layers, P PEs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.closed_columns import open_share
from imcsim.chip.placed import Bank, Placed
from imcsim.core.charge import Charge, Charges, Price
from imcsim.mapping.pe_grid import PeGrid
from imcsim.memory.memory import Component

Floats = NDArray[np.float64]


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
    amount = placed.count(field)
    if placed.chip.input_gradient == "digital":
        return _digital(placed, amount, field, scoring=scoring)
    said = " x PEs of the second copy / PEs of the first" if placed.chip.input_gradient == "second-copy" else ""
    vectors = Vectors(amount, field, "error_density", said)
    return tuple(each.of(vectors) for each in one)


def reads_of_all_weights(placed: Placed, vectors: Floats, *, scoring: bool) -> Floats:
    """(F, L) how often a layer's weights are read out for digital input gradients; scoring counts as one step."""
    used = vectors > 0
    steps = np.ones_like(vectors) if scoring else placed.phase_count("optimizer_steps")[:, None]
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
