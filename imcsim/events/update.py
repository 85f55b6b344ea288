"""The end of a step: optimiser arithmetic, traffic of master copies, row writes; loading and the commit of a task."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.placed import Bank
from imcsim.events.graph import Task
from imcsim.events.row_writes import PeWrites, commits, in_place
from imcsim.events.streams import After, Lines
from imcsim.events.work import shares
from imcsim.memory.memory import WritePolicy

Floats = NDArray[np.float64]

_DRIVERS = "write drivers"


@dataclass
class _InPlace:
    """Writes of one memory in training, the joules of each of its PEs (P,), and the last step that was drawn."""

    writes: PeWrites
    joules: Floats
    drawn: tuple[int, Floats] = field(default_factory=lambda: (-1, np.zeros(0)))


class Updates:
    """Adds updates to the graph of ``lines``; ``generator`` draws row times, None takes their mean."""

    def __init__(self, lines: Lines, generator: np.random.Generator | None) -> None:
        self.lines, self.work, self.generator = lines, lines.work, generator
        work = lines.work
        digital = float(work.phase_count("digital_parameters")) * work.steps
        by_layer = work.count("updated_weights").astype(float)
        self.updated = by_layer + digital * shares(by_layer)
        self.in_place = [
            _InPlace(one, one.share(work.joules(f"update.{one.bank.sheet.write_leaf}"))) for one in in_place(work)
        ]
        self.drivers = _drivers(lines)
        self.update_j = work.each_j("update.arithmetic")

    def layer(self, layer: int, step: int, after: After) -> After:
        """Update one layer; return what its next reading waits for."""
        lines, work = self.lines, self.work
        updated, phase, name = float(self.updated[layer]) / work.steps, "update", f"{work.names[layer]} update"
        if updated:
            part = float(self.updated[layer] / self.updated.sum()) / work.steps
            master = float(work.bits.dram["master"][work.phase]) * part
            if master:
                after = (lines.dram(f"{name} master", master, after, phase),)
            read = float(work.bits.buffer_reads["update"][work.phase]) * part
            write = float(work.bits.buffer_writes["update"][work.phase]) * part
            after = (lines.buffer(name, read, 0.0, after, phase),)
            after = (lines.digital(name, updated, updated * self.update_j, after, phase),)
            after = (lines.buffer(name, 0.0, write, after, phase),)
        writes = [task for one in self.in_place for task in self._in_place(one, layer, step, after)]
        return lines.build.meet(writes) or (lines.build.meet(after) if updated else ())

    def load(self, after: After) -> After:
        """From home to where PEs that become trainable train, row by row, all layers at the same time."""
        work, placed = self.work, self.work.placed
        if not (placed.hybrid and work.chip.charge_migration):
            return after
        home, away = placed.banks
        arriving = placed.where.arriving[work.phase]
        (read_rows, read_share), (written_rows, written_share) = (_by_layer(bank, arriving) for bank in placed.banks)
        seconds = read_rows * float(home.sheet.row_read.value)
        seconds += written_rows * float(away.sheet.row_write.value)
        joules = read_share * work.joules(f"migration.{home.name}_read")
        joules += written_share * work.joules(f"migration.{away.sheet.write_leaf}")
        loads = [
            Task(f"{name} load", f"{away.name} {arrays}", float(took), float(spent), after, phase="migration")
            for name, arrays, took, spent in zip(work.names, work.arrays, seconds, joules, strict=True)
            if took
        ]
        return self.lines.build.meet([self.lines.build.add(task) for task in loads]) or after

    def commit(self, after: After) -> After:
        """Back home: the commit at the end of a task (or of PEs that come to rest)."""
        found = commits(self.work) if self.work.chip.charge_migration else ()
        events = sum(float(writes.events.sum()) for writes in found)
        for writes in found:
            leaf = f"migration.{writes.bank.sheet.write_leaf}"
            joules = self.work.joules(leaf) * writes.events / max(events, 1.0)
            seconds = writes.mean_s() if self.generator is None else writes.drawn_s(1.0, self.generator)
            after = self._everywhere(writes.bank, seconds, joules, after) or after
        return after

    def _in_place(self, one: _InPlace, layer: int, step: int, after: After) -> After:
        bank = one.writes.bank
        if not (share := self._commits(step, bank.memory.write_policy)):
            return ()
        seconds = self._seconds(one, step, share)
        if bank.name in self.drivers:
            return self._one_by_one(bank, seconds, one.joules * share, bank.grid.layer_slices[layer], after, "update")
        return self._at_once(bank, seconds, one.joules * share, layer, after, "update")

    def _seconds(self, one: _InPlace, step: int, share: float) -> Floats:
        """(P,) seconds of the commit of ``step``; drawn once for all layers."""
        if self.generator is None:
            return one.writes.mean_s() * share
        if one.drawn[0] != step:
            one.drawn = step, one.writes.drawn_s(share, self.generator)
        return one.drawn[1]

    def _everywhere(self, bank: Bank, seconds: Floats, joules: Floats, after: After) -> After:
        if bank.name in self.drivers:
            return self._one_by_one(bank, seconds, joules, slice(None), after, "migration")
        layers = range(len(self.work.names))
        tasks = [task for i in layers for task in self._at_once(bank, seconds, joules, i, after, "migration")]
        return self.lines.build.meet(tasks)

    def _at_once(self, bank: Bank, seconds: Floats, joules: Floats, layer: int, after: After, phase: str) -> After:
        """All PEs of a layer together, which takes as long as the PE with the most."""
        span, name = bank.grid.layer_slices[layer], self.work.names[layer]
        longest, spent = float(seconds[span].max(initial=0.0)), float(joules[span].sum())
        if not (longest or spent):
            return ()
        where = f"{bank.name} {self.work.arrays[layer]}"
        return (self.lines.build.add(Task(f"{name} rows", where, longest, spent, after, phase=phase)),)

    def _one_by_one(self, bank: Bank, seconds: Floats, joules: Floats, span: slice, after: After, phase: str) -> After:
        """As many PEs at once as there are write drivers."""
        pes = np.arange(len(seconds))[span]
        build, gate, drivers = self.lines.build, self.lines.build.meet(after), self.drivers[bank.name]
        tasks = [
            build.add(Task(f"PE {pe} rows", drivers, float(seconds[pe]), float(joules[pe]), gate, phase=phase))
            for pe in pes[(seconds[span] > 0) | (joules[span] > 0)]
        ]
        return build.meet(tasks)

    def _commits(self, step: int, policy: WritePolicy) -> float:
        """Return the share of the phase's writes that is committed after ``step``."""
        steps = self.work.steps
        if policy == "step":
            return 1.0 / steps
        count = 1 if policy == "task" else self.work.phase_count("epochs")
        return ((step + 1) * count // steps - step * count // steps) / count if count else 0.0


def _drivers(lines: Lines) -> dict[str, str]:
    """Declare the write drivers of each memory that has a limited number; return their names by that of the memory."""
    limited = [bank for bank in lines.work.placed.banks if bank.memory.parallel_pes is not None]
    names = {bank.name: _DRIVERS if bank is limited[0] else f"{_DRIVERS} {bank.name}" for bank in limited}
    for bank in limited:
        lines.build.resource(names[bank.name], bank.memory.parallel_pes or math.inf)
    return names


def _by_layer(bank: Bank, units: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(L,) rows of the tallest PE of ``units`` (U,), and the share of all their cells that each layer has."""
    mine, spans = bank.pes(units), bank.grid.layer_slices
    rows, cells = mine * bank.grid.rows, mine * bank.grid.cells
    tallest = np.array([float(rows[span].max(initial=0)) for span in spans])
    return tallest, np.array([float(cells[span].sum()) for span in spans]) / max(float(cells.sum()), 1.0)
