"""Base of methods that train side paths over a frozen backbone."""

import torch
from torch import Tensor

from imcsim.learn.adapt.per_task import FLOAT_BITS, NormT, PerTaskMethod
from imcsim.learn.adapt.side import side_paths
from imcsim.learn.method import Context
from imcsim.learn.stream import Task


class SideMethod(PerTaskMethod[NormT]):
    """Each task trains side paths from a fresh start; the backbone's cells are never written.

    The paths' PEs hold the task that is served: a switch rewrites them, from the memory where all tasks' paths are
    stored.
    """

    act = "side path"

    def effect(self, context: Context) -> int:
        """Return how many side paths add something to their layer's output."""
        return sum(bool((path.gate().detach() != 0).any()) for path in side_paths(context.network).values())

    def own(self, context: Context) -> set[str]:
        """Return the state of all side paths."""
        paths = side_paths(context.network)
        return {f"{path}.{name}" for path, module in paths.items() for name in module.own()}

    def begin(self, context: Context, task: Task) -> None:
        """Draw the weights with which the task starts."""
        for path in side_paths(context.network).values():
            path.draw(context.generator)

    def before_epoch(self, context: Context, task: Task) -> Tensor | None:
        """Run the paths only where they train."""
        for path in side_paths(context.network).values():
            path.enabled = not self.trains_backbone(context)
        return super().before_epoch(context, task)

    def written_layers(self, context: Context) -> set[str]:
        """Return the mapped layers of the side paths that train."""
        own = self.own(context)
        return {spec.name for spec in context.layers if f"{spec.name}.weight" in own}

    def resident_layers(self, context: Context) -> tuple[str, ...]:
        """Return the mapped layers of the paths that train: SRAM is where they live."""
        return self.switched_layers(context)

    def stored_bits(self, context: Context) -> int:
        """Return codes of the paths' mapped weights, and floats for what digital logic holds."""
        mapped = {f"{spec.name}.weight" for spec in context.layers}
        state = context.network.state_dict()
        sizes = {name: state[name].numel() for name in self.own(context) if torch.is_floating_point(state[name])}
        return sum(size * (context.weight_bits if name in mapped else FLOAT_BITS) for name, size in sizes.items())
