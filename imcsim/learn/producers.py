"""Which mapped layers feed which: the network between its layers, found by running it once.

Autograd knows what a tensor was made from. Each mapped layer's output is cut off and marked, so that the way back from
a layer's input ends at the marks of the layers that it was made from, through whatever lies between.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from imcsim.learn.shapes import blank_image, run_once
from imcsim.mapping.layer import LayerSpec

_IMAGE = ""


def layer_producers(
    network: nn.Module, layers: Sequence[LayerSpec], image_shape: tuple[int, int, int]
) -> tuple[tuple[str, ...], ...]:
    """Return for each layer the earlier ones whose outputs its input is made from, in order of execution.

    A sum or a concatenation has several; a layer on the image alone has none. Where the way back breaks off (an
    operation without gradient), the layer before is taken.

    Parameters
    ----------
    network
        Takes (B, C, H, W); runs once in eval mode on one zero image, and is left as it was.
    layers
        Its mapped layers, as :func:`imcsim.learn.shapes.trace_layers` has them.
    image_shape
        (C, H, W).

    Raises
    ------
    MappingError
        For an image that the network does not take.
    """
    marks = _Marks()
    with torch.enable_grad(), _hooks(network, {spec.name for spec in layers}, marks):
        run_once(network, marks.mark(_IMAGE, blank_image(network, image_shape)))
    order, found = [spec.name for spec in layers], []
    for index, name in enumerate(order):
        reached = marks.reached.get(name, set())
        lost = order[max(index - 1, 0) : index] if not reached else []
        found.append(tuple(lost or (other for other in order[:index] if other in reached)))
    return tuple(found)


@dataclass
class _Marks:
    leaves: dict[int, tuple[str, Tensor]] = field(default_factory=dict)  # held, so that no id is used twice
    reached: dict[str, set[str]] = field(default_factory=dict)

    def mark(self, name: str, values: Tensor) -> Tensor:
        """Return a copy of ``values`` whose history begins at the mark ``name``."""
        leaf = values.detach().requires_grad_()
        self.leaves[id(leaf)] = name, leaf
        return leaf.clone()  # a leaf itself must not be changed in place

    def behind(self, values: Tensor) -> set[str]:
        """Return the marks that ``values`` was made from."""
        seen: set[object] = set()
        found: set[str] = set()
        left = [values.grad_fn]
        while left:
            node = left.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            variable = getattr(node, "variable", None)
            if id(variable) in self.leaves:
                found.add(self.leaves[id(variable)][0])
            left.extend(before for before, _ in node.next_functions)
        return found


@contextmanager
def _hooks(network: nn.Module, names: set[str], marks: _Marks) -> Iterator[None]:
    def hook(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
        def cut(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            marks.reached[name] = marks.behind(inputs[0])
            return marks.mark(name, output)

        return cut

    handles = [
        m.register_forward_hook(hook(name), prepend=True) for name, m in network.named_modules() if name in names
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
