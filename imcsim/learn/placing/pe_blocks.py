"""PEs as blocks of a weight matrix (G, D, N): counting, expanding, reducing and choosing them.

Shape letters: G groups, D fan-in, N outputs per group, I row tiles, J column tiles of PEs.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from imcsim.core.errors import ConfigError
from imcsim.mapping.layer import LayerSpec

PeTile = tuple[int, int]


def pe_counts(spec: LayerSpec, tile: PeTile) -> tuple[int, int, int]:
    """Return (G, I, J): PEs of the layer for a PE of ``tile`` = (weight rows, weight columns)."""
    groups, fan_in, outputs = spec.matrix_shape
    return groups, -(-fan_in // tile[0]), -(-outputs // tile[1])


def expand(pes: Tensor, spec: LayerSpec, tile: PeTile) -> Tensor:
    """Return (G, D, N): each weight gets the value of its PE in ``pes`` (G, I, J)."""
    _, fan_in, outputs = spec.matrix_shape
    rows, cols = min(tile[0], fan_in), min(tile[1], outputs)  # of a PE larger than the layer nothing more is made
    # the value of a PE over its weight rows, then over its outputs; PEs at the edges are cut to the matrix
    return pes.repeat_interleave(rows, 1)[:, :fan_in].repeat_interleave(cols, 2)[:, :, :outputs]


def column_sums(values: Tensor, width: int) -> Tensor:
    """Sum the last axis in runs of ``width``: (..., N) -> (..., ceil(N / width))."""
    width = min(width, max(1, values.shape[-1]))
    padded = torch.nn.functional.pad(values, (0, -values.shape[-1] % width))
    return padded.reshape(*values.shape[:-1], -1, width).sum(-1)


def pe_norms(matrix: Tensor, tile: PeTile) -> Tensor:
    """Return (G, I, J): Frobenius norm of each PE's block of ``matrix`` (G, D, N)."""
    by_column = column_sums(matrix.square(), tile[1])
    return column_sums(by_column.transpose(1, 2), tile[0]).transpose(1, 2).sqrt()


def trainable_pes(
    scores: Mapping[str, Tensor], fraction: float, eligible: Mapping[str, bool], per_layer: bool = False
) -> dict[str, Tensor]:
    """Freeze the PEs with the highest scores; return layer -> bool (G, I, J), True where the PE trains.

    Parameters
    ----------
    scores
        Layer -> (G, I, J), in order of execution; among equal scores the earlier PE is frozen first.
    fraction
        Share of *all* PEs to freeze: round(fraction * PEs) of the network. If ``per_layer``: round(fraction * PEs) of
        each eligible layer, so the share of the whole network can differ.
    eligible
        Layer -> whether its PEs may be frozen.

    Raises
    ------
    ConfigError
        If the eligible PEs are too few to freeze that many.
    """
    if per_layer:
        masks: dict[str, Tensor] = {}
        for name, score in scores.items():
            masks |= _freeze({name: score}, fraction if eligible[name] else 0.0, eligible)
        return masks
    return _freeze(scores, fraction, eligible)


def _freeze(scores: Mapping[str, Tensor], fraction: float, eligible: Mapping[str, bool]) -> dict[str, Tensor]:
    total = sum(score.numel() for score in scores.values())
    allowed = sum(score.numel() for name, score in scores.items() if eligible[name])
    wanted = round(fraction * total)
    if wanted > allowed:
        raise ConfigError(
            f"frozen_fraction {fraction} asks to freeze {wanted} of {total} PEs, but only {allowed} may be frozen; "
            f"lower frozen_fraction to at most {allowed / total:.3f} or set freeze_classifier = true"
        )
    never = torch.tensor(-torch.inf, dtype=torch.float64)
    flat = [s.detach().cpu().double().flatten() if eligible[n] else never.expand(s.numel()) for n, s in scores.items()]
    # all layers compete: the highest scores freeze, of equal ones the earlier PE; a layer that may not comes last
    order = torch.argsort(torch.cat(flat), descending=True, stable=True)
    trains = torch.ones(total, dtype=torch.bool)
    trains[order[:wanted]] = False
    parts = torch.split(trains, [score.numel() for score in scores.values()])
    return {name: part.view(score.shape) for (name, score), part in zip(scores.items(), parts, strict=True)}
