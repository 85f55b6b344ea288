"""Weights as integer codes: float master copies, exact codes in the forward pass, straight-through gradients.

Each mapped layer keeps its float master weights in ``layer.weight``. Its forward pass uses ``code * scale`` with the
scale fixed at deployment, scale = weight_range * max|w| / code_max, so that a code always stands for the same
conductance. The master copy saturates at the ends of the range, as a register would.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_input

from imcsim.crossbar.layer_tags import code_range_of, keep_step, stands_in
from imcsim.crossbar.quantise import code_max, code_step, on_codes, weight_codes
from imcsim.crossbar.quantise import steps_per_unit as inverse_step
from imcsim.learn.adapt.adaptor import adaptor_of
from imcsim.learn.weight_error import WeightError
from imcsim.learn.writing.stored import StoredCodes
from imcsim.mapping.layer import LayerSpec

Stuck: TypeAlias = Callable[[Tensor], Tensor]
"""From intended codes to those that the cells give: floats with integer values, neither changed by the other."""

MakeCells: TypeAlias = Callable[[tuple[float, float], int], StoredCodes | None]
"""From (code step, its reciprocal) and the largest code to a layer's cells; None: they follow the master copy."""


@dataclass(frozen=True)
class _Grid:
    """Code grid of one layer; both numbers are exact in float32."""

    scale: float
    steps_per_unit: float
    limit: int


@dataclass
class _KnownCodes:
    """Codes of a layer's weight, rounded once for the forward pass, the record, and every pass of an evaluation.

    PyTorch counts a tensor's in-place changes (``_version``): codes stand while the same tensor has the same count.
    ``cells`` say what is stored where that is not simply the nearest code.
    """

    grid: _Grid
    cells: StoredCodes | None = None
    stuck: Stuck | None = None
    weight: Tensor | None = field(default=None, init=False)
    version: int = field(default=-1, init=False)
    codes: Tensor = field(init=False)

    def of(self, weight: Tensor) -> Tensor:
        """Return the codes of ``weight`` as floats with integer values, not to be changed."""
        if weight is not self.weight or weight._version != self.version:
            codes = weight_codes(weight.detach(), self.grid.steps_per_unit, self.grid.limit)
            if not isinstance(weight, nn.Parameter):  # made anew by an adaptor: it would keep its graph alive
                return codes
            if self.cells is not None:
                codes = self.cells.write(weight.detach(), codes)
            self.weight, self.version, self.codes = weight, weight._version, codes
        return self.codes

    def __deepcopy__(self, memo: dict[int, Any]) -> "_KnownCodes":
        return _KnownCodes(self.grid, copy.copy(self.cells), self.stuck)  # a copied tensor counts its changes from 0


class _FrozenConv(torch.autograd.Function):
    """Convolution with a frozen weight that keeps no input; PyTorch's own keeps it even where it needs no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, spec: LayerSpec) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.shape, ctx.dtype, ctx.spec = x.shape, x.dtype, spec
        return functional.conv2d(x, weight, bias, spec.stride, spec.padding, spec.dilation, spec.groups)

    @staticmethod
    def backward(ctx: Any, *grad: Tensor) -> tuple[Tensor | None, None, Tensor | None, None]:
        (weight,), spec, error = ctx.saved_tensors, ctx.spec, grad[0]
        bias = error.sum((0, 2, 3), dtype=torch.float32) if ctx.needs_input_grad[2] else None
        if not ctx.needs_input_grad[0]:
            return None, None, bias, None
        conv = (spec.stride, spec.padding, spec.dilation, spec.groups)
        into: Tensor = conv2d_input(ctx.shape, weight.to(error.dtype), error, *conv)  # type: ignore[no-untyped-call]
        return into.to(ctx.dtype), None, bias, None


@stands_in
def _forward(
    layer: nn.Linear | nn.Conv2d, spec: LayerSpec, known: _KnownCodes | None, error: WeightError | None, x: Tensor
) -> Tensor:
    adaptor = adaptor_of(layer)
    weight = held_weight(layer)
    if known is not None:
        grid = known.grid
        drawn = error.of_codes(grid.scale * grid.limit) if error is not None and layer.training else None
        codes = known.of(weight) if known.stuck is None else known.stuck(known.of(weight))
        weight = on_codes(weight, grid.scale, grid.steps_per_unit, grid.limit, drawn, codes)
    if adaptor is not None and adaptor.where == "columns":
        weight = adaptor(weight)
    if isinstance(layer, nn.Linear):
        return functional.linear(x, weight, layer.bias)
    if torch.is_grad_enabled() and not weight.requires_grad:
        frozen: Tensor = _FrozenConv.apply(x, weight, layer.bias, spec)  # type: ignore[no-untyped-call]
        return frozen
    return functional.conv2d(x, weight, layer.bias, spec.stride, spec.padding, spec.dilation, spec.groups)


class Quantiser:
    """Codes and scales of a network's mapped layers.

    Parameters
    ----------
    network
        Its mapped layers get a quantising forward pass; their parameters stay where they are.
    layers
        Mapped layers.
    weight_bits
        b; codes in -(2^(b-1) - 1) .. 2^(b-1) - 1.
    weight_range
        Range of the codes in units of the layer's largest absolute weight now.
    quantise
        False: the forward pass uses the float weights; codes are still given.
    error
        What is added to the weights in training forward passes; None for nothing.
    make_cells
        Makes what stores the codes of a layer; None: all cells follow the master copies at once.
    """

    def __init__(
        self,
        network: nn.Module,
        layers: Sequence[LayerSpec],
        weight_bits: int,
        weight_range: float = 3.0,
        quantise: bool = True,
        error: WeightError | None = None,
        make_cells: MakeCells | None = None,
    ) -> None:
        self.limit = code_max(weight_bits)
        self.quantise, self.error, self.make_cells = quantise, error, make_cells
        self._stuck: Sequence[Stuck | None] = [None] * len(layers)
        self.layers = tuple(layers)
        self.modules = [mapped_module(network, spec.name) for spec in layers]
        self._place([_code_step(module, weight_range, self.limit) for module in self.modules])

    @property
    def scales(self) -> list[float]:
        """Value of one code step, layer by layer."""
        return [known.grid.scale for known in self._known]

    def wear(self, stuck: Sequence["Stuck"]) -> None:
        """Let forward passes see codes as the cells of each layer give them; records keep the intended codes."""
        self._stuck = list(stuck)
        for known, layer in zip(self._known, stuck, strict=True):
            known.stuck = layer

    def restore_scales(self, scales: Sequence[float]) -> None:
        """Use the scales of an earlier deployment."""
        self._place(scales)

    def _place(self, scales: Sequence[float]) -> None:
        grids = [_Grid(scale, inverse_step(scale), self.limit) for scale in scales]
        self._known = [
            _KnownCodes(grid, self._cells(grid), stuck) for grid, stuck in zip(grids, self._stuck, strict=True)
        ]
        for module, spec, known in zip(self.modules, self.layers, self._known, strict=True):
            keep_step(module, known.grid.scale)
            module.forward = partial(_forward, module, spec, known if self.quantise else None, self.error)  # type: ignore[method-assign]

    def _cells(self, grid: _Grid) -> StoredCodes | None:
        return None if self.make_cells is None else self.make_cells((grid.scale, grid.steps_per_unit), grid.limit)

    @property
    def cells(self) -> list[StoredCodes]:
        """What is stored, layer by layer; empty where cells follow the master copies at once."""
        return [known.cells for known in self._known if known.cells is not None]

    @torch.no_grad()
    def program(self) -> None:
        """Program every cell with the nearest code: deployment."""
        for known in self._known:
            if known.cells is not None:
                known.cells.clear()
                known.version = -1

    def take_skipped(self) -> list[int]:
        """Return the writes skipped since the last call, layer by layer."""
        skipped = [known.cells.skipped if known.cells is not None else 0 for known in self._known]
        for cells in self.cells:
            cells.skipped = 0
        return skipped

    @torch.no_grad()
    def codes(self) -> Tensor:
        """Return int16 codes that the arrays hold, flat, layer after layer, in the parameters' own order.

        They are those of the master weights, or of what an adaptor of cells makes of them.
        """
        sizes = [spec.weight_count for spec in self.layers]
        flat = torch.empty(sum(sizes), dtype=torch.int16, device=self.modules[0].weight.device)
        for module, known, part in zip(self.modules, self._known, torch.split(flat, sizes), strict=True):
            part.copy_(known.of(held_weight(module)).reshape(-1))
        return flat

    @torch.no_grad()
    def clipped_share(self) -> float:
        """Return the share of mapped weights at or beyond the ends of the range."""
        beyond = [
            (module.weight * known.grid.steps_per_unit).abs() >= self.limit
            for module, known in zip(self.modules, self._known, strict=True)
        ]
        return float(torch.cat([part.reshape(-1) for part in beyond]).double().mean())

    @torch.no_grad()
    def saturate(self) -> None:
        """Hold the master copies inside the range (nothing, if the forward pass is not quantised)."""
        if not self.quantise:
            return
        for module, known in zip(self.modules, self._known, strict=True):
            if module.weight.requires_grad:
                largest = known.grid.scale * known.grid.limit
                module.weight.clamp_(-largest, largest)
                if known.cells is not None and known.cells.config.master == "codes":
                    module.weight.copy_(known.cells.settled(module.weight.detach()))


def held_weight(layer: nn.Linear | nn.Conv2d) -> Tensor:
    """Return the weight whose codes the arrays hold: the master weight, or what an adaptor of cells makes of it."""
    adaptor = adaptor_of(layer)
    held: Tensor = layer.weight if adaptor is None or adaptor.where != "cells" else adaptor(layer.weight)
    return held


def _code_step(layer: nn.Linear | nn.Conv2d, weight_range: float, limit: int) -> float:
    given = code_range_of(layer)
    if given is None:
        return code_step(layer.weight, weight_range, limit)
    return code_step(torch.tensor(given), 1.0, limit)


def mapped_module(network: nn.Module, name: str) -> nn.Linear | nn.Conv2d:
    """Return the mapped layer ``name``; TypeError if it is neither Linear nor Conv2d."""
    module = network.get_submodule(name)
    if not isinstance(module, nn.Linear | nn.Conv2d):
        raise TypeError(f"layer {name} is a {type(module).__name__}, not Linear or Conv2d")
    return module


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Switch to evaluation mode without gradients inside the block, then back."""
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(training)
