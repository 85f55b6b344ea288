"""Adaptors: what a task makes of a mapped layer's frozen weights.

An adaptor is a child module ``adaptor`` of the layer; its parameters (latent mask values, scales) are held in digital
logic and trained in place of the weights. Where its result takes effect decides what the hardware does:

- ``cells``: the arrays hold the adapted weights, as codes. Whatever the adaptor changes is written into cells, and
  serving another task rewrites every cell whose level differs.
- ``columns``: one value for each column segment (the rows of one PE of one output). It scales the converted partial sum
  of that PE before partial sums are added, so no cell is ever written.

Shape letters: G groups, I row tiles, D fan-in, N outputs per group, R weight rows of a PE.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

from torch import Tensor, nn

from imcsim.crossbar.layer_tags import adaptor_on
from imcsim.learn.shapes import weight_from_matrix
from imcsim.mapping.layer import LayerSpec

Where = Literal["cells", "columns"]


class Adaptor(nn.Module, ABC):
    """Base of all adaptors of one layer; a new one starts as the identity.

    Parameters
    ----------
    spec
        The layer.
    """

    where: ClassVar[Where]

    def __init__(self, spec: LayerSpec) -> None:
        super().__init__()
        self.spec = spec

    @abstractmethod
    def forward(self, weight: Tensor) -> Tensor:
        """Return the adapted weight, in the shape of ``weight``; gradients reach both where they are wanted."""

    @abstractmethod
    def bits(self) -> int:
        """Return the bits that must be stored to serve this task again (a mask, scales)."""

    def effect(self, layer: nn.Module) -> int:
        """Return how many weights of ``layer`` the adaptor changes; of columns, how many segments it scales."""
        weight = layer.get_parameter("weight").detach()
        return int((self(weight).detach() != weight).sum())

    @property
    def trains(self) -> bool:
        """Whether any parameter of the adaptor is trained now."""
        return any(parameter.requires_grad for parameter in self.parameters())

    def gradient_macs(self, vectors: int) -> int:
        """Return the multiply-accumulates of the adaptor's gradient for ``vectors`` input vectors.

        ``cells``: that of the whole weight, which the latent values multiply. ``columns``: error times partial sum, one
        for each column segment.
        """
        per_vector = self.spec.weight_count if self.where == "cells" else self.segments
        return vectors * per_vector

    @property
    def segments(self) -> int:
        """Column segments (G x I x N) of the layer; 0 for adaptors of cells."""
        return 0

    def kept_elements(self, x: Tensor, vectors: int) -> int | None:
        """Return the elements kept for the adaptor's gradient; None: the layer's input ``x``.

        An adaptor of columns keeps the partial sum of every segment, for its gradient is error times partial sum.
        """
        return None if self.where == "cells" else vectors * self.segments


class ColumnAdaptor(Adaptor):
    """An adaptor with one value per column segment; subclasses give :meth:`scales` (G, I, N)."""

    where: ClassVar[Where] = "columns"

    def __init__(self, spec: LayerSpec, rows: int) -> None:
        super().__init__(spec)
        self.rows = rows
        self.shape = (spec.groups, -(-spec.fan_in // rows), spec.outputs)

    @abstractmethod
    def scales(self) -> Tensor:
        """Return what each segment's partial sum is multiplied by, (G, I, N)."""

    def effect(self, layer: nn.Module) -> int:
        """Return how many segments have another scale than 1."""
        return int((self.scales().detach() != 1).sum())

    @property
    def segments(self) -> int:
        """Column segments (G x I x N) of the layer."""
        groups, tiles, outputs = self.shape
        return groups * tiles * outputs

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weights that ideal conversion of scaled partial sums amounts to."""
        return weight * expand_segments(self.scales(), self.spec, self.rows)


def expand_segments(values: Tensor, spec: LayerSpec, rows: int) -> Tensor:
    """Return values of column segments (G, I, N) in the shape of the layer's weight: the same over ``rows`` rows."""
    matrix = values.repeat_interleave(min(rows, spec.fan_in), 1)[:, : spec.fan_in]  # (G, D, N)
    return weight_from_matrix(matrix, spec)


def adaptor_of(layer: nn.Module) -> Adaptor | None:
    """Return the adaptor of a mapped layer, or None."""
    found = adaptor_on(layer)
    return found if isinstance(found, Adaptor) else None


def adaptors(network: nn.Module) -> dict[str, Adaptor]:
    """Return layer name -> adaptor, of every layer that has one."""
    found = ((name, adaptor_of(module)) for name, module in network.named_modules())
    return {name: adaptor for name, adaptor in found if adaptor is not None}


def closed_segments(network: nn.Module) -> dict[str, int]:
    """Return layer name -> column segments whose scale is 0, of every layer with an adaptor of columns."""
    columns = {name: adaptor for name, adaptor in adaptors(network).items() if isinstance(adaptor, ColumnAdaptor)}
    return {name: int((adaptor.scales().detach() == 0).sum()) for name, adaptor in columns.items()}


def straight_through(hard: Tensor, soft: Tensor) -> Tensor:
    """Return ``hard``; its gradient is that of ``soft``."""
    return hard.detach() + (soft - soft.detach())  # the bracket is exactly 0, so that values are those of ``hard``
