"""What zeroing weight by weight re-programs, and what switching columns off would spare: CPG's side of XST's claim.

Between the states that serve two consecutive tasks, a weight that changes its code is one of three kinds. ``zeroed``:
pruned, or not picked by the new task. ``brought back``: 0 before, now again a code that it had for an earlier task.
``written``: a new value. An array that switches columns off leaves the first two as they are.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.devices.programming import WriteRule, programming_energy_j
from imcsim.trace.trace import Trace, transition_counts

KINDS = ("zeroed", "brought back", "written")
RULES: tuple[WriteRule, ...] = ("flat", "harmonic")
Bools = NDArray[np.bool_]


def kinds(codes: NDArray[np.integer]) -> dict[str, Bools]:
    """Return kind -> mask of its weights, from the codes of all states so far, (states, ...), the last one new."""
    before, now = codes[-2], codes[-1]
    zeroed = (before != 0) & (now == 0)
    back = (before == 0) & (now != 0) & (codes[1:-2] == now).any(axis=0)
    return {"zeroed": zeroed, "brought back": back, "written": (before != now) & ~zeroed & ~back}


def zeroing_rows(label: str, traces: Sequence[Trace], chip: ChipConfig) -> Iterator[dict[str, Any]]:
    """Yield one row a seed: cells and joules of each kind over tasks 2 to T, by write rule, without the classifier."""
    part, geometry = chip.rram, chip.rram_geometry
    if part is None or geometry is None:
        raise ValueError("this table asks about RRAM")
    encoding = geometry.encoding
    for trace in traces:
        tables = {kind: np.zeros((encoding.level_count,) * 2, dtype=np.int64) for kind in KINDS}
        for spec in trace.meta.layers[:-1]:
            codes = trace.at_task(trace.codes[spec.name]).astype(np.int64)
            for task in range(1, trace.meta.tasks):
                old, new = (
                    encoding.levels(codes[task]).astype(np.int64),
                    encoding.levels(codes[task + 1]).astype(np.int64),
                )
                for kind, mask in kinds(codes[: task + 2]).items():
                    cells = np.broadcast_to(mask, old.shape)
                    tables[kind] += transition_counts(old[cells], new[cells], encoding.level_count)
        row: dict[str, Any] = {"method": label, "seed": trace.meta.seed}
        row |= {f"{kind} cells": int(table.sum() - np.trace(table)) for kind, table in tables.items()}
        for rule in RULES:
            joules = {k: float(programming_energy_j(t, part.cell, part.cell_bits, rule)) for k, t in tables.items()}
            row |= {f"{kind} J, {rule}": joules[kind] for kind in KINDS}
            row[f"columns off spare, {rule}"] = sum(joules.values()) / joules["written"] if joules["written"] else None
        yield row
