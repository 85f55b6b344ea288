"""Units and the connections between them: the steps of NISPA on plain tensors.

A unit is an output of a layer: a channel, or a neuron. A connection joins a unit to one of the next layer: a k x k
kernel of a convolution; after flattening, all weights of the channel. Shape letters: N units, M units that they read.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from imcsim.core.errors import ConfigError
from imcsim.mapping.layer import LayerSpec


def stable_share(phase: int, phases: int) -> float:
    """Return tau after ``phase`` of ``phases`` phases: (1 + cos(pi phase / phases)) / 2; NISPA has phases = 30."""
    return 0.5 * (1 + math.cos(math.pi * min(phase, phases) / phases))


def stable_units(activation: Tensor, share: float, first_of_silent: bool = False) -> Tensor:
    """Return a bool (N,) of the fewest units whose activations sum to at least ``share`` of the layer's sum.

    Units are taken by falling activation, among equal ones the earlier first; ``activation`` (N,) is not negative. A
    share of 0, and a layer without activity, give no unit. ``first_of_silent``: they give the first in that order, as a
    loop does that takes a unit before it asks whether the share is reached (BurakGurbuz97/NISPA). Source: NISPA (Gurbuz
    and Dovrolis, ICML 2022).
    """
    chosen = torch.zeros(len(activation), dtype=torch.bool, device=activation.device)
    values, order = torch.sort(activation.double(), descending=True, stable=True)
    total = values.sum()
    if share <= 0 or total <= 0:
        chosen[order[: int(first_of_silent)]] = True
        return chosen
    before = torch.cumsum(values, 0) - values  # what the units ahead of each one cover already
    chosen[order[(before < share * total) & (values > 0)]] = True
    return chosen


def drop(connections: Tensor, stable: Tensor, stable_inputs: Tensor) -> Tensor:
    """Return ``connections`` (N, M) without those from plastic inputs (not in (M,)) to ``stable`` (N,) units."""
    return connections & ~(stable[:, None] & ~stable_inputs[None, :])


def grow(connections: Tensor, plastic: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, int]:
    """Add ``count`` connections, drawn at random from those that are missing, to ``plastic`` (N,) units.

    Returns
    -------
    grown
        Bool (N, M).
    left
        How many found no place: more were wanted than are missing.
    """
    places = (~connections & plastic[:, None]).flatten().nonzero().squeeze(1)
    taken = torch.randperm(len(places), generator=generator)[:count].to(places.device)
    grown = connections.clone()
    grown.view(-1)[places[taken]] = True
    return grown, count - len(taken)


def draw_connections(shape: tuple[int, int], density: float, generator: torch.Generator) -> Tensor:
    """Return a bool (N, M) with max(1, round(density N M)) connections at random places."""
    empty = torch.zeros(shape, dtype=torch.bool)
    count = max(1, round(density * empty.numel()))
    return grow(empty, torch.ones(shape[0], dtype=torch.bool), count, generator)[0]


def connection_weights(connections: Tensor, shape: torch.Size) -> Tensor:
    """Return ``connections`` (N, M) in a weight's ``shape`` (N, m M, ...): all weights of a connection alike."""
    mask = connections.repeat_interleave(shape[1] // connections.shape[1], 1)
    return mask.view(*mask.shape, *[1] * (len(shape) - 2)).expand(shape).clone()


def input_units(layers: Sequence[LayerSpec], method: str) -> list[int]:
    """Return M of each layer, when each reads the units of the layer before.

    Raises
    ------
    ConfigError
        If a layer is grouped, or its inputs are no multiple of the units before.
    """
    counts = [layers[0].in_features]
    for spec, before in zip(layers[1:], layers[:-1], strict=True):
        if spec.in_features % before.out_features:
            raise ConfigError(
                f"{method} needs a chain of layers, but '{spec.name}' with {spec.in_features} inputs cannot read the "
                f"{before.out_features} units of '{before.name}'"
            )
        counts.append(before.out_features)
    for spec in layers:
        if spec.groups != 1:
            raise ConfigError(f"{method} needs layers without groups, but '{spec.name}' has {spec.groups}")
    return counts
