"""Parameters that a layer computes from others, and the call that makes plain ones of them.

Pruning, weight and spectral normalisation and registered parametrizations leave something under ``layer.weight`` that
is no parameter: it has no gradient, and each look at it may give another tensor.
"""

import copy
from typing import TypeVar

from torch import Tensor, nn
from torch.nn.utils import parametrize

from imcsim.core.errors import MappingError

Network = TypeVar("Network", bound=nn.Module)


def is_plain(layer: nn.Module, key: str) -> bool:
    """Whether parameter ``key`` of ``layer`` is a leaf that it holds itself, or is None as a left-out bias is."""
    if key not in layer._parameters or key in vars(layer) or hasattr(type(layer), key):
        return False
    held = layer._parameters[key]
    return held is None or held.is_leaf


def bake_in_call(layer: nn.Module, name: str, key: str) -> str:
    """Return the call that makes a plain parameter of ``key`` of the network's layer ``name`` ("": the network)."""
    where = f"network.get_submodule('{name}')" if name else "network"
    if parametrize.is_parametrized(layer, key):
        return f"torch.nn.utils.parametrize.remove_parametrizations({where}, '{key}')"
    held = {*layer._parameters, *layer._buffers}
    if {f"{key}_orig", f"{key}_mask"} <= held:
        return f"torch.nn.utils.prune.remove({where}, '{key}')"
    if {f"{key}_g", f"{key}_v"} <= held:
        return f"torch.nn.utils.remove_weight_norm({where}, '{key}')"
    if {f"{key}_orig", f"{key}_u"} <= held:
        return f"torch.nn.utils.remove_spectral_norm({where}, '{key}')"
    return f"{where}.{key} = torch.nn.Parameter({where}.{key}.detach().clone())"


def copied(network: Network) -> Network:
    """Return a deep copy of ``network``.

    Raises
    ------
    MappingError
        If PyTorch refuses to copy it, as it does where a layer holds a computed tensor; with the layer's name.
    """
    try:
        return copy.deepcopy(network)
    except RuntimeError as error:
        for name, layer in network.named_modules():
            for key, value in vars(layer).items():
                if isinstance(value, Tensor) and not value.is_leaf:
                    raise MappingError(
                        f"the network cannot be copied, for its layer '{name}' computes '{key}': bake it in first with "
                        f"{bake_in_call(layer, name, key)}"
                    ) from None
        raise MappingError(f"the network cannot be copied: {str(error).splitlines()[0]}") from error
