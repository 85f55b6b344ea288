"""Watches a training run and writes its trace: hardware-neutral counts, masks, codes and level changes.

Shape letters: T tasks, L mapped layers.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

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
from imcsim.trace.schema import COUNTS, RECORDED_POLICIES, TASK_COUNTS

_OF_A_STEP = (
    "forward_vectors",
    "input_gradient_vectors",
    "weight_gradient_vectors",
    "weight_gradient_macs",
    "kept_elements",
    "updated_weights",
)


class Recorder:
    """Records one run, task after task.

    A commit holds whatever happened until the next step (or epoch) begins, mask changes between them included: a task
    of n steps has n step commits, the last of them at the task's end, and so with epochs.

    ``tables`` holds the arrays, as :class:`imcsim.learn.recording.tables.TaskTables` names them.

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
    """

    def __init__(
        self,
        network: nn.Module,
        freezer: Freezer,
        quantiser: Quantiser,
        tasks: int,
        encodings: Sequence[Encoding],
        bits: tuple[int, int],
        most: tuple[int, int],
        wear: WornCells | None = None,
    ) -> None:
        self.network, self.freezer, self.quantiser = network, freezer, quantiser
        self.layers = quantiser.layers
        self.wear = wear
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
        self.set_layers: list[dict[str, str]] = []  # for each finished task, as Method.set_layers gives it
        self.acts: dict[str, list[int]] = {}  # a method's act -> how often, by task
        self.due: list[str] = []
        self._steps: dict[tuple[Any, ...], int] = {}  # a step's counts -> steps that had them, not added yet

    @property
    def tables(self) -> dict[str, list[NDArray[Any]]]:
        """Arrays by name, one entry a task (codes and digital state: and one at deployment)."""
        return self._tables.entries

    def deploy(self) -> None:
        """Record the codes, and what digital logic holds, at deployment."""
        self._commit(*RECORDED_POLICIES)
        self._store_state()

    def begin_task(self, task: int) -> None:
        """Take note of what the plan lets train."""
        self.task = task
        self.passes.begin_task([self.freezer.kept_share(spec) for spec in self.layers])
        if self.wear is not None:
            self.wear.begin_task(task, self.freezer.written_pes(), self.freezer.pe_tile)

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
        self.due = ["step"]

    def _add_steps(self) -> None:
        """Add the counts of the steps noted."""
        for (samples, forward_only, relu, other, peak_kept, peak_bits, *by_layer), times in self._steps.items():
            forward, into, gradient, adaptors, kept, allowed = np.array(by_layer, np.int64)
            amounts = (forward, into, gradient, gradient * allowed + adaptors, kept, allowed)
            for name, values in zip(_OF_A_STEP, amounts, strict=True):
                self.counts[name][self.task] += times * values
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
        peak = self.counts["peak_active_weights"][self.task]
        np.maximum(peak, now, out=peak)

    def end_epoch(self) -> None:
        """Make a commit under the epoch policy due."""
        self._add_steps()
        self._add_task(epochs=1)
        self.due = list(RECORDED_POLICIES)

    def end_task(self, method: Method, state_per_value: int, work: WorkDone) -> None:
        """Commit, and store the task's arrays.

        Parameters
        ----------
        method
            Whose masks are stored.
        state_per_value
            Values that the optimiser keeps for each trained one (1 momentum, 2 Adam).
        work
            What the method did beyond the plain step.
        """
        self._add_steps()
        self._commit(*RECORDED_POLICIES)
        if self.wear is not None:
            self.wear.end_task(self.quantiser.codes())
        self.due = []
        self.counts["skipped_writes"][self.task] = self.quantiser.take_skipped()
        trainable = [self.freezer.trainable_weights(spec) for spec in self.layers]
        active = method.active_masks() or {}
        self.counts["trainable_weights"][self.task] = trainable
        self.counts["active_weights"][self.task] = [
            int(active[spec.name].sum()) if spec.name in active else spec.weight_count for spec in self.layers
        ]
        closed = closed_segments(self.network)
        self.counts["closed_segments"][self.task] = [closed.get(spec.name, 0) for spec in self.layers]
        mapped = {id(weight) for weight in self.freezer.weights.values()}
        digital = sum(p.numel() for p in self.freezer.trainable_parameters().values() if id(p) not in mapped)
        values = state_per_value * (sum(trainable) + digital)
        self._add_task(digital_parameters=digital, optimizer_state_values=values)
        self._merge(work)
        peak, now = self.counts["peak_active_weights"][self.task], self.counts["active_weights"][self.task]
        np.maximum(peak, now, out=peak)
        self._store_task(active)

    def skip_task(self, task: int) -> None:
        """Store an empty task: no work, no changes."""
        self.task = task
        for name in ("active_weights", "peak_active_weights"):
            self.counts[name][task] = self.counts["active_weights"][task - 1]
        if self.wear is not None:
            self.wear.skip_task(task)
        self.set_layers.append({})
        self._store_task({})

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
        self.begin_task(state["task"])
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
            self.task_counts[name][self.task] += amount

    def _raise_peak(self, name: str, value: int) -> None:
        self.task_counts[name][self.task] = max(self.task_counts[name][self.task], value)

    def _merge(self, work: WorkDone) -> None:
        for name, amount in work.task.items():
            self.task_counts[name][self.task] += amount
        for act, times in work.acts.items():
            self.acts.setdefault(act, [0] * len(self.task_counts["epochs"]))[self.task] += times
        index = {spec.name: number for number, spec in enumerate(self.layers)}
        for layer, table in work.layers.items():
            for name, amount in table.items():
                table_of = self.counts[name]
                known = int(table_of[self.task, index[layer]])
                table_of[self.task, index[layer]] = max(known, amount) if name.startswith("peak") else known + amount

    def _store_state(self) -> None:
        self._tables.add_codes(self.quantiser.codes())
        self._tables.add_digital(self.network.state_dict())

    def _store_task(self, active: Mapping[str, Tensor]) -> None:
        self._store_state()
        for policy, changes in self.changes.items():
            self._tables.add_changes(policy, changes)
        self._tables.add_activity("input", self.inputs)
        self._tables.add_activity("error", self.errors)
        self._tables.add_masks(self.task, self.freezer.written_pes(), active)
