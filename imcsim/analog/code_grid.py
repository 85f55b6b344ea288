"""The code step of a layer on PEs, and when it changes: weights that are replaced take a new one, training keeps it.

The rule: a layer's largest weight takes the largest code; a layer that :func:`imcsim.learn` trained keeps the step
that it learned with. A step is one for all weights of a layer, so a new one changes nearly every code.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from imcsim.core.errors import MappingError
from imcsim.crossbar.quantise import code_step, steps_per_unit

_LEAST_USED = 0.5  # design choice: in training, weights may shrink until they leave one bit of their codes unused


@dataclass(frozen=True)
class CodeGrid:
    """The weight that one code stands for, and what it was taken from.

    Parameters
    ----------
    limit
        Largest code.
    own_step
        Weight of one code; 0 where weights were all zero.
    taken
        Largest magnitude of the weights when the step was taken.
    seen
        Largest magnitude when they were last looked at.
    learned
        The step is that of :func:`imcsim.learn`, not that of the largest weight.
    """

    limit: int
    own_step: float
    taken: float
    seen: float
    learned: bool = False

    @property
    def step(self) -> float:
        """Weight of one code; 0 while all weights are zero, whose output is exactly zero."""
        return self.own_step if self.seen else 0.0

    @cached_property
    def steps_per_unit(self) -> float:
        """Codes of a weight of one, rounded to float32; 0 while all weights are zero."""
        return steps_per_unit(self.step) if self.step else 0.0

    @property
    def range(self) -> float:
        """Largest weight that has a code; 0 where nothing says yet how large weights will be."""
        return self.own_step * self.limit

    def fits(self, largest: float) -> bool:
        """Tell whether no weight up to ``largest`` is cut, and most codes are of use."""
        return _LEAST_USED * self.taken <= largest <= self.own_step * (self.limit + 0.5)


def grid_of(weight: Tensor, limit: int, layer: str, learned_step: float | None = None) -> CodeGrid:
    """Return the grid of ``weight`` (any shape), codes -limit .. limit.

    Raises
    ------
    MappingError
        If a weight is not finite; names ``layer`` and the weight.
    """
    largest = largest_weight(weight, layer)
    step = learned_step or _largest_on_the_last_code(largest, limit)
    return CodeGrid(limit, step, largest, largest, bool(learned_step))


def followed(grid: CodeGrid, weight: Tensor, layer: str, in_training: bool) -> CodeGrid:
    """Return the grid of a weight that may have changed since ``grid`` was taken.

    Weights of another size are other weights and take a new step. A step that was learned, and any step while the
    layer trains, stays as long as it fits: cells then change where weights do, and not all of them at once.

    Parameters
    ----------
    in_training
        The change came after a forward pass of ``train()``, so from an optimiser.

    Raises
    ------
    MappingError
        As :func:`grid_of`.
    """
    largest = largest_weight(weight, layer)
    if largest == grid.seen:
        return grid
    if (in_training or grid.learned) and grid.fits(largest):
        return replace(grid, seen=largest)
    return grid_of(weight, grid.limit, layer, grid.own_step if grid.learned and largest == 0 else None)


def largest_weight(weight: Tensor, layer: str) -> float:
    """Return the largest magnitude of ``weight``; 0 for one without entries.

    Raises
    ------
    MappingError
        If a weight is nan, infinite or too large for float32, in which codes are made.
    """
    if not weight.numel():
        return 0.0
    low, high = (float(end) for end in weight.detach().aminmax())
    largest = max(-low, high)
    if not math.isfinite(largest) or largest > torch.finfo(torch.float32).max:
        wrong = ~(weight.detach().abs() <= torch.finfo(torch.float32).max)
        where = tuple(wrong.nonzero()[0].tolist())
        count = f", and {int(wrong.sum()) - 1} more" if int(wrong.sum()) > 1 else ""
        raise MappingError(
            f"layer '{layer}' holds a weight of {float(weight.detach()[where]):g} at {where}{count}: only finite "
            f"numbers of float32 have codes"
        )
    return largest


def _largest_on_the_last_code(largest: float, limit: int) -> float:
    """Return the step, 0 for weights so small that float32 cannot count steps in them."""
    if not largest:
        return 0.0
    step = code_step(torch.tensor(largest, dtype=torch.float64), 1.0, limit)
    return step if step and math.isfinite(1 / step) and math.isfinite(steps_per_unit(step)) else 0.0
