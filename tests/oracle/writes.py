"""Programming: which cells change level when, and the joules and seconds of it.

Shape letters: F placement phases, P PEs, K cells per weight, G groups, D fan-in, N outputs.
"""

import math
from collections import defaultdict
from typing import Any

import numpy as np

from tests.oracle.cells import Memory, Pe, up
from tests.oracle.facts import Array
from tests.oracle.lines import replicas_of, verified_in_turn
from tests.oracle.periphery import conversion_s
from tests.oracle.place import arriving, commits_of
from tests.oracle.reads import whole_pe_j
from tests.oracle.scene import Leaves, Scene
from tests.oracle.tables import slowest_of

_COMMITS = {"step": "optimizer_steps", "epoch": "epochs"}


def event_j(part: Any, old: int, new: int) -> float:
    """Return joules of one programming event from level ``old`` to level ``new`` under the part's write rule."""
    cell, top = part.cell, 2**part.cell_bits - 1
    if old == new:
        return 0.0
    if part.write_rule == "flat":
        pulses = cell.pulses_mean[part.cell_bits - 1]
        return float(pulses * (pulse_j(cell) - cell.verify_energy_j) + (pulses + 1) * cell.verify_energy_j)
    pulses = up(abs(new - old) * (top + 1), top)  # |dG| over (Gmax - Gmin) / levels, rounded up
    window = cell.conductance_max_s - cell.conductance_min_s
    one, two = (cell.conductance_min_s + window * level / top for level in (old, new))
    volt = cell.set_voltage_v if new > old else cell.reset_voltage_v
    if part.write_rule == "harmonic":
        return float(2 * volt**2 * 2 / (1 / one + 1 / two) * cell.pulse_time_s * pulses)
    return float(volt**2 * ((one + two) / 2 * cell.pulse_time_s + cell.wire_capacitance_f) * pulses)


def pulse_j(cell: Any) -> float:
    """Return joules of one pulse, SET or RESET in their shares, and of the verify behind it."""
    share = cell.set_pulse_share
    return float(share * cell.set_energy_j + (1 - share) * cell.reset_energy_j + cell.verify_energy_j)


def moved(memory: Memory, pe: Pe, first: int, last: int) -> tuple[Array, Array]:
    """Return the old and the new levels (K, rows, outputs) of a PE's cells between two entries of the codes."""
    levels = pe.of(memory.levels[pe.layer])
    return levels[first], levels[last]


def events_j(part: Any, old: Array, new: Array) -> float:
    """Return joules of moving cells from ``old`` to ``new`` levels."""
    pairs, counts = np.unique(np.stack([old.ravel(), new.ravel()]), axis=1, return_counts=True)
    return math.fsum(n * event_j(part, int(a), int(b)) for (a, b), n in zip(pairs.T, counts, strict=True))


def rows_hit(changes: Array) -> int:
    """Return the rows (word lines) in which at least one of the cells (K, rows, outputs) changes."""
    return int((changes.sum(axis=(0, 2)) > 0).sum())


def cell_changes(scene: Scene, memory: Memory, pe: Pe, policy: str, f: int) -> Array:
    """Return (K, rows, outputs) level changes of a PE's cells in phase ``f`` under a write policy."""
    if policy == "task":
        old, new = moved(memory, pe, f, f + 1)
        return np.asarray(old != new, dtype=np.int64)
    return np.asarray(pe.of(scene.facts.changes[policy, memory.key, scene.facts.layers[pe.layer].name][f]), np.int64)


def row_writes(scene: Scene, changes: Array, policy: str, f: int) -> float:
    """Return how often rows are written: S (1 - (1 - c / (S n))^n) for c changes of n cells in S commits."""
    if policy == "task":
        return float(rows_hit(changes))
    commits = float(scene.facts.total[_COMMITS[policy]][f])
    cells, total = changes.shape[0] * changes.shape[2], 0.0
    for c in changes.sum(axis=(0, 2)):
        if commits == 1:
            total += float(c > 0)
        elif commits > 0:
            total += commits * (1 - (1 - float(c) / (commits * cells)) ** cells)
    return total


def pulses_s(memory: Memory, work: list[tuple[float, float]]) -> float:
    """Return seconds of writing PEs of (events, row writes) each.

    Rows of a PE follow one another; ``parallel_write_pes`` PEs at once.
    """
    busy = [rows * row_s(memory, max(events / rows, 1.0)) for events, rows in work if rows > 0]
    return float(max(max(busy, default=0.0), math.fsum(busy) / memory.part.parallel_write_pes))


def row_s(memory: Memory, cells: float) -> float:
    """Return seconds of a row of ``cells`` level changes.

    In each round one pulse for cells that need SET, if any is left, and one for those that need RESET. Converters
    verify their columns in turn, the cells spread evenly over them: each place until its last cell is done.
    """
    part, cell = memory.part, memory.part.cell
    mean, p99 = cell.pulses_mean[part.cell_bits - 1], cell.pulses_p99[part.cell_bits - 1]
    directions = [share for share in (cell.set_pulse_share, 1 - cell.set_pulse_share) if share > 0]
    pulses = math.fsum(slowest_of(mean, p99, cells, share) for share in directions)
    places = min(cells, verified_in_turn(memory))
    reads = places * slowest_of(mean, p99, cells / places)
    return float(pulses * cell.pulse_time_s + reads * cell.verify_time_s)


class Written:
    """Events, joules and seconds (F,) of all writes while a stream is learned."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.by: dict[str, list[float]] = defaultdict(scene.zeros)
        if scene.sram is not None:
            self._sram_in_place(scene.sram)
        if scene.rram is not None:
            self._rram_in_place(scene.rram)
        if scene.rram is not None and scene.sram is not None:
            self._commits(scene.rram)
            self._loads(scene.rram, scene.sram)

    def _sram_in_place(self, memory: Memory) -> None:
        """Bits that change are written, row by row; the PE with the most row writes sets the time."""
        policy, cell = memory.part.write_policy, memory.part.cell
        for f in self.scene.phase_count():
            rows = [0.0]
            for p, pe in enumerate(memory.pes):
                if self.scene.place.sram_trains[f, p]:
                    changes = cell_changes(self.scene, memory, pe, policy, f)
                    self.by["sram_events"][f] += int(changes.sum()) * self.scene.copies
                    rows.append(row_writes(self.scene, changes, policy, f))
            self.by["sram_j"][f] = self.by["sram_events"][f] * cell.write_energy_j
            self.by["sram_s"][f] = max(rows) * cell.write_time_s

    def _rram_in_place(self, memory: Memory) -> None:
        policy = memory.part.write_policy
        for f in self.scene.phase_count():
            work = []
            for p, pe in enumerate(memory.pes):
                if self.scene.place.rram_trains[f, p]:
                    changes = cell_changes(self.scene, memory, pe, policy, f)
                    work.append((float(changes.sum()), row_writes(self.scene, changes, policy, f)))
                    self.by["rram_events"][f] += int(changes.sum()) * self.scene.copies
                    if policy == "task":
                        self.by["rram_j"][f] += events_j(memory.part, *moved(memory, pe, f, f + 1)) * self.scene.copies
            if policy != "task":
                self.by["rram_j"][f] = self._shared_j(memory, policy, f) * self.scene.copies
            self.by["rram_s"][f] = pulses_s(memory, work)

    def _shared_j(self, memory: Memory, policy: str, f: int) -> float:
        """Joules of in-place writes: a layer's transitions, of which PEs in RRAM have their share of level changes."""
        joules = 0.0
        for index, layer in enumerate(self.scene.facts.layers):
            changes = {
                p: int(cell_changes(self.scene, memory, pe, policy, f).sum())
                for p, pe in enumerate(memory.pes) if pe.layer == index
            }  # fmt: skip
            ours = sum(count for p, count in changes.items() if self.scene.place.rram_trains[f, p])
            if ours:
                table = self.scene.facts.transitions[policy, memory.key, layer.name][f]
                whole = sum(
                    int(table[i, j]) * event_j(memory.part, i, j) for i, j in zip(*np.nonzero(table), strict=True)
                )
                joules += whole * ours / sum(changes.values())
        return joules

    def _commits(self, memory: Memory) -> None:
        """What SRAM has learned is programmed, from what RRAM holds; PEs held back equally long go together."""
        together: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)
        for commit in commits_of(self.scene.place, self.scene.chip.commit):
            old, new = moved(memory, memory.pes[commit.pe], commit.first, commit.last)
            together[commit.phase, commit.first].append((float((old != new).sum()), rows_hit(old != new)))
            self.by["commit_events"][commit.phase] += int((old != new).sum()) * self.scene.copies
            self.by["commit_j"][commit.phase] += events_j(memory.part, old, new) * self.scene.copies
        for (phase, _), work in together.items():
            self.by["commit_s"][phase] += pulses_s(memory, work)

    def _loads(self, rram: Memory, sram: Memory) -> None:
        """PEs that become trainable are read row by row and written into SRAM, the tallest one last."""
        come, chip = arriving(self.scene.place), self.scene.chip
        turns_s = rram.part.columns_per_adc * _line_s(chip, rram.part)
        row_s = rram.part.cell.read_time_s + turns_s + sram.part.cell.write_time_s
        for f in self.scene.phase_count():
            for p, pe in enumerate(rram.pes):
                if come[f, p]:
                    self.by["load_events"][f] += sram.cells(sram.pes[p]) * self.scene.copies
                    self.by["load_read_j"][f] += whole_pe_j(self.scene, rram, pe, f) * self.scene.copies
                    self.by["load_s"][f] = max(self.by["load_s"][f], pe.height * row_s)
            self.by["load_write_j"][f] = self.by["load_events"][f] * sram.part.cell.write_energy_j

    def energy(self) -> Leaves:
        """Return the leaves of update and migration that are writes, and of failed writes."""
        shown = float(self.scene.chip.charge_migration)
        found: Leaves = {
            "update.sram_write": self.by["sram_j"],
            "update.rram_program": self.by["rram_j"],
            "migration.rram_program": [joules * shown for joules in self.by["commit_j"]],
            "migration.rram_read": [joules * shown for joules in self.by["load_read_j"]],
            "migration.sram_write": [joules * shown for joules in self.by["load_write_j"]],
        }
        failed = failed_writes(self.scene)
        if failed is not None:
            leaf, events, each_j, _ = failed
            found[leaf] = [n * each_j for n in events]
        return found


def failed_writes(scene: Scene) -> tuple[str, list[float], float, float] | None:
    """Return leaf, events (F,), joules and seconds of one write to a dead cell, beyond a mean write.

    It goes on to the 99th percentile of the pulses. None where no cell died, or cells wore otherwise than here.
    """
    facts, chip = scene.facts, scene.chip
    if facts.failed_writes is None or scene.rram is None:
        return None
    part = scene.rram.part
    how = f"commit ({chip.commit})" if chip.sram is not None else part.write_policy
    if facts.worn_as is not None and (scene.rram.key, how) != (
        facts.worn_as[0],
        "commit (task)" if facts.worn_as[1] == "commit" else facts.worn_as[1],
    ):
        return None
    charged = float(chip.charge_migration) if chip.sram is not None else 1.0
    events = [float(row.sum()) * scene.copies * charged for row in facts.failed_writes]
    beyond = part.cell.pulses_p99[part.cell_bits - 1] - part.cell.pulses_mean[part.cell_bits - 1]
    seconds = beyond * (part.cell.pulse_time_s + part.cell.verify_time_s) / part.parallel_write_pes
    leaf = "migration.failed_writes" if chip.sram is not None else "update.failed_writes"
    return leaf, events, beyond * pulse_j(part.cell), seconds


def deployment_events(scene: Scene, memory: Memory) -> tuple[float, int]:
    """Return (J, events) of the first programming: from erased cells (level 0) to the first codes, copies included."""
    joules, events = 0.0, 0
    for pe in memory.pes:
        first = pe.of(memory.levels[pe.layer])[0]
        joules += events_j(memory.part, np.zeros_like(first), first)
        events += int((first > 0).sum())
    replica = replicas_of(memory, scene.chip.array.cols)
    if replica is not None:  # one cell of a pair in each row is raised, once; of replica rows, one for each output
        back = scene.chip.input_gradient == "transposable"
        raised = sum(pe.height * replica.used(pe.width) + (pe.width if back else 0) for pe in memory.pes)
        events += raised
        joules += raised * event_j(memory.part, 0, replica.raised)
    return joules * scene.copies, events * scene.copies


def _line_s(chip: Any, part: Any) -> float:
    """Return the conversion of a line on which as many rows add up as are open at once."""
    return conversion_s(part.adc, part.adc_bits, min(chip.array.rows, part.open_rows or chip.array.rows))
