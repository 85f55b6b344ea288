"""Lives of cells and the ends at which they get stuck, drawn layer by layer in the order of the weight matrices.

Whoever draws with the same seed gets the same chip: a run that learns on it, and a network that is only served.
Shape letters: K cells per weight, G groups, D fan-in, N outputs.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imcsim.core.seeds import numpy_generator
from imcsim.devices.worn_out import draw_lives
from imcsim.learn.shapes import weight_from_matrix
from imcsim.mapping.layer import LayerSpec


@dataclass(frozen=True)
class CellLaw:
    """Weibull scale (cycles) and shape of the cells' lives, and the share of dead cells stuck low."""

    scale: float
    shape: float
    stuck_low_share: float


def chip_generator(seed: int, chip_seed: int) -> np.random.Generator:
    """Return the generator that draws chip number ``chip_seed`` of a run's ``seed``."""
    return numpy_generator(seed, "worn-cells", chip_seed)


def draw_layer(
    spec: LayerSpec, cells: int, law: CellLaw, generator: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return, each (K, G, D, N), the cycles that cells of a layer live, and which get stuck high."""
    shape = (cells, *spec.matrix_shape)
    with np.errstate(over="ignore", under="ignore"):  # beyond all numbers: lives for ever
        lives = draw_lives(shape, law.scale, law.shape, generator)
    return lives, generator.random(shape) >= law.stuck_low_share


def flat_cells(cells: NDArray[np.generic], spec: LayerSpec) -> Tensor:
    """Return (K, G, D, N) as (weights, K), weights in the order of the layer's parameter."""
    each = [weight_from_matrix(torch.from_numpy(np.ascontiguousarray(part)), spec).reshape(-1) for part in cells]
    return torch.stack(each, dim=1)
