"""Level changes, transitions between levels and codes tell one story.

Shape letters: F placement phases, K cells per weight, G groups, D fan-in, N outputs per group.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.crossbar.encoding import Encoding
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
    for encoding in trace.meta.encodings:
        for layer in trace.meta.layers:
            _check_layer(trace, encoding, layer.name)


def _check_layer(trace: Trace, encoding: Encoding, layer: str) -> None:
    levels = encoding.levels(trace.codes[layer])  # (K, F+1, G, D, N)
    count = encoding.level_count
    histograms = np.stack([np.bincount(levels[:, t].ravel(), minlength=count) for t in range(levels.shape[1])])
    finer: NDArray[np.integer] | None = None
    for policy in RECORDED_POLICIES:
        changes = trace.changes[policy, encoding.name, layer]
        where = f"layer '{layer}', {encoding.name}, policy '{policy}'"
        _check_commits(changes, trace.task_counts[_COMMITS[policy]], where)
        _check_flow(changes, trace.transitions[policy, encoding.name, layer], histograms, where)
        if finer is not None:
            demand((changes <= finer).all(), f"{where}: changed more often than under the finer policy")
        finer = changes
    whole = (levels[:, 1:] != levels[:, :-1]).swapaxes(0, 1)
    demand(
        finer is not None and (whole <= finer).all(),
        f"layer '{layer}', {encoding.name}: a task's change must be an epoch's too",
    )


def _check_commits(changes: NDArray[np.integer], commits: NDArray[np.integer], where: str) -> None:
    most = changes.reshape(len(changes), -1).max(axis=1, initial=0)
    demand((most <= commits).all(), f"{where}: a cell changed more often than there were commits")


def _check_flow(
    changes: NDArray[np.integer], flow: NDArray[np.integer], histograms: NDArray[np.int64], where: str
) -> None:
    flat = changes.reshape(len(changes), -1)
    most = int(flat.max(initial=0)) * flat.shape[1]
    # what a sum of changes can be, no entry of a table exceeds: then no sum of one overflows, either
    small = most < 1 << 62 and (flow.size == 0 or int(flow.max()) <= most)
    moved, gone, come = (
        flat.sum(axis=1, dtype=np.int64),
        flow.sum(axis=2, dtype=np.int64),
        flow.sum(axis=1, dtype=np.int64),
    )
    demand(small and np.array_equal(moved, gone.sum(axis=1)), f"{where}: level changes must equal transitions")
    stays = np.diagonal(flow, axis1=1, axis2=2)
    demand(not stays.any(), f"{where}: a transition leads to another level")
    demand(np.array_equal(come - gone, np.diff(histograms, axis=0)), f"{where}: transitions must lead to the new codes")
