"""Read noise: a Gaussian that is new at each read."""

import numpy as np

from imcsim.core.arrays import Floats
from imcsim.devices.checks import as_floats, require_at_least, standard_normals


def read(
    conductance_s: Floats,
    noise_fraction: float,
    conductance_max_s: float,
    generator: np.random.Generator,
) -> Floats:
    """Return what one read sees of the conductances (S); each call is another read.

    sigma = ``noise_fraction`` x ``conductance_max_s``, the same for every level. Not clipped: noise adds to the
    current, and cutting it at 0 would lift the mean of cells near 0.

    Parameters
    ----------
    conductance_s
        Conductances (S), any shape; float32 draws and gives float32.
    noise_fraction
        Standard deviation as a fraction of the maximum (``RramCell.read_noise_fraction``).
    conductance_max_s
        Top of the window (S).
    generator
        Source of the draws; one for each cell, whatever the fraction is.

    Raises
    ------
    ConfigError
        For a negative fraction or maximum.
    """
    require_at_least("noise_fraction", noise_fraction)
    require_at_least("conductance_max_s", conductance_max_s)
    conductance = as_floats(conductance_s)
    seen = standard_normals(conductance.shape, conductance.dtype, generator)
    seen *= float(noise_fraction * conductance_max_s)
    seen += conductance
    return seen
