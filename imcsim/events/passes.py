"""The directions through the network: which arrays serve a vector, for how long, and what that takes.

Shape letter: L mapped layers.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.pace import depth, turns_of
from imcsim.chip.placed import Bank
from imcsim.events.work import Work
from imcsim.memory.memory import ReadTime

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Stages = tuple[tuple["Stage", ...], ...]


@dataclass(frozen=True)
class Stage:
    """How one memory serves one vector of a layer: ``settle_s``, then ``convert_s`` in its converters (0: none)."""

    memory: str
    settle_s: float
    convert_s: float


@dataclass(frozen=True)
class Pass:
    """One direction through the network.

    Parameters
    ----------
    vectors
        (L,) vectors of the phase.
    stages
        For each layer, the memories that serve a vector, at the same time.
    array_j, activation_j
        (L,) joules of the arrays, and of activation functions, for all vectors of the phase.
    read_bits, write_bits
        (L,) buffer bits of one vector.
    sent_bits
        (L,) bits of it that its link takes to the arrays.
    elements
        (L,) elements of one output vector, for the digital unit.
    hops
        (L,) hops of a bit between the buffer and the layer's PEs.
    """

    vectors: Ints
    stages: Stages
    array_j: Floats
    activation_j: Floats
    read_bits: Floats
    write_bits: Floats
    sent_bits: Floats
    elements: Floats
    hops: Floats


def forward_pass(work: Work, *, scoring: bool = False) -> Pass:
    """Return the forward direction, of training or of scoring."""
    outputs, (fetched, crossing), bits = work.placed.sides[1], work.placed.moved, work.chip.input_bits
    stages = _present(work, ((bank, bank.name, bank.sheet.forward) for bank in work.placed.banks))
    vectors, joules = _vectors(work, "forward", scoring=scoring)
    sent, written = (crossing - outputs) * bits, outputs * bits
    return Pass(vectors, stages, *joules, fetched * bits, written, sent, outputs, work.placed.hops)


def backward_pass(work: Work, *, scoring: bool = False) -> Pass:
    """Return the way of the errors back, as the chip computes input gradients."""
    (inputs, outputs), bits = work.placed.sides, work.chip.error_bits
    vectors, joules = _vectors(work, "input_gradient", scoring=scoring)
    read = outputs * bits
    return Pass(vectors, _backward_stages(work), *joules, read, inputs * bits, read, inputs, work.placed.error_hops)


def weight_gradient_s(work: Work) -> Floats:
    """(L,) seconds of the weight gradients of the phase."""
    return work.by_layer(work.charges("latency", "weight_gradient"))


def weight_gradient_j(work: Work) -> Floats:
    """(L,) joules of the weight gradients of the phase."""
    return work.by_layer(work.charges("energy", "weight_gradient"))


def _vectors(work: Work, way: str, *, scoring: bool) -> tuple[Ints, tuple[Floats, Floats]]:
    """Vectors of one way, and the joules of arrays and activation functions."""
    above, field = (f"scoring.{way}", f"scoring_{way}_vectors") if scoring else (way, f"{way}_vectors")
    found, active = work.charges("energy", above), f"{above}.activation"
    arrays, activation = (tuple(c for c in found if (c.leaf == active) is its) for its in (False, True))
    return work.count(field), (work.by_layer(arrays), work.by_layer(activation))


def _backward_stages(work: Work) -> Stages:
    placed = work.placed
    if work.chip.input_gradient == "digital":
        mac_s = float(work.chip.mac.time_price().value)
        return tuple((Stage("digital", float(weights) * mac_s, 0.0),) for weights in placed.weights)
    suffix = "-copy" if work.chip.input_gradient == "second-copy" else ""
    times = ((bank, f"{bank.name}{suffix}", bank.sheet.backward) for bank in placed.banks)
    return _present(work, ((bank, name, time) for bank, name, time in times if time is not None))


def _present(work: Work, times: Iterable[tuple[Bank, str, ReadTime]]) -> Stages:
    """For each layer, the stages of the memories that hold something of it.

    A vector takes a PE's time as often as it has passes there; copies of a layer serve vectors in turn, so that each
    takes its share of the time.
    """
    found: list[list[Stage]] = [[] for _ in work.names]
    turns = turns_of(work.placed.home.layout, work.placed.positions)
    for bank, name, time in times:
        settle_s, convert_s = float(time.settle.value), float(time.convert.value)
        for layer, size in enumerate(depth(bank)[work.phase] * (1.0 if turns is None else turns)):
            if size:
                found[layer].append(Stage(name, settle_s * float(size), convert_s * float(size)))
    return tuple(map(tuple, found))
