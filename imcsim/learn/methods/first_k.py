"""First-k split: the first k layers are frozen after the first task and stay in RRAM, the others train in SRAM."""

from pydantic import Field
from torch import Tensor

from imcsim.core.errors import ConfigError
from imcsim.learn.adapt.front import front, hold_norms, plan_without
from imcsim.learn.method import Context, TaskPlan, method
from imcsim.learn.over_base import BaseChoice, OverBase
from imcsim.learn.stream import Task


class FirstKConfig(BaseChoice):
    """Settings of the split.

    Parameters
    ----------
    frozen_layers
        k: mapped layers, in order of execution, that are frozen; fewer than all, for the classifier must train. 0
        freezes nothing.
    """

    frozen_layers: int = Field(1, ge=0)


@method("first-k")
class FirstK(OverBase[FirstKConfig]):
    """The first k mapped layers learn in the first task (unless the network is deployed trained) and never again.

    The other layers are shared by all tasks and trained on each with the base method's loss, so that Class-IL is served
    where the base replays. HyperX retrains the active layers for one task only; their training on a stream of tasks is
    our reading. Norm layers behind frozen layers hold their statistics: what the frozen layers give never moves.
    """

    source = "HyperX (hybrid RRAM-SRAM); adarshkosta/HyperX@00d38a59 README; continual use is our reading"

    def acts(self) -> tuple[str, ...]:
        """Return the base method's acts and the freezing."""
        return (*super().acts(), *["layer freeze"] * (self.config.frozen_layers > 0))

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        """Freeze the PEs of the first k layers, but in a task that trains the backbone.

        Raises
        ------
        ConfigError
            If no layer is left to train.
        """
        if self.config.frozen_layers >= len(context.layers):
            raise ConfigError(
                f"first-k: frozen_layers must leave the last of the network's {len(context.layers)} mapped layers to "
                f"train, so at most {len(context.layers) - 1} (given: {self.config.frozen_layers})"
            )
        super().before_task(context, task)
        frozen = front(context, self.config.frozen_layers)
        context.work.did("layer freeze", len(frozen))
        return plan_without(context, frozen)

    def before_epoch(self, context: Context, task: Task) -> Tensor | None:
        """Hold the statistics of the norm layers behind frozen layers."""
        hold_norms(context, front(context, self.config.frozen_layers))
        return super().before_epoch(context, task)
