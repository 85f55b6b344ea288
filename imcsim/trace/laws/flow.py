"""Level changes, transitions between levels and codes tell one story.

Shape letters: F placement phases, K cells per weight, G groups, D fan-in, N outputs per group.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.crossbar.encoding import Encoding
from imcsim.trace.laws.cells import facts_of
from imcsim.trace.laws.demand import demand
from imcsim.trace.schema import RECORDED_POLICIES, Policy
from imcsim.trace.trace import Trace

_COMMITS: dict[Policy, str] = {"step": "optimizer_steps", "epoch": "epochs"}


def check(trace: Trace) -> None:
    """Check each encoding and layer.

    Level changes equal transitions; what flows between levels equals the difference of the level histograms of
    consecutive commits; a cell changes at most once per commit, and under a coarser policy never more often than under
    a finer one: the whole phase is the coarsest.
    """
    for layer in trace.meta.layers:
        values, often = _histogram(trace.codes[layer.name])
        for encoding in trace.meta.encodings:
            levels = encoding.levels(values)  # (K, values)
            rows = (np.bincount(levels.ravel(), np.tile(row, len(levels)), encoding.level_count) for row in often)
            _check_layer(trace, encoding, layer.name, np.stack(list(rows)).astype(np.int64))


def _histogram(codes: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the values that codes (F + 1, G, D, N) may have, and how often each comes in each commit."""
    flat = codes.reshape(len(codes), -1)
    least, most = int(flat.min(initial=0)), int(flat.max(initial=0))
    often = [np.bincount(np.subtract(row, least, dtype=np.intp), minlength=most - least + 1) for row in flat]
    return np.arange(least, most + 1), np.stack(often)


def _check_layer(trace: Trace, encoding: Encoding, layer: str, histograms: NDArray[np.int64]) -> None:
    facts = facts_of(trace, encoding, layer)
    for policy in RECORDED_POLICIES:
        where = f"layer '{layer}', {encoding.name}, policy '{policy}'"
        commits = trace.task_counts[_COMMITS[policy]]
        demand((facts.most[policy] <= commits).all(), f"{where}: a cell changed more often than there were commits")
        flow = trace.transitions[policy, encoding.name, layer]
        most = int(facts.most[policy].max(initial=0)) * trace.changes[policy, encoding.name, layer][:1].size
        _check_flow(facts.moved[policy], most, flow, histograms, where)
        fits = facts.coarser_fits or policy == "step"
        demand(fits, f"{where}: changed more often than under the finer policy")
    demand(facts.task_fits, f"layer '{layer}', {encoding.name}: a task's change must be an epoch's too")


def _check_flow(
    moved: NDArray[np.int64], most: int, flow: NDArray[np.integer], histograms: NDArray[np.int64], where: str
) -> None:
    """Check the table (F, levels, levels) of one policy; ``most`` is what a sum of changes can be."""
    # what a sum of changes can be, no entry of a table exceeds: then no sum of one overflows, either
    small = most < 1 << 62 and (flow.size == 0 or int(flow.max()) <= most)
    gone, come = (flow.sum(axis=axis, dtype=np.int64) for axis in (2, 1))
    demand(small and np.array_equal(moved, gone.sum(axis=1)), f"{where}: level changes must equal transitions")
    stays = np.diagonal(flow, axis1=1, axis2=2)
    demand(not stays.any(), f"{where}: a transition leads to another level")
    demand(np.array_equal(come - gone, np.diff(histograms, axis=0)), f"{where}: transitions must lead to the new codes")
