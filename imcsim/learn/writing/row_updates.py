"""Updates a share of each layer's rows at a step, those with the largest gradient; the rest waits or is dropped.

Shape letters: G groups, D fan-in, N outputs per group, J column tiles of PEs.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from imcsim.learn.freeze import Freezer
from imcsim.learn.shapes import weight_from_matrix, weight_matrix
from imcsim.learn.writing.config import WritingConfig
from imcsim.learn.writing.rows import expand_rows, largest_rows, row_norms
from imcsim.mapping.layer import LayerSpec


class RowUpdates:
    """Chooses the rows of every step, after masks and before the optimiser.

    Weights of the other rows keep every bit, whatever momentum and weight decay would do; their momentum decays, as
    that of a frozen weight does. The update of all rows is charged, for their gradients are computed and compared.

    Parameters
    ----------
    config
        ``row_share`` and ``keep_rest``.
    layers
        Mapped layers.
    width
        Outputs of a PE.
    """

    def __init__(self, config: WritingConfig, layers: Sequence[LayerSpec], width: int) -> None:
        self.config, self.layers, self.width = config, tuple(layers), width
        self.rest: dict[str, Tensor] = {}

    @property
    def kept_values(self) -> int:
        """Gradients that wait, a value of optimiser state each."""
        return sum(rest.numel() for rest in self.rest.values())

    def begin_task(self) -> None:
        """Forget the rest: a task starts with a new optimiser."""
        self.rest = {}

    @torch.no_grad()
    def choose(self, freezer: Freezer) -> None:
        """Zero the gradient of all other rows, and hold their weights in this step."""
        if self.config.row_share == 1:
            return
        for spec in self.layers:
            gradient = freezer.weights[spec.name].grad
            if gradient is None:
                continue
            if self.config.keep_rest:
                self._add_rest(spec.name, gradient, freezer.step_mask(spec.name))
            rows = largest_rows(row_norms(weight_matrix(gradient, spec), self.width), self.config.row_share)
            mask = weight_from_matrix(expand_rows(rows, self.width, spec.outputs), spec)
            if self.config.keep_rest:
                self.rest[spec.name] = gradient.masked_fill(mask, 0.0)
            gradient.mul_(mask)
            freezer.hold(spec.name, mask)

    def _add_rest(self, name: str, gradient: Tensor, allowed: Tensor | None) -> None:
        if name in self.rest:
            rest = self.rest[name].to(gradient.device)  # a checkpoint comes back on the CPU
            gradient.add_(rest if allowed is None else rest * allowed)

    def load_state_dict(self, rest: Mapping[str, Tensor]) -> None:
        """Take back ``rest``, the gradients that wait."""
        self.rest = dict(rest)
