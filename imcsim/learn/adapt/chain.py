"""Looks at a network as a chain of layers: whether it is one, and what its units give."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from imcsim.core.errors import ConfigError
from imcsim.learn.method import Context
from imcsim.learn.placing.scoring import charge_scoring, scoring
from imcsim.learn.quantize import mapped_module


@torch.no_grad()
def require_chain(context: Context, images: Tensor, method: str) -> None:
    """Refuse a network in which a layer's input depends on more than the layer before.

    With a layer's output held at 0, the input of the next must be the same for all ``images`` (B, C, H, W).

    Raises
    ------
    ConfigError
        If it is not: the network has shortcuts.
    """
    for spec, following in zip(context.layers[:-1], context.layers[1:], strict=True):
        with scoring(context.network, context.layers, training=False), _inputs(context, following.name) as seen:
            handle = mapped_module(context.network, spec.name).register_forward_hook(lambda *args: args[2] * 0)
            try:
                context.network(images)
            finally:
                handle.remove()
        values = seen[following.name]
        if not torch.equal(values, values[:1].expand_as(values)):
            raise ConfigError(
                f"{method} needs a chain of layers, but '{following.name}' reads more than '{spec.name}': the network "
                f"has a shortcut"
            )


@torch.no_grad()
def mean_activation(context: Context, images: Tensor) -> dict[str, Tensor]:
    """Return layer -> (N,), the mean |value| of each unit as the next layer reads it, norm statistics held.

    All mapped layers but the last; their pass over ``images`` (B, C, H, W) is charged as scoring.
    """
    following = {a.name: b for a, b in zip(context.layers[:-1], context.layers[1:], strict=True)}
    names = [spec.name for spec in following.values()]
    with scoring(context.network, context.layers, training=False), _inputs(context, *names) as seen:
        context.network(images)
    charge_scoring(context.work, context.layers, len(images))
    means = {}
    for spec in context.layers[:-1]:
        values, units = seen[following[spec.name].name], spec.out_features
        by_unit = values.reshape(len(values), units, -1)
        means[spec.name] = by_unit.abs().mean((0, 2))
    return means


@contextmanager
def _inputs(context: Context, *names: str) -> Iterator[dict[str, Tensor]]:
    caught: dict[str, Tensor] = {}

    def catch(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _, args: caught.update({name: args[0]})

    handles = [mapped_module(context.network, name).register_forward_pre_hook(catch(name)) for name in names]
    try:
        yield caught
    finally:
        for handle in handles:
            handle.remove()
