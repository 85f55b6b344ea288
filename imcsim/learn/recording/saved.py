"""What an operation of the autograd graph must keep for its backward pass, however it was written in Python.

Autograd saves what its formulas are written with, at times more than the arithmetic needs: a ReLU6 saves its input,
of which one bit an element is used; a pooling saves its input for its shape. What hardware must keep is said here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.autograd.function import BackwardCFunction


@dataclass
class Needs:
    """Saved tensors by what is needed of them; none of them is told apart from a weight yet.

    Parameters
    ----------
    values
        Whole tensors; of boolean and of two-valued ones one bit an element.
    masks
        (operation, tensors): one bit an element of the largest that depends on the batch; the operation's input tells
        it, and its output if ``by_output``.
    by_output
        Whether the output of the operation of ``masks`` tells the bit.
    outputs
        (operation, tensor): the whole output of an operation, whose derivative follows from it.
    indices
        Tensors with one index for each of their elements.
    """

    values: list[Tensor] = field(default_factory=list)
    masks: list[tuple[str, list[Tensor]]] = field(default_factory=list)
    by_output: bool = True
    outputs: list[tuple[str, Tensor]] = field(default_factory=list)
    indices: list[Tensor] = field(default_factory=list)


_MASKS = {
    "Relu": "relu",
    "Threshold": "threshold",
    "Hardtanh": "hardtanh",
    "LeakyRelu": "leaky_relu",
    "Hardsigmoid": "hardsigmoid",
    "Clamp": "clamp",
    "ClampMin": "clamp_min",
    "ClampMax": "clamp_max",
    "Hardshrink": "hardshrink",
    "Softshrink": "softshrink",
    "Abs": "abs",
    "Maximum": "maximum",
    "Minimum": "minimum",
}
"""Operation of the graph -> ATen: piecewise linear in one tensor, so that a bit says which piece (clips at both ends
are one bit, too)."""

_OUTPUTS = {"Elu": "elu", "Celu": "celu"}
_EXTREMES = {"Amax", "Amin", "Max", "Min"}
_NORMS = re.compile(r"BatchNorm|LayerNorm|GroupNorm")
_BATCH_NORMS = re.compile(r"BatchNorm")
_SHAPE_ONLY = re.compile(r"AvgPool|MaxPool|ReflectionPad|ReplicationPad|^Gather|^Cummax|^Cummin|^MaskedSelect")


def needs(node: Any) -> Needs:
    """Return what the backward pass of ``node`` needs of what autograd saved for it.

    Parameters
    ----------
    node
        A node of the autograd graph whose backward pass has not run.
    """
    if isinstance(node, BackwardCFunction):
        own = [value for value in vars(node).values() if isinstance(value, Tensor)]
        return Needs(values=[*(tensor for tensor in node.saved_tensors if tensor is not None), *own])
    name = re.sub(r"Backward\d*$", "", type(node).__name__)
    if _NORMS.search(name):
        return _of_norm(node, name)
    saved = dict(_saved(node))
    if name in _MASKS or (name == "RreluWithNoise" and not node._saved_training):
        by_output = name != "Abs" and getattr(node, "_saved_negative_slope", 0.0) >= 0
        return Needs(masks=[(_MASKS.get(name, "rrelu_with_noise"), [*saved.values()])], by_output=by_output)
    if name in _OUTPUTS:
        return Needs(outputs=[(_OUTPUTS[name], next(iter(saved.values())))])
    if name in _EXTREMES and "_saved_result" in saved:
        return Needs(indices=[saved["_saved_result"]])
    if _SHAPE_ONLY.search(name) or name == "RreluWithNoise":  # the noise holds every slope
        saved.pop("_saved_self", None)
    if name == "LogSigmoid":
        saved.pop("_saved_buffer", None)  # what the CPU's kernel has worked out from the input
    return Needs(values=list(saved.values()))


def _of_norm(node: Any, name: str) -> Needs:
    """Return the input of a norm layer, if its backward pass is more than a product with constants.

    Statistics of the batch depend on the input; so does the gradient of a gain. Means and deviations follow from it.
    """
    gradients = [edge is not None for edge, _ in node.next_functions]
    gain = gradients[1]
    constant = _BATCH_NORMS.search(name) and not getattr(node, "_saved_training", True)
    needed = gain or (gradients[0] and not constant)
    return Needs(values=[node._saved_input] if needed else [])


def _saved(node: Any) -> Iterator[tuple[str, Tensor]]:
    for name in (name for name in dir(node) if name.startswith("_saved_")):
        value = getattr(node, name)
        if isinstance(value, Tensor):
            yield name, value
        elif isinstance(value, tuple | list):
            yield from ((f"{name}[{number}]", part) for number, part in enumerate(value) if isinstance(part, Tensor))
