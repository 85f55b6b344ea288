"""From a trace placed on a chip to its wear ledger: in-place writes, commits, and task switches at the horizon's rate.

Which PE is written when is what :mod:`imcsim.chip.writes` charges, so that events here add up to those charged.
Shape letters: F placement phases, P PEs, K cells per weight, G groups, D fan-in, N outputs.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.placed import Bank, Placed
from imcsim.chip.switching import pairs_of
from imcsim.chip.wear.counting import add_changes, add_moves
from imcsim.chip.wear.ledger import LayerWear, WearLedger
from imcsim.chip.wear.worn import worn_memory
from imcsim.chip.writes import Commit, commits_by_policy, plan_commits

Mask = NDArray[np.bool_]


def wear_ledger(placed: Placed, commits: tuple[Commit, ...] | None = None) -> WearLedger:
    """Return the wear of every cell of the memory that keeps its weights, from learning the trace once.

    Task switches count at ``horizon.task_switches_per_task``, each as the mean switch of the stream. ``commits`` are
    those of the chip's policy, unless given.

    Raises
    ------
    ConfigError
        If the chip has no such memory, or a counter would overflow.
    """
    worn_memory(placed.chip)  # refuses a chip without one
    bank, trace = placed.home, placed.trace
    if commits is None:
        commits = plan_commits(placed) if placed.hybrid else ()
    ledger = WearLedger.empty(bank.grid.geometry, trace.meta.layers, bank.copies)
    ledger.laid, ledger.layout = bank.layout.laid, bank.layout
    ledger.expect(int(_commits_by_phase(bank).sum()) + len(commits))
    for layer, spec in enumerate(trace.meta.layers):
        wear = ledger.wear[spec.name]
        _learn(wear, bank, commits, layer)
        _switches(wear, placed, bank, layer)
    ledger.tasks = trace.meta.tasks
    return ledger


def layer_wear(bank: Bank, commits: tuple[Commit, ...], layer: int) -> LayerWear:
    """Return the wear of the cells of one layer from learning the trace once, task switches apart."""
    wear = LayerWear.empty(bank.profile.trace.meta.layers[layer], bank.grid.geometry.encoding)
    _learn(wear, bank, commits, layer)
    return wear


def _learn(wear: LayerWear, bank: Bank, commits: tuple[Commit, ...], layer: int) -> None:
    _in_place(wear, bank, layer)
    span = bank.grid.layer_slices[layer]
    for commit in commits:
        if commit.pes[span].any():
            _move(wear, bank, layer, (commit.first, commit.last), commit.pes[span])


def _commits_by_phase(bank: Bank) -> NDArray[np.int64]:
    """How often, at most, a cell is written in place in each phase."""
    counts = {"step": "optimizer_steps", "epoch": "epochs"}.get(bank.memory.write_policy)
    trace = bank.profile.trace
    return np.ones(len(bank.trains), np.int64) if counts is None else trace.task_counts[counts]


def _in_place(wear: LayerWear, bank: Bank, layer: int) -> None:
    trace, policy = bank.profile.trace, bank.memory.write_policy
    encoding, name = bank.grid.geometry.encoding, trace.meta.layers[layer].name
    trained = bank.trains[:, bank.grid.layer_slices[layer]]
    phases = [int(phase) for phase in np.flatnonzero(trained.any(axis=1))]
    if policy == "task":
        for commit in commits_by_policy(trained, policy, trace.meta.phase_tasks):
            _move(wear, bank, layer, (commit.first, commit.last), commit.pes)
        return
    if not phases:
        return
    changes = bank.profile.cell_changes(policy, name)
    tables = trace.transitions[policy, trace.encoding(encoding), name]
    for phase in phases:
        distances = by_distance(tables[phase])
        total = distances.sum()
        mask = _weights(trained[phase], bank, layer)
        before = wear.events.sum(dtype=np.int64) if mask is not None else 0
        add_changes(wear.events, wear.full, changes[phase], distances[-1] / total if total else 0.0, mask)
        added = total if mask is None else wear.events.sum(dtype=np.int64) - before
        wear.distances += distances * (added / total if total else 0.0)


def _move(wear: LayerWear, bank: Bank, layer: int, between: tuple[int, int], pes: Mask) -> None:
    trace = bank.profile.trace
    codes, mask = trace.codes[trace.meta.layers[layer].name], _weights(pes, bank, layer)
    counters = (wear.events, wear.full)
    encoding = bank.grid.geometry.encoding
    wear.distances += add_moves(counters, codes[between[0]], codes[between[1]], encoding, mask)


def _switches(wear: LayerWear, placed: Placed, bank: Bank, layer: int) -> None:
    trace, rate = placed.trace, placed.chip.horizon.task_switches_per_task
    name = trace.meta.layers[layer].name
    if name not in placed.switched[0] or rate == 0:
        return
    pairs = pairs_of(trace)
    each = rate * trace.meta.tasks / len(pairs)  # a switch goes there or back: each of 2 (T - 1) is equally likely
    wear.switches = np.zeros(wear.events.shape, np.float32)
    codes = trace.codes[name]
    for first, second in pairs:
        counters = (wear.switches, wear.full)
        encoding = bank.grid.geometry.encoding
        wear.distances += add_moves(counters, codes[first], codes[second], encoding, None, each)


def _weights(pes: Mask, bank: Bank, layer: int) -> Mask | None:
    """(G, D, N): weights in the PEs chosen, None if all are."""
    return None if pes.all() else bank.layout.spread(pes, layer)


def by_distance(table: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return (levels,) events by the number of levels moved, of (levels, levels) transition counts."""
    level = np.arange(len(table))
    steps = np.abs(level[:, None] - level[None, :])
    counts = np.bincount(steps.ravel(), weights=table.ravel().astype(np.float64), minlength=len(table))
    return np.asarray(counts, dtype=np.float64)
