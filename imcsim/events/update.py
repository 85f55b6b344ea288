"""The end of a step: optimiser arithmetic, traffic of master copies, row writes; loading and the commit of a task."""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import WritePolicy
from imcsim.chip.profile import profile_of
from imcsim.events.graph import Task
from imcsim.events.row_writes import PeWrites, checkpoints, in_place
from imcsim.events.streams import After, Lines
from imcsim.events.work import shares

Floats = NDArray[np.float64]

_DRIVERS = "write drivers"


class Updates:
    """Adds updates to the graph of ``lines``; ``generator`` draws pulses, None takes their mean."""

    def __init__(self, lines: Lines, generator: np.random.Generator | None) -> None:
        self.lines, self.work, self.generator = lines, lines.work, generator
        work, t = lines.work, lines.work.task
        self.rram = in_place(work)
        digital = float(work.trace.task_counts["digital_parameters"][t]) * work.steps
        by_layer = work.count("updated_weights").astype(float)
        self.updated = by_layer + digital * shares(by_layer)
        self.spans = profile_of(work.trace, work.chip.geometry).grid.layer_slices
        if work.chip.rram is not None:
            lines.build.resource(_DRIVERS, work.chip.rram.parallel_write_pes)
        self._drawn: dict[int, Floats] = {}

    def layer(self, layer: int, step: int, after: After) -> After:
        """Update one layer; return what its next reading waits for."""
        lines, work, t = self.lines, self.work, self.work.task
        updated, phase, name = float(self.updated[layer]) / work.steps, "update", f"{work.names[layer]} update"
        if updated:
            part = float(self.updated[layer] / self.updated.sum()) / work.steps
            master = float(work.bits.dram["master"][t]) * part
            if master:
                after = (lines.dram(f"{name} master", master, after, phase),)
            read = float(work.bits.buffer_reads["update"][t]) * part
            write = float(work.bits.buffer_writes["update"][t]) * part
            after = (lines.buffer(name, read, 0.0, after, phase),)
            after = (lines.digital(name, updated, updated * work.chip.mac.update_energy_j, after, phase),)
            after = (lines.buffer(name, 0.0, write, after, phase),)
        writes = (*self._sram(layer, step, after), *self._rram(layer, step, after))
        return lines.build.meet(writes) or (lines.build.meet(after) if updated else ())

    def load(self, after: After) -> After:
        """RRAM -> SRAM for PEs that become trainable, layer by layer at the same time."""
        work, t, chip = self.work, self.work.task, self.work.chip
        seconds = float(work.done.load_s[t])
        if not (chip.charge_migration and seconds):
            return after
        arriving = work.where.arriving[t]
        grid = profile_of(work.trace, chip.geometry).grid
        rows, cells = arriving * grid.rows, arriving * grid.cells
        joules = float(work.done.load_read_j[t] + work.done.load_write_j[t])
        loads = []
        for name, span in zip(work.names, self.spans, strict=True):
            if arriving[span].any():
                took = seconds * float(rows[span].max() / rows.max())
                share = joules * float(cells[span].sum() / cells.sum())
                loads.append(Task(f"{name} load", f"sram {name}", took, share, after, phase="migration"))
        return self.lines.build.meet([self.lines.build.add(task) for task in loads])

    def commit(self, after: After) -> After:
        """SRAM -> RRAM: the checkpoint at the end of a task (or of PEs that leave SRAM)."""
        if not self.work.chip.charge_migration:
            return after
        found = checkpoints(self.work)
        events = sum(float(writes.events.sum()) for writes in found)
        for writes in found:
            joules = float(self.work.done.commit_j[self.work.task]) * writes.events / max(events, 1.0)
            after = self._drivers(writes.mean_s() if self.generator is None else writes.drawn_s(1.0, self.generator),
                                  joules, slice(None), after, "migration") or after  # fmt: skip
        return after

    def _sram(self, layer: int, step: int, after: After) -> After:
        part, geometry, work, t = self.work.chip.sram, self.work.chip.sram_geometry, self.work, self.work.task
        if part is None or geometry is None or not (commits := self._commits(step, part.write_policy)):
            return ()
        under, mask, span = profile_of(work.trace, geometry).policy(part.write_policy), work.where, self.spans[layer]
        trains = mask.sram_training[t]
        rows = float((under.row_events[t, span] * trains[span]).max(initial=0.0))
        events = float((under.changes[t] * trains).sum())
        if rows == 0:
            return ()
        share = float((under.changes[t, span] * trains[span]).sum()) / events * commits
        name = work.names[layer]
        seconds, joules = rows * commits * part.cell.write_time_s, float(work.done.sram_j[t]) * share
        return (self.lines.build.add(Task(f"{name} rows", f"sram {name}", seconds, joules, after, phase="update")),)

    def _rram(self, layer: int, step: int, after: After) -> After:
        if self.rram is None or not (share := self._commits(step, self.rram.part.write_policy)):
            return ()
        joules = float(self.work.done.rram_j[self.work.task]) * share * self.rram.events
        return self._drivers(
            self._seconds(self.rram, step, share), joules / max(float(self.rram.events.sum()), 1.0), self.spans[layer],
            after, "update",
        )  # fmt: skip

    def _seconds(self, writes: PeWrites, step: int, share: float) -> Floats:
        """(P,) seconds of the commit of ``step``; drawn once for all layers."""
        if self.generator is None:
            return writes.mean_s() * share
        if step not in self._drawn:
            self._drawn = {step: writes.drawn_s(share, self.generator)}
        return self._drawn[step]

    def _drivers(self, seconds: Floats, joules: Floats, span: slice, after: After, phase: str) -> After:
        pes = np.arange(len(seconds))[span]
        build, gate = self.lines.build, self.lines.build.meet(after)
        tasks = [
            build.add(Task(f"PE {pe} rows", _DRIVERS, float(seconds[pe]), float(joules[pe]), gate, phase=phase))
            for pe in pes[(seconds[span] > 0) | (joules[span] > 0)]
        ]
        return build.meet(tasks)

    def _commits(self, step: int, policy: WritePolicy) -> float:
        """Return the share of the task's writes that is committed after ``step``."""
        steps = self.work.steps
        if policy == "step":
            return 1.0 / steps
        count = 1 if policy == "task" else int(self.work.trace.task_counts["epochs"][self.work.task])
        return ((step + 1) * count // steps - step * count // steps) / count if count else 0.0
