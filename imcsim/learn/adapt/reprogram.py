"""Methods over a backbone of which each task re-programs some PEs: their weights belong to the task.

A task starts from the backbone in every PE. PEs that the task before had re-programmed, and this one does not, are set
back: their cells are written, though they do not train. Serving another task rewrites the PEs of both.

Shape letters: G groups, I row tiles, J column tiles of PEs.
"""

from abc import abstractmethod
from collections.abc import Mapping

from torch import Tensor
from typing_extensions import TypeVar

from imcsim.learn.adapt.per_task import PerTaskConfig, PerTaskMethod
from imcsim.learn.method import Context, TaskPlan
from imcsim.learn.placing.pe_blocks import expand
from imcsim.learn.shapes import weight_from_matrix
from imcsim.learn.state import SavedState, State
from imcsim.learn.stream import Task

TaskT = TypeVar("TaskT", bound=PerTaskConfig, default=PerTaskConfig, covariant=True)


class ReprogrammingMethod(PerTaskMethod[TaskT]):
    """Base of such methods: a subclass says in :meth:`rewritable` where, and in :meth:`choose` which PEs."""

    def __init__(self, config: TaskT) -> None:
        super().__init__(config)
        self.chosen: dict[str, Tensor] = {}
        self._may_update: dict[str, Tensor] | None = None
        self._set_back: tuple[str, ...] = ()

    @abstractmethod
    def rewritable(self, context: Context) -> tuple[str, ...]:
        """Return the mapped layers of the backbone that have PEs which a task may re-program."""

    @abstractmethod
    def choose(self, context: Context, task: Task) -> dict[str, Tensor]:
        """Return rewritable layer -> bool (G, I, J), the PEs to re-program; all weights are now the backbone's."""

    def begin(self, context: Context, task: Task) -> None:
        """Choose the PEs."""
        self.chosen = self.choose(context, task)

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        """Add the chosen PEs to the plan, and those that are set back."""
        before, self._may_update = self.chosen, None
        plan, self._set_back = super().before_task(context, task), ()
        if self.trains_backbone(context) or plan.trains is None or plan.trainable_pes is None:
            return plan
        weights = {f"{name}.weight" for name, pes in self.chosen.items() if pes.any()}
        restored = {name: pes & ~self.chosen[name] for name, pes in before.items()}
        self._set_back = tuple(name for name, pes in restored.items() if pes.any())
        return TaskPlan(dict(plan.trainable_pes) | self.chosen, plan.trains | weights, restored)

    def set_layers(self, context: Context) -> Mapping[str, str]:
        """Return the layers with PEs that were set back."""
        return dict.fromkeys(self._set_back, "PEs of the task before are set back to the backbone")

    def before_step(self, context: Context) -> None:
        """Work out, once a task, which weights may change."""
        super().before_step(context)
        if self._may_update is None:
            self._may_update = {
                spec.name: weight_from_matrix(expand(self.chosen[spec.name], spec, context.pe_tile), spec).to(
                    context.device
                )
                for spec in context.layers
                if spec.name in self.chosen
            }

    def update_masks(self) -> Mapping[str, Tensor] | None:
        """Return the classifier's rows of the task's classes, and the weights of the chosen PEs."""
        return {**(super().update_masks() or {}), **(self._may_update or {})} or None

    def switched_layers(self, context: Context) -> tuple[str, ...]:
        """Return the layers with PEs that a task may re-program."""
        written = {*super().switched_layers(context), *self.rewritable(context)}
        return tuple(spec.name for spec in context.layers if spec.name in written)

    def state_dict(self) -> State:
        """Return the base's state and the PEs that do not hold the backbone."""
        return super().state_dict() | {"chosen": dict(self.chosen), "set_back": list(self._set_back)}

    def load_state_dict(self, state: SavedState) -> None:
        """Take back what :meth:`state_dict` gave."""
        super().load_state_dict(state)
        self.chosen, self._may_update = dict(state["chosen"]), None
        self._set_back = tuple(state.get("set_back", ()))

    def _state_names(self, context: Context) -> set[str]:
        return super()._state_names(context) | {f"{name}.weight" for name in self.rewritable(context)}
