"""What several laws ask of every cell, found in one pass: a piece of weights at a time, while it lies in the cache.

Shape letters: F placement phases, K cells per weight, W weights of a layer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.crossbar.encoding import Encoding
from imcsim.trace.schema import RECORDED_POLICIES, Policy
from imcsim.trace.trace import Trace

Ints = NDArray[np.integer]

_PIECE = 1 << 16  # design choice: weights looked at together; some hundred kilobytes of counts
_KEY = "cells of the laws"


@dataclass
class CellFacts:
    """Of one encoding and layer, by phase: changes under each policy, and how they stand to one another.

    ``moved`` (F,) are all changes, ``most`` (F,) those of the cell that has most; ``weights`` (F,) are those of which a
    cell changed at some step. ``coarser_fits``: no cell changed more often under the coarser policy. ``task_fits``: a
    cell whose level differs from that of the phase before has changed under the coarsest.
    """

    moved: dict[Policy, NDArray[np.int64]]
    most: dict[Policy, NDArray[np.int64]]
    weights: NDArray[np.int64]
    coarser_fits: bool = True
    task_fits: bool = True


def facts_of(trace: Trace, encoding: Encoding, layer: str) -> CellFacts:
    """Return the facts, found at the first call of a check; :func:`forget` ends it."""
    known = trace.cache.setdefault(_KEY, {})
    if not isinstance(known, dict):
        raise TypeError("the cache holds something else")
    if (encoding, layer) not in known:
        known[encoding, layer] = _find(trace, encoding, layer)
    found: CellFacts = known[encoding, layer]
    return found


def forget(trace: Trace) -> None:
    """Drop what was found: arrays may change until they are looked at again."""
    trace.cache.pop(_KEY, None)


def _find(trace: Trace, encoding: Encoding, layer: str) -> CellFacts:
    step, epoch = (trace.changes[policy, encoding.name, layer] for policy in RECORDED_POLICIES)
    phases, cells = step.shape[:2]
    step, epoch = step.reshape(phases, cells, -1), epoch.reshape(phases, cells, -1)  # (F, K, W)
    codes = trace.codes[layer].reshape(phases + 1, -1)
    least = int(codes.min(initial=0))
    levels = encoding.levels(np.arange(least, int(codes.max(initial=0)) + 1)).T  # (codes, K)
    facts = CellFacts(
        {policy: np.zeros(phases, np.int64) for policy in RECORDED_POLICIES},
        {policy: np.zeros(phases, np.int64) for policy in RECORDED_POLICIES},
        np.zeros(phases, np.int64),
    )
    for phase in range(phases):
        for start in range(0, step.shape[2], _PIECE):
            piece = slice(start, start + _PIECE)
            fine, coarse = step[phase, :, piece], epoch[phase, :, piece]
            _add(facts, "step", phase, fine)
            _add(facts, "epoch", phase, coarse)
            facts.weights[phase] += np.count_nonzero(np.bitwise_or.reduce(fine, axis=0))
            facts.coarser_fits &= bool((coarse <= fine).all())
            old, new = codes[phase, piece], codes[phase + 1, piece]
            differ = np.flatnonzero(old != new)  # of the others no level differs
            if differ.size:
                other = levels[old[differ].astype(np.intp) - least] != levels[new[differ].astype(np.intp) - least]
                facts.task_fits &= not (other.T & (coarse.take(differ, axis=1) == 0)).any()
    return facts


def _add(facts: CellFacts, policy: Policy, phase: int, changes: Ints) -> None:
    """Add a piece (K, weights) of the changes of a phase."""
    most = int(changes.max(initial=0))
    narrow = most * changes.size < 1 << 32
    facts.most[policy][phase] = max(int(facts.most[policy][phase]), most)
    facts.moved[policy][phase] += int(changes.sum(dtype=np.uint32 if narrow else np.int64))
