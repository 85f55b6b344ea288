"""Bits that the traffic of a phase gives as totals, spread over the vectors that carry them, (L,) each."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.events.work import Work, shares

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Extra:
    """Bits of one vector of each layer, (L,), by the direction that carries them; what no vector carries is a lump.

    Parameters
    ----------
    sign_writes, sign_reads_back, sign_reads_gradient
        Single bits kept (signs, dropout), written with outputs of the forward pass, read with errors or weight
        gradients.
    spill_writes, spill_reads
        Activations that do not fit the buffer, to DRAM in the forward pass and from it for weight gradients.
    lump_reads, lump_writes, lump_dram
        Bits of a whole step that no vector carries, in buffer and DRAM.
    """

    sign_writes: Floats
    sign_reads_back: Floats
    sign_reads_gradient: Floats
    spill_writes: Floats
    spill_reads: Floats
    lump_reads: float
    lump_writes: float
    lump_dram: float


def extra_bits(work: Work) -> Extra:
    """Return how signs and spilled activations ride on vectors."""
    forward, back, gradient = (
        work.count(f"{name}_vectors") for name in ("forward", "input_gradient", "weight_gradient")
    )
    outputs = work.placed.sides[1]
    signs = float(work.bits.buffer_writes["signs"][work.phase])
    spilled = float(work.bits.dram["activations"][work.phase]) / 2
    nothing = np.zeros(len(forward))
    sign_back = _per_vector(signs, back, outputs)
    sign_gradient = _per_vector(0.0 if back.any() else signs, gradient, outputs)
    kept = work.count("kept_elements") * (forward > 0) * (gradient > 0)
    rides = kept.sum() > 0
    by_layer = spilled * shares(kept)
    return Extra(
        sign_writes=_per_vector(signs, forward, outputs),
        sign_reads_back=sign_back,
        sign_reads_gradient=sign_gradient,
        spill_writes=_divide(by_layer, forward) if rides else nothing,
        spill_reads=_divide(by_layer, gradient) if rides else nothing,
        lump_reads=0.0 if back.any() or gradient.any() else signs / work.steps,
        lump_writes=0.0 if forward.any() else signs / work.steps,
        lump_dram=0.0 if rides else 2 * spilled / work.steps,
    )


def _per_vector(total: float, vectors: NDArray[np.int64], weights: Floats) -> Floats:
    if total == 0 or not vectors.any():
        return np.zeros(len(vectors))
    return _divide(total * shares(vectors * weights), vectors)


def _divide(amount: Floats, by: NDArray[np.int64]) -> Floats:
    return np.divide(amount, by, out=np.zeros(len(amount)), where=by > 0)
