"""Passes that score weights, PEs or samples: they leave no trace in the network and their work is charged apart."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from imcsim.learn.method import WorkDone
from imcsim.learn.quantize import mapped_module
from imcsim.mapping.layer import LayerSpec


@contextmanager
def scoring(network: nn.Module, layers: Sequence[LayerSpec], training: bool = True) -> Iterator[None]:
    """Put back batch-norm statistics, ``requires_grad`` and the mode; inside, all mapped weights need gradients."""
    weights = [mapped_module(network, spec.name).weight for spec in layers]
    flags, mode = [weight.requires_grad for weight in weights], network.training
    buffers = [buffer.clone() for buffer in network.buffers()]
    try:
        network.train(training)
        for weight in weights:
            weight.requires_grad_(True)
        yield
    finally:
        network.train(mode)
        for weight, flag in zip(weights, flags, strict=True):
            weight.requires_grad_(flag)
        with torch.no_grad():
            for buffer, kept in zip(network.buffers(), buffers, strict=True):
                buffer.copy_(kept)


def weight_gradients(network: nn.Module, names: Sequence[str], loss: Tensor, keep_graph: bool = False) -> list[Tensor]:
    """Return d loss / d weight of the named layers, in each parameter's shape, without touching ``.grad``."""
    weights = [mapped_module(network, name).weight for name in names]
    return list(torch.autograd.grad(loss, weights, retain_graph=keep_graph))


def charge_scoring(
    work: WorkDone, layers: Sequence[LayerSpec], samples: int, gradient_weights: Mapping[str, int] | None = None
) -> None:
    """Report a scoring pass of ``samples`` samples.

    Parameters
    ----------
    work
        Where it is reported.
    layers
        Mapped layers in order of execution.
    samples
        Samples passed.
    gradient_weights
        Layer -> weights whose gradient is computed; None: forward only. Errors reach back to the first such layer.
    """
    above = False
    for spec in layers:
        vectors = samples * spec.positions
        work.add("scoring_forward_vectors", vectors, spec.name)
        if gradient_weights is None:
            continue
        if above:
            work.add("scoring_input_gradient_vectors", vectors, spec.name)
        count = gradient_weights.get(spec.name, 0)
        work.add("scoring_weight_gradient_macs", vectors * count, spec.name)
        above = above or count > 0
