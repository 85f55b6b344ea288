"""Numbers that are none: weights with nan or infinity are refused before anything trains, as images are.

A loss that is not finite would otherwise be the first to tell, and the learning rate would be blamed for it.
"""

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from imcsim.core.errors import ConfigError


def check_finite_weights(network: nn.Module) -> None:
    """Refuse a network with a parameter or buffer that is not finite.

    Raises
    ------
    ConfigError
        With its name, the first such value and its place; or with the name of one that has no values yet.
    """
    for name, tensor in network.state_dict().items():
        if is_lazy(tensor):
            raise ConfigError(f"the network's '{name}' has no values yet: run the network once before it is trained")
        if isinstance(tensor, Tensor) and not all_finite(tensor):
            where, value = first_not_finite(tensor)
            raise ConfigError(f"the network's '{name}' holds {value:g} at {where}; only finite weights can be trained")


def all_finite(tensor: Tensor) -> bool:
    """Tell by the two ends, which are nan where anything is: a single pass without a copy."""
    if not tensor.is_floating_point() or not tensor.numel():
        return True
    return bool(torch.stack(tensor.detach().aminmax()).isfinite().all())


def first_not_finite(tensor: Tensor) -> tuple[tuple[int, ...], float]:
    """Return the place and value of the first entry that is nan or infinite."""
    where = tuple((~tensor.detach().isfinite()).nonzero()[0].tolist())
    return where, float(tensor.detach()[where])
