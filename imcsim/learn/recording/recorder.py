"""Watches a training run and writes its trace: hardware-neutral counts, masks, codes and level changes.

Shape letters: T tasks, F placement phases, L mapped layers.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from imcsim.core.errors import ConfigError, nearest
from imcsim.crossbar.encoding import Encoding
from imcsim.learn.adapt.adaptor import closed_segments
from imcsim.learn.freeze import Freezer
from imcsim.learn.method import Method, WorkDone
from imcsim.learn.quantize import Quantiser
from imcsim.learn.recording.activity import Activity
from imcsim.learn.recording.changes import LevelChanges
from imcsim.learn.recording.passes import PassCounter
from imcsim.learn.recording.tables import TaskTables
from imcsim.learn.wear.cells import WornCells
from imcsim.trace.growing import GrowingTrace
from imcsim.trace.phase import Phase
from imcsim.trace.schema import COUNTS, RECORDED_POLICIES, TASK_COUNTS
from imcsim.trace.work_term import WORK_AMOUNTS, WorkTerm

_OF_A_STEP = (
    "forward_vectors",
    "input_gradient_vectors",
    "weight_gradient_vectors",
    "weight_gradient_macs",
    "kept_elements",
    "updated_weights",
)


class Recorder:
    """Records one run, task after task, and phase after phase within a task.

    A task begins its first placement phase. A learner that moves PEs within a task ends the phase before and begins
    another after: :meth:`end_phase`, the new plan, :meth:`begin_phase`. What is recorded has a row for each phase.

    A commit holds whatever happened until the next step (or epoch) begins, mask changes between them included: a task
    of n steps has n step commits, the last of them at the task's end, and so with epochs. The end of a phase is a
    commit of both: an epoch that goes on in the next phase is one of either.

    ``tables`` holds the arrays, as :class:`imcsim.learn.recording.tables.TaskTables` names them. ``file``, if there is
    one, gets them as phases end.

    Parameters
    ----------
    network, freezer, quantiser
        The network, and what says which of its weights train and what their codes are.
    tasks
        T.
    encodings
        Storage forms whose level changes are counted.
    bits
        Bits of the input and of the error codes whose density is measured.
    most
        Most steps, and epochs, in one task.
    wear
        Cells that wear of what is committed; None: none do.
    work_terms
        Work of the method's own that it may report, beyond the counts of the schema.
    """

    def __init__(  # noqa: PLR0913 - all of a run that is recorded
        self,
        network: nn.Module,
        freezer: Freezer,
        quantiser: Quantiser,
        tasks: int,
        encodings: Sequence[Encoding],
        bits: tuple[int, int],
        most: tuple[int, int],
        wear: WornCells | None = None,
        work_terms: Sequence[WorkTerm] = (),
    ) -> None:
        self.network, self.freezer, self.quantiser = network, freezer, quantiser
        self.layers = quantiser.layers
        self.wear = wear
        self.tasks = tasks
        self.counts = {name: np.zeros((tasks, len(self.layers)), np.int64) for name in COUNTS}
        self.task_counts = {name: np.zeros(tasks, np.int64) for name in TASK_COUNTS}
        self._tables = TaskTables(self.layers, encodings, quantiser.limit)
        self.inputs = Activity(len(self.layers), bits[0])
        self.errors = Activity(len(self.layers), bits[1])
        self.passes = PassCounter(network, self.layers, self.inputs, self.errors)
        sizes = [spec.weight_count for spec in self.layers]
        device = quantiser.modules[0].weight.device
        self.changes = {
            policy: LevelChanges(encodings, sizes, quantiser.limit, commits, device)
            for policy, commits in zip(RECORDED_POLICIES, most, strict=True)
        }
        self.task = 0
        self.phases: list[Phase] = []  # those that are finished
        self._within_epoch = False  # steps were taken in this phase since the last epoch's end
        self.file: GrowingTrace | None = None
        self.work_terms = tuple(work_terms)
        self.work = {term.name: {name: np.zeros(tasks, np.int64) for name in WORK_AMOUNTS} for term in work_terms}
        self.set_layers: list[dict[str, str]] = []  # for each finished task, as Method.set_layers gives it
        self.acts: dict[str, list[int]] = {}  # a method's act -> how often, by task
        self.due: list[str] = []
        self._steps: dict[tuple[Any, ...], int] = {}  # a step's counts -> steps that had them, not added yet

    @property
    def tables(self) -> dict[str, list[NDArray[Any]]]:
        """Arrays by name, one entry a phase (codes and digital state: and one at deployment)."""
        return self._tables.entries

    def deploy(self) -> None:
        """Record the codes, and what digital logic holds, at deployment."""
        self._commit(*RECORDED_POLICIES)
        self._store_state()

    def begin_task(self, task: int) -> None:
        """Take note of what the plan lets train."""
        self.task = task
        self._open_phase()

    def begin_phase(self) -> None:
        """Take note of a new plan within the task; :meth:`end_phase` has stored what ran under the one before."""
        _add_row(self.counts)
        _add_row(self.task_counts)
        for amounts in self.work.values():
            _add_row(amounts)
        if self.wear is not None:
            _add_row(self.wear.counts)
        self._open_phase()

    @property
    def phase(self) -> int:
        """The row of what is recorded now."""
        return len(self.phases)

    def _open_phase(self) -> None:
        self._within_epoch = False
        self.passes.begin_phase([self.freezer.kept_share(spec) for spec in self.layers])
        if self.wear is not None:
            self.wear.begin_phase(self.phase, self.freezer.written_pes(), self.freezer.pe_tile)

    def watching(self, sample_activity: bool) -> AbstractContextManager[None]:
        """Commit what is due; count the forward passes inside the block, and their backward work, as one step."""
        self._commit(*self.due)
        self.due = []
        return self.passes.watching(sample_activity)

    def end_step(self) -> None:
        """Take note of the step's counts; most steps of an epoch have the same, and are added together at its end."""
        step = self.passes.step
        allowed = [self.freezer.allowed.get(spec.name, 0) for spec in self.layers]
        by_layer = (step.forward, step.input_gradient, step.weight_gradient, step.adaptor_macs, step.kept, allowed)
        kept_at_once = (step.peak_kept, step.peak_bits)
        counts = (step.samples, step.forward_only, step.relu, step.other, *kept_at_once, *map(tuple, by_layer))
        self._steps[counts] = self._steps.get(counts, 0) + 1
        self._within_epoch = True
        self.due = ["step"]

    def _add_steps(self) -> None:
        """Add the counts of the steps noted."""
        for (samples, forward_only, relu, other, peak_kept, peak_bits, *by_layer), times in self._steps.items():
            forward, into, gradient, adaptors, kept, allowed = np.array(by_layer, np.int64)
            amounts = (forward, into, gradient, gradient * allowed + adaptors, kept, allowed)
            for name, values in zip(_OF_A_STEP, amounts, strict=True):
                self.counts[name][self.phase] += times * values
            work = {"optimizer_steps": 1, "samples": samples, "forward_only_samples": forward_only}
            work |= {"relu_elements": relu, "other_kept_elements": other}
            self._add_task(**{name: times * amount for name, amount in work.items()})
            self._raise_peak("peak_kept_elements", peak_kept)
            self._raise_peak("peak_kept_bits", peak_bits)
        self._steps = {}

    def note_active(self, method: Method) -> None:
        """Take note of the weights that exist now, for the most that exist at once in the task."""
        active = method.active_masks() or {}
        now = [int(active[s.name].sum()) if s.name in active else s.weight_count for s in self.layers]
        peak = self.counts["peak_active_weights"][self.phase]
        np.maximum(peak, now, out=peak)

    def end_epoch(self) -> None:
        """Make a commit under the epoch policy due."""
        self._add_steps()
        self._add_task(epochs=1)
        self._within_epoch = False
        self.due = list(RECORDED_POLICIES)

    def end_phase(self, method: Method, state_per_value: int, work: WorkDone) -> None:
        """Commit, and store the phase's arrays; the last phase of a task ends with the task.

        Parameters
        ----------
        method
            Whose masks are stored.
        state_per_value
            Values that the optimiser keeps for each trained one (1 momentum, 2 Adam).
        work
            What the method did beyond the plain step, in this phase.
        """
        self._add_steps()
        self._add_task(epochs=int(self._within_epoch))
        self._commit(*RECORDED_POLICIES)
        if self.wear is not None:
            self.wear.end_phase(self.quantiser.codes())
        self.due = []
        self.counts["skipped_writes"][self.phase] = self.quantiser.take_skipped()
        trainable = [self.freezer.trainable_weights(spec) for spec in self.layers]
        active = method.active_masks() or {}
        self.counts["trainable_weights"][self.phase] = trainable
        self.counts["active_weights"][self.phase] = [
            int(active[spec.name].sum()) if spec.name in active else spec.weight_count for spec in self.layers
        ]
        closed = closed_segments(self.network)
        self.counts["closed_segments"][self.phase] = [closed.get(spec.name, 0) for spec in self.layers]
        mapped = {id(weight) for weight in self.freezer.weights.values()}
        digital = sum(p.numel() for p in self.freezer.trainable_parameters().values() if id(p) not in mapped)
        values = state_per_value * (sum(trainable) + digital)
        self._add_task(digital_parameters=digital, optimizer_state_values=values)
        self._merge(work)
        peak, now = self.counts["peak_active_weights"][self.phase], self.counts["active_weights"][self.phase]
        np.maximum(peak, now, out=peak)
        self._store_phase(active)

    def skip_task(self, task: int) -> None:
        """Store an empty task: no work, no changes."""
        self.task = task
        for name in ("active_weights", "peak_active_weights"):
            self.counts[name][self.phase] = self.counts["active_weights"][self.phase - 1]
        if self.wear is not None:
            self.wear.skip_phase(self.phase)
        self.set_layers.append({})
        self._store_phase({})

    def state_dict(self) -> dict[str, Any]:
        """Return everything recorded so far."""
        self._add_steps()
        return {
            "counts": self.counts,
            "task_counts": self.task_counts,
            "tables": self.tables,
            "inputs": self.inputs.state_dict(),
            "errors": self.errors.state_dict(),
            "changes": {policy: changes.state_dict() for policy, changes in self.changes.items()},
            "task": self.task,
            "phases": [[phase.task, phase.first_step, phase.steps] for phase in self.phases],
            "within_epoch": self._within_epoch,
            "work": self.work,
            "set_layers": self.set_layers,
            "acts": self.acts,
            "due": self.due,
            **({} if self.wear is None else {"wear": self.wear.state_dict()}),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        self.counts = {name: values.numpy() for name, values in state["counts"].items()}
        self.task_counts = {name: values.numpy() for name, values in state["task_counts"].items()}
        tables = {name: [entry.numpy() for entry in entries] for name, entries in state["tables"].items()}
        self._tables.entries = tables
        self.inputs.load_state_dict(state["inputs"])
        self.errors.load_state_dict(state["errors"])
        for policy, changes in self.changes.items():
            changes.load_state_dict(state["changes"][policy])
        if self.wear is not None:
            self.wear.load_state_dict(state["wear"])
        self.acts = {act: list(times) for act, times in state["acts"].items()}
        self.work = {term: {name: rows.numpy() for name, rows in of.items()} for term, of in state["work"].items()}
        self.phases = [Phase(task=task, first_step=first, steps=steps) for task, first, steps in state["phases"]]
        self.begin_task(state["task"])
        self._within_epoch = state["within_epoch"]
        self.set_layers = [dict(reasons) for reasons in state.get("set_layers", [{}] * state["task"])]
        self.due = state["due"]
        self._steps = {}

    def _commit(self, *policies: str) -> None:
        if not policies:
            return
        codes = self.quantiser.codes()
        for policy, changes in self.changes.items():
            if policy in policies:
                changes.commit(codes)
        if self.wear is not None:
            self.wear.commit(codes, policies)

    def _add_task(self, **amounts: int) -> None:
        for name, amount in amounts.items():
            self.task_counts[name][self.phase] += amount

    def _raise_peak(self, name: str, value: int) -> None:
        self.task_counts[name][self.phase] = max(self.task_counts[name][self.phase], value)

    def _merge(self, work: WorkDone) -> None:
        _check_declared(work, self.work)
        for name, amount in work.task.items():
            self.task_counts[name][self.phase] += amount
        for act, times in work.acts.items():
            self.acts.setdefault(act, [0] * self.tasks)[self.task] += times
        for term, amounts in work.terms.items():
            for name, amount in amounts.items():
                self.work[term][name][self.phase] += amount
        index = {spec.name: number for number, spec in enumerate(self.layers)}
        for layer, table in work.layers.items():
            for name, amount in table.items():
                table_of = self.counts[name]
                known = int(table_of[self.phase, index[layer]])
                table_of[self.phase, index[layer]] = max(known, amount) if name.startswith("peak") else known + amount

    def _store_state(self) -> None:
        self._tables.add_codes(self.quantiser.codes())
        self._tables.add_digital(self.network.state_dict())

    def _store_phase(self, active: Mapping[str, Tensor]) -> None:
        self._store_state()
        for policy, changes in self.changes.items():
            self._tables.add_changes(policy, changes)
        self._tables.add_activity("input", self.inputs)
        self._tables.add_activity("error", self.errors)
        self._tables.add_masks(self.phase, self.freezer.written_pes(), active)
        first = sum(phase.steps for phase in self.phases if phase.task == self.task)
        steps = int(self.task_counts["optimizer_steps"][self.phase])
        self.phases.append(Phase(task=self.task, first_step=first, steps=steps))
        if self.file is not None:
            self.file.grow(self.tables)


def _add_row(table: dict[str, NDArray[np.int64]]) -> None:
    """Give each array of ``table`` one row more, for one phase more."""
    for name, rows in table.items():
        table[name] = np.concatenate([rows, np.zeros_like(rows[:1])])


def _check_declared(work: WorkDone, terms: Collection[str]) -> None:
    """Raise ConfigError if a method reports work under a name that neither the schema nor the method has."""
    _check_names(work.task, [*TASK_COUNTS, *terms])
    for counts in work.layers.values():
        _check_names(counts, COUNTS)
    _check_names(work.terms, terms)


def _check_names(given: Collection[str], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            raise ConfigError(
                f"the method reports work '{name}', which is no count of a trace, nor declared in its work_terms"
                f"{nearest(name, known)}"
            )
