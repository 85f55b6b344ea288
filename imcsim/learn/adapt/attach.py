"""Gives the mapped layers of a network their adaptors."""

from collections.abc import Callable

from torch import Tensor, nn

from imcsim.crossbar.layer_tags import keep_adaptor
from imcsim.learn.adapt.adaptor import Adaptor
from imcsim.learn.shapes import trace_layers
from imcsim.mapping.layer import LayerSpec


def attach(
    network: nn.Module, image_shape: tuple[int, int, int], make: Callable[[LayerSpec, Tensor], Adaptor | None]
) -> nn.Module:
    """Attach ``make(spec, weight)`` to every mapped layer but the last, the classifier; None leaves a layer as it is.

    The network is changed in place and returned. A layer whose weight the user froze gets no adaptor of cells: its
    cells would be written. The last layer's outputs are classes, of which each task has its own.
    """
    for spec in trace_layers(network, image_shape)[:-1]:
        layer = network.get_submodule(spec.name)
        weight = layer.weight
        if not isinstance(weight, Tensor):
            raise TypeError(f"layer {spec.name} has no weight")
        made = make(spec, weight.detach())
        if made is not None and (weight.requires_grad or made.where != "cells"):
            keep_adaptor(layer, made)
    return network
