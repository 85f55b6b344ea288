"""From a trace and a chip to its wear ledger: in-place writes, commits, and task switches at the horizon's rate.

Which PE is written when is what :mod:`imcsim.chip.writes` charges, so that events here add up to those charged.
Shape letters: T tasks, P PEs, K cells per weight, G groups, D fan-in, N outputs.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.assign import Assignment, assign
from imcsim.chip.config import ChipConfig, RramPart
from imcsim.chip.profile import TileProfile, profile_of
from imcsim.chip.switching import pairs_of, switched_in
from imcsim.chip.wear.counting import add_changes, add_moves
from imcsim.chip.wear.ledger import LayerWear, WearLedger
from imcsim.chip.writes import Commit, plan_commits
from imcsim.core.errors import ConfigError
from imcsim.mapping.layer import LayerSpec
from imcsim.mapping.masks import expand_pe_mask
from imcsim.trace.conservation import check_once
from imcsim.trace.trace import Trace

Mask = NDArray[np.bool_]


def wear_ledger(trace: Trace, chip: ChipConfig, commits: tuple[Commit, ...] | None = None) -> WearLedger:
    """Return the wear of every RRAM cell of ``chip`` from learning ``trace`` once.

    Task switches count at ``horizon.task_switches_per_task``, each as the mean switch of the stream. ``commits`` are
    those of the chip's policy, unless given.

    Raises
    ------
    ConfigError
        If the chip has no RRAM, or a counter would overflow.
    TraceError
        If the trace does not fit the chip.
    """
    check_once(trace)
    part, geometry = chip.rram, chip.rram_geometry
    if part is None or geometry is None:
        raise ConfigError(f"'{chip.name}' has no RRAM, and SRAM cells do not wear: choose a chip with [rram]")
    profile = profile_of(trace, geometry)
    where = assign(profile, chip)
    if commits is None:
        commits = plan_commits(where, chip.commit) if chip.sram is not None else ()
    copies = 2 if chip.input_gradient == "second-copy" else 1
    ledger = WearLedger.empty(geometry, trace.meta.layers, copies)
    ledger.expect(int(_commits_by_task(trace, part).sum()) + len(commits))
    for spec, span in zip(trace.meta.layers, profile.grid.layer_slices, strict=True):
        wear = ledger.wear[spec.name]
        _learn(wear, profile, part, where, commits, (spec, span))
        _switches(wear, trace, chip, switched_in(trace, chip)[0], spec)
    ledger.tasks = trace.meta.tasks
    return ledger


def layer_wear(
    profile: TileProfile,
    chip: ChipConfig,
    where: Assignment,
    commits: tuple[Commit, ...],
    layer: tuple[LayerSpec, slice],
) -> LayerWear:
    """Return the wear of the RRAM cells of one layer from learning the trace once, task switches apart."""
    if chip.rram is None:
        raise ValueError("the chip has no RRAM")
    wear = LayerWear.empty(layer[0], profile.geometry.encoding)
    _learn(wear, profile, chip.rram, where, commits, layer)
    return wear


def _learn(
    wear: LayerWear,
    profile: TileProfile,
    part: RramPart,
    where: Assignment,
    commits: tuple[Commit, ...],
    layer: tuple[LayerSpec, slice],
) -> None:
    _in_place(wear, profile, part, where, layer)
    for commit in commits:
        _commit(wear, profile, commit, layer)


def _commits_by_task(trace: Trace, part: RramPart) -> NDArray[np.int64]:
    """How often, at most, a cell is written in place in each task."""
    counts = {"step": "optimizer_steps", "epoch": "epochs"}.get(part.write_policy)
    return np.ones(trace.meta.tasks, np.int64) if counts is None else trace.task_counts[counts]


def _in_place(
    wear: LayerWear, profile: TileProfile, part: RramPart, where: Assignment, layer: tuple[LayerSpec, slice]
) -> None:
    spec, span = layer
    trace, encoding = profile.trace, profile.geometry.encoding
    trained = where.rram_training[:, span]
    if part.write_policy == "task":
        for task in np.flatnonzero(trained.any(axis=1)):
            _move(wear, profile, spec, (int(task), int(task) + 1), trained[task])
        return
    changes = profile.cell_changes(part.write_policy, spec.name)
    tables = trace.transitions[part.write_policy, trace.encoding(encoding), spec.name]
    for task in np.flatnonzero(trained.any(axis=1)):
        distances = by_distance(tables[task])
        total = distances.sum()
        mask = _weights(trained[task], spec, profile)
        before = wear.events.sum(dtype=np.int64) if mask is not None else 0
        add_changes(wear.events, wear.full, changes[task], distances[-1] / total if total else 0.0, mask)
        added = total if mask is None else wear.events.sum(dtype=np.int64) - before
        wear.distances += distances * (added / total if total else 0.0)


def _commit(wear: LayerWear, profile: TileProfile, commit: Commit, layer: tuple[LayerSpec, slice]) -> None:
    spec, span = layer
    if commit.pes[span].any():
        _move(wear, profile, spec, (commit.first, commit.last), commit.pes[span])


def _move(wear: LayerWear, profile: TileProfile, spec: LayerSpec, between: tuple[int, int], pes: Mask) -> None:
    codes, mask = profile.trace.codes[spec.name], _weights(pes, spec, profile)
    counters = (wear.events, wear.full)
    wear.distances += add_moves(counters, codes[between[0]], codes[between[1]], profile.geometry.encoding, mask)


def _switches(wear: LayerWear, trace: Trace, chip: ChipConfig, switched: tuple[str, ...], spec: LayerSpec) -> None:
    geometry, rate = chip.rram_geometry, chip.horizon.task_switches_per_task
    if spec.name not in switched or geometry is None or rate == 0:
        return
    pairs = pairs_of(trace)
    each = rate * trace.meta.tasks / len(pairs)  # a switch goes there or back: each of 2 (T - 1) is equally likely
    wear.switches = np.zeros(wear.events.shape, np.float32)
    codes = trace.codes[spec.name]
    for first, second in pairs:
        counters = (wear.switches, wear.full)
        wear.distances += add_moves(counters, codes[first], codes[second], geometry.encoding, None, each)


def _weights(pes: Mask, spec: LayerSpec, profile: TileProfile) -> Mask | None:
    """(G, D, N): weights in the PEs chosen, None if all are."""
    if pes.all():
        return None
    geometry = profile.geometry
    grid = (spec.groups, *geometry.tiles(spec.fan_in, spec.outputs))
    tile = (geometry.weight_rows, geometry.weight_cols)
    return expand_pe_mask(pes.reshape(grid), spec.matrix_shape, tile)


def by_distance(table: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return (levels,) events by the number of levels moved, of (levels, levels) transition counts."""
    level = np.arange(len(table))
    steps = np.abs(level[:, None] - level[None, :])
    counts = np.bincount(steps.ravel(), weights=table.ravel().astype(np.float64), minlength=len(table))
    return np.asarray(counts, dtype=np.float64)
