"""Watches a training run and writes its trace: hardware-neutral counts, masks, codes and level changes.

Shape letters: T tasks, L mapped layers, K cells per weight, G groups, D fan-in, N outputs per group.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
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
from imcsim.learn.shapes import weight_matrix
from imcsim.learn.wear.cells import WornCells
from imcsim.mapping.layer import LayerSpec
from imcsim.trace.schema import COUNTS, RECORDED_POLICIES, TASK_COUNTS

Table = dict[str, NDArray[Any]]

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

    ``tables`` holds one list per name, grown by one entry a task: ``codes/<layer>``, ``digital/<name in the network>``,
    ``changes/<policy>/<encoding>/<layer>``, ``transitions/...``, ``placement/<layer>``, ``active/<layer>``,
    ``input_density`` and so on; the names contain no other slash, for layer names have none.

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
        self.encodings, self.wear = tuple(encodings), wear
        self.counts = {name: np.zeros((tasks, len(self.layers)), np.int64) for name in COUNTS}
        self.task_counts = {name: np.zeros(tasks, np.int64) for name in TASK_COUNTS}
        self.tables: dict[str, list[NDArray[Any]]] = {}
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
        self.due: list[str] = []
        self._steps: dict[tuple[Any, ...], int] = {}  # a step's counts -> steps that had them, not added yet

    def deploy(self) -> None:
        """Record the codes, and what digital logic holds, at deployment."""
        self._commit(*RECORDED_POLICIES)
        self._store_codes()
        self._store_digital()

    def begin_task(self, task: int) -> None:
        """Take note of what the plan lets train."""
        self.task = task
        self.passes.kept_share = [self.freezer.kept_share(spec) for spec in self.layers]
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
        counts = (step.samples, step.relu, step.other, *map(tuple, by_layer))
        self._steps[counts] = self._steps.get(counts, 0) + 1
        self.due = ["step"]

    def _add_steps(self) -> None:
        """Add the counts of the steps noted."""
        for (samples, relu, other, *by_layer), times in self._steps.items():
            forward, into, gradient, adaptors, kept, allowed = np.array(by_layer, np.int64)
            amounts = (forward, into, gradient, gradient * allowed + adaptors, kept, allowed)
            for name, values in zip(_OF_A_STEP, amounts, strict=True):
                self.counts[name][self.task] += times * values
            work = {"optimizer_steps": 1, "samples": samples, "relu_elements": relu, "other_kept_elements": other}
            self._add_task(**{name: times * amount for name, amount in work.items()})
            self._raise_peak("peak_kept_elements", int(kept.sum()) + other)
            self._raise_peak("peak_kept_bits", relu)
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
            "due": self.due,
            **({} if self.wear is None else {"wear": self.wear.state_dict()}),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        self.counts = {name: values.numpy() for name, values in state["counts"].items()}
        self.task_counts = {name: values.numpy() for name, values in state["task_counts"].items()}
        self.tables = {name: [entry.numpy() for entry in entries] for name, entries in state["tables"].items()}
        self.inputs.load_state_dict(state["inputs"])
        self.errors.load_state_dict(state["errors"])
        for policy, changes in self.changes.items():
            changes.load_state_dict(state["changes"][policy])
        if self.wear is not None:
            self.wear.load_state_dict(state["wear"])
        self.begin_task(state["task"])
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
        index = {spec.name: number for number, spec in enumerate(self.layers)}
        for layer, table in work.layers.items():
            for name, amount in table.items():
                table_of = self.counts[name]
                known = int(table_of[self.task, index[layer]])
                table_of[self.task, index[layer]] = max(known, amount) if name.startswith("peak") else known + amount

    def _store(self, name: str, values: NDArray[Any]) -> None:
        self.tables.setdefault(name, []).append(values)

    def _store_codes(self) -> None:
        dtype = np.int8 if self.quantiser.limit <= np.iinfo(np.int8).max else np.int16
        parts = torch.split(self.quantiser.codes().cpu(), [spec.weight_count for spec in self.layers])
        for spec, part in zip(self.layers, parts, strict=True):
            self._store(f"codes/{spec.name}", _as_matrix(part, spec).astype(dtype))

    def _store_digital(self) -> None:
        mapped = {f"{spec.name}.weight" for spec in self.layers}
        for name, values in self.network.state_dict().items():
            if name not in mapped and values.is_floating_point():
                self._store(f"digital/{name}", values.detach().float().cpu().numpy().copy())

    def _store_task(self, active: Mapping[str, Tensor]) -> None:
        self._store_codes()
        self._store_digital()
        for policy, changes in self.changes.items():
            per_cell, transitions = changes.take()
            for encoding, cells, squares in zip(self.encodings, per_cell, transitions, strict=True):
                for number, spec in enumerate(self.layers):
                    key = f"{policy}/{encoding.name}/{spec.name}"
                    matrices = [_as_matrix(torch.from_numpy(cell), spec) for cell in cells[number]]
                    self._store(f"changes/{key}", np.stack(matrices))
                    self._store(f"transitions/{key}", squares[number])
        for name, activity in (("input", self.inputs), ("error", self.errors)):
            density, zero_share = activity.take()
            self._store(f"{name}_density", density)
            self._store(f"{name}_zero_share", zero_share)
        self._store_masks(active)

    def _store_masks(self, active: Mapping[str, Tensor]) -> None:
        pes = self.freezer.written_pes()
        for spec in self.layers:
            trains = pes[spec.name].numpy().copy() if spec.name in pes else None
            self._store_mask(f"placement/{spec.name}", trains)
            mask = _as_matrix(active[spec.name].cpu().reshape(-1), spec) if spec.name in active else None
            self._store_mask(f"active/{spec.name}", mask)

    def _store_mask(self, name: str, mask: NDArray[np.bool_] | None) -> None:
        """Store a mask; tasks without one, before or after a task with one, get all True."""
        known = self.tables.get(name)
        if mask is not None:
            self.tables[name] = (known or [np.ones_like(mask)] * self.task) + [mask]
        elif known is not None:
            known.append(np.ones_like(known[0]))


def _as_matrix(flat: Tensor, spec: LayerSpec) -> NDArray[Any]:
    """Return a flat tensor in the parameter's order as (G, D, N)."""
    inner = (spec.in_features // spec.groups, *spec.kernel) if spec.kind == "conv2d" else (spec.in_features,)
    matrix: NDArray[Any] = weight_matrix(flat.reshape(spec.out_features, *inner), spec).contiguous().numpy()
    return matrix
