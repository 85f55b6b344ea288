"""A method under watch: passes every hook on, and looks at the weights before and after."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from imcsim.core.arrays import AnyArray
from imcsim.learn.config import LearnConfig
from imcsim.learn.loop import Learner
from imcsim.learn.method import Context, Method, TaskPlan
from imcsim.learn.placing.pe_blocks import expand
from imcsim.learn.quantize import mapped_module
from imcsim.learn.shapes import weight_from_matrix, weight_matrix
from imcsim.learn.stream import Task
from imcsim.trace.work_term import WorkTerm

Codes = dict[str, AnyArray]


class MethodCheckError(AssertionError):
    """A method breaks a law of :mod:`imcsim.learn.method`; the text says which and where."""


class Watch:
    """What was seen of a run.

    ``commits`` holds, by task, the codes (G, D, N) of each layer whenever they were written: at the task's start,
    before each later step's forward pass (so a mask change joins the step before it), and at the task's end.
    """

    def __init__(self, learner: Learner) -> None:
        self.learner = learner
        self.name = learner.config.method
        self.weights = {
            spec.name: mapped_module(learner.network, spec.name).weight for spec in learner.quantiser.layers
        }
        self.commits: list[list[Codes]] = []
        self.trainable: dict[str, Tensor] = {}
        self.task_start: dict[str, Tensor] = {}
        self.active: list[dict[str, int]] = []
        self.peak: list[dict[str, int]] = []

    def copy(self) -> dict[str, Tensor]:
        """Return copies of all mapped weights."""
        return {name: weight.detach().clone() for name, weight in self.weights.items()}

    def plan(self, plan: TaskPlan, start: dict[str, Tensor]) -> None:
        """Take note of the weights that the plan lets train; ``start``: weights before the method planned."""
        self.task_start, self.trainable = start, {}
        if plan.trainable_pes is None:
            return
        for spec in self.learner.quantiser.layers:
            pes = plan.trainable_pes[spec.name].cpu()
            if spec.name in plan.restored_pes:
                pes = pes | plan.restored_pes[spec.name].cpu()
            self.trainable[spec.name] = weight_from_matrix(expand(pes, spec, self.learner.config.pe_tile), spec).bool()

    def commit(self) -> None:
        """Keep the codes as they are now."""
        layers = self.learner.quantiser.layers
        flat = torch.split(self.learner.quantiser.codes().cpu(), [spec.weight_count for spec in layers])
        self.commits[-1].append(
            {
                spec.name: weight_matrix(part.view_as(self.weights[spec.name]), spec).numpy()
                for spec, part in zip(layers, flat, strict=True)
            }
        )

    def check_step(self, method: Method, before: dict[str, Tensor]) -> None:
        """Raise MethodCheckError if the step changed what it may not change."""
        self.check_shapes(method)
        update = method.update_masks() or {}
        for name, weight in self.weights.items():
            changed = (weight.detach() != before[name]).cpu()
            if name in update and bool((changed & ~update[name].cpu()).any()):
                raise MethodCheckError(f"{self.name}: a step changed weights of {name} outside the update mask")
        self.check_masks(method)
        peak = self.peak[-1]
        for name, count in self.count_active(method).items():
            peak[name] = max(peak.get(name, 0), count)

    def count_active(self, method: Method) -> dict[str, int]:
        """Return layer -> weights that exist: those inside its mask, all without one."""
        masks = method.active_masks() or {}
        return {n: int(masks[n].sum()) if n in masks else weight.numel() for n, weight in self.weights.items()}

    def check_shapes(self, method: Method) -> None:
        """Raise MethodCheckError unless every mask is bool, of a mapped layer, in its parameter's shape."""
        for kind, masks in (("active", method.active_masks() or {}), ("update", method.update_masks() or {})):
            for name, mask in masks.items():
                if name not in self.weights:
                    raise MethodCheckError(f"{self.name}: the {kind} mask '{name}' is of no mapped layer")
                shape = self.weights[name].shape
                if mask.dtype != torch.bool or mask.shape != shape:
                    found = f"{mask.dtype} {tuple(mask.shape)}"
                    raise MethodCheckError(
                        f"{self.name}: the {kind} mask of {name} must be bool {tuple(shape)}, it is {found}"
                    )

    def check_masks(self, method: Method) -> None:
        """Raise MethodCheckError if a frozen weight moved, or a weight outside the active mask is not 0."""
        self.check_shapes(method)
        for name, mask in (method.active_masks() or {}).items():
            if bool((self.weights[name].detach()[~mask] != 0).any()):
                raise MethodCheckError(f"{self.name}: weights of {name} outside the active mask are not 0")
        for name, trains in self.trainable.items():
            moved = (self.weights[name].detach() != self.task_start[name]).cpu()
            if bool((moved & ~trains).any()):
                raise MethodCheckError(f"{self.name}: frozen PEs of {name} changed in task {len(self.commits) - 1}")

    def end_epoch(self) -> None:
        """Look once more when the epoch is over: the method may have changed something."""
        self.check_masks(self.learner.method)


class WatchedMethod(Method):
    """Passes every hook on to ``inner`` and shows the weights to ``watch``."""

    def __init__(self, inner: Method, watch: Watch) -> None:
        super().__init__(inner.config)
        self.scenarios = inner.scenarios  # type: ignore[misc]  # as the inner class says
        self.inner, self.watch = inner, watch
        self._before: dict[str, Tensor] = {}

    def acts(self) -> tuple[str, ...]:
        """Return the inner method's acts."""
        return self.inner.acts()

    def work_terms(self) -> tuple[WorkTerm, ...]:
        """Return the inner method's."""
        return self.inner.work_terms()

    def tasks(self, tasks: tuple[Task, ...]) -> tuple[Task, ...]:
        """Return the inner method's tasks."""
        return self.inner.tasks(tasks)

    def optimizer(
        self, context: Context, parameters: Mapping[str, nn.Parameter], config: LearnConfig
    ) -> torch.optim.Optimizer:
        """Return the inner method's optimiser."""
        return self.inner.optimizer(context, parameters, config)

    @contextmanager
    def serving(self, context: Context, task: int) -> Iterator[None]:
        """Serve as the inner method does."""
        with self.inner.serving(context, task):
            yield

    def resident_layers(self, context: Context) -> tuple[str, ...]:
        """Return the inner method's."""
        return self.inner.resident_layers(context)

    def switched_layers(self, context: Context) -> tuple[str, ...]:
        """Return the inner method's."""
        return self.inner.switched_layers(context)

    def set_layers(self, context: Context) -> Mapping[str, str]:
        """Return the inner method's."""
        return self.inner.set_layers(context)

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        """Keep the weights as they are before the inner method plans."""
        start = self.watch.copy()
        plan = self.inner.before_task(context, task)
        self.watch.plan(plan, start)
        return plan

    def before_epoch(self, context: Context, task: Task) -> Tensor | None:
        """Keep the codes at deployment, and where a task starts."""
        commits = self.watch.commits
        if context.epoch == 0:
            self.watch.peak.append({})
            commits.append([commits[-1][-1]] if commits else [])
            if len(commits) == 1:
                self.watch.commit()
        return self.inner.before_epoch(context, task)

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        """Return the inner method's loss."""
        if context.step > 0:
            self.watch.commit()
        return self.inner.loss(context, task, x, y, index)

    def before_step(self, context: Context) -> None:
        """Keep the weights before the step."""
        self.inner.before_step(context)
        self._before = self.watch.copy()

    def after_step(self, context: Context, x: Tensor, y: Tensor) -> None:
        """Check what the step changed."""
        self.watch.check_step(self.inner, self._before)
        self.inner.after_step(context, x, y)
        self.watch.check_masks(self.inner)

    def after_epoch(self, context: Context, task: Task) -> None:
        """As the inner method."""
        self.inner.after_epoch(context, task)

    def after_task(self, context: Context, task: Task) -> None:
        """Keep the codes at the task's end."""
        self.inner.after_task(context, task)
        self.watch.check_masks(self.inner)
        self.watch.active.append(self.watch.count_active(self.inner))
        self.watch.commit()

    def active_masks(self) -> Mapping[str, Tensor] | None:
        """Return the inner method's masks."""
        return self.inner.active_masks()

    def update_masks(self) -> Mapping[str, Tensor] | None:
        """Return the inner method's masks."""
        return self.inner.update_masks()

    def state_dict(self) -> dict[str, object]:
        """Return the inner method's state."""
        return self.inner.state_dict()

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Give the inner method its state."""
        self.inner.load_state_dict(state)
