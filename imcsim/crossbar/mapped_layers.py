"""The one list of a network's layers that lie on arrays: ``learn``, ``convert`` and ``map`` all ask it.

A mapped layer is what PyTorch's Linear or Conv2d computes of a weight of its own, no more: a weight that is computed,
a forward of its own, or a weight in two places would be priced and put on arrays as something that it is not. Hooks
are no part of a layer: what they do to its input or output is digital, stays where it is and is not charged.
"""

from collections.abc import Callable, Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from imcsim.core.errors import MappingError
from imcsim.crossbar.baked_in import bake_in_call, is_plain
from imcsim.crossbar.layer_tags import is_stand_in

MappedLayer = nn.Linear | nn.Conv2d
StaysDigital = Callable[[str, nn.Module], bool]

NOT_MAPPED = (
    nn.modules.conv._ConvNd,
    nn.Bilinear,
    nn.RNNBase,
    nn.RNNCellBase,
    nn.MultiheadAttention,
)
"""Layers with weights that would belong on arrays, but have no mapping. Conv2d is a _ConvNd, too."""

_TABLES = (nn.Embedding, nn.EmbeddingBag)
_CALLS = ("forward", "_conv_forward", "__call__", "_call_impl", "_wrapped_call_impl")
_PARAMETERS = ("weight", "bias")
_PADS = {"reflect": "ReflectionPad2d", "replicate": "ReplicationPad2d", "circular": "CircularPad2d"}


def mapped_layers(network: nn.Module, stays_digital: StaysDigital | None = None) -> dict[str, MappedLayer]:
    """Return the Linear and Conv2d layers of ``network`` by name, in the order of its modules.

    Parameters
    ----------
    network
        Any module; it is not touched.
    stays_digital
        Says of (name, module) whether it is left out, unseen. None: everything is mapped, look-up tables are refused.

    Raises
    ------
    MappingError
        For a layer type that cannot be mapped; a weight or bias that is computed, or has no values or other than real
        ones; a forward of the layer's own; padding other than symmetric zeros; a weight in two places; or a network
        without any such layer.
    """
    refused = NOT_MAPPED if stays_digital is not None else (*NOT_MAPPED, *_TABLES)
    way_out = "" if stays_digital is None else "; exclude it to keep it digital"
    mapped: dict[str, MappedLayer] = {}
    for name, module in network.named_modules():
        if stays_digital is not None and stays_digital(name, module):
            continue
        if isinstance(module, MappedLayer):
            _check(module, name)
            mapped[name] = module
        elif isinstance(module, refused):
            kind = type(module).__name__
            raise MappingError(f"layer '{name}' is a {kind}: only Linear and Conv2d can be mapped{way_out}")
    if not mapped:
        raise MappingError("the network has no Linear or Conv2d layer to map")
    _refuse_shared_weights(mapped, "" if stays_digital is None else "; exclude one of them")
    return mapped


def zero_padding(layer: nn.Conv2d, name: str) -> tuple[int, int]:
    """Return the rows and columns of zeros that ``layer`` puts on each side of its input.

    Raises
    ------
    MappingError
        For padding with something else, or with more on one side.
    """
    if layer.padding_mode != "zeros":
        raise MappingError(
            f"layer '{name}' has padding_mode '{layer.padding_mode}': only 'zeros' can be mapped; pad ahead of it with "
            f"nn.{_PADS[layer.padding_mode]}"
        )
    if not isinstance(layer.padding, str):
        return layer.padding[0], layer.padding[1]
    if layer.padding == "valid":
        return 0, 0
    total = [d * (k - 1) for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
    if any(amount % 2 for amount in total):
        raise MappingError(
            f"layer '{name}' has padding 'same' with a kernel of {tuple(layer.kernel_size)} and so pads more on one "
            f"side: only symmetric padding can be mapped; pad ahead of it with nn.ZeroPad2d"
        )
    return total[0] // 2, total[1] // 2


def _check(layer: MappedLayer, name: str) -> None:
    if isinstance(layer._parameters.get("weight"), nn.UninitializedParameter):
        raise MappingError(f"layer '{name}' has no weights yet: run the network once before it is mapped")
    _check_class(layer, name)
    for key in _PARAMETERS:
        if not is_plain(layer, key):
            raise MappingError(
                f"layer '{name}' computes its {key} instead of holding it: bake it in first with "
                f"{bake_in_call(layer, name, key)}"
            )
    _check_own_forward(layer, name)
    _check_values(layer.weight, name)
    if isinstance(layer, nn.Conv2d):
        zero_padding(layer, name)


def _check_class(layer: MappedLayer, name: str) -> None:
    """Refuse a subclass that computes something else; that of a parametrized layer changes no call."""
    plain = nn.Linear if isinstance(layer, nn.Linear) else nn.Conv2d
    own = [call for call in _CALLS if getattr(type(layer), call, None) is not getattr(plain, call, None)]
    own += [k for k in _PARAMETERS if hasattr(type(layer), k) and not parametrize.is_parametrized(layer, k)]
    if own:
        raise MappingError(
            f"layer '{name}' is of class {type(layer).__name__} with its own {own[0]}: only what PyTorch's "
            f"{plain.__name__} computes can be mapped; take a plain {plain.__name__}, and do the rest in a module "
            f"around it"
        )


def _check_own_forward(layer: MappedLayer, name: str) -> None:
    for call in _CALLS:
        given = vars(layer).get(call)
        function = given.func if isinstance(given, partial) else given
        if given is not None and not is_stand_in(function):
            raise MappingError(
                f"layer '{name}' has a {call} that was set on it, which mapping would drop: delete it, and do the rest "
                f"in a hook or in a module around the layer"
            )


def _check_values(weight: Tensor | None, name: str) -> None:
    if weight is None:
        raise MappingError(f"layer '{name}' has no weight")
    if weight.is_meta:
        raise MappingError(f"layer '{name}' lies on the meta device and has no values: build the network on the CPU")
    if not weight.is_floating_point():
        raise MappingError(
            f"layer '{name}' has a weight of {weight.dtype}: only real floating-point weights can be mapped"
        )
    if weight.layout != torch.strided or type(weight) is not nn.Parameter:
        kind = str(weight.layout) if type(weight) is nn.Parameter else type(weight).__name__
        raise MappingError(f"layer '{name}' has a weight of kind {kind}: only a plain dense nn.Parameter can be mapped")


def _refuse_shared_weights(mapped: Mapping[str, MappedLayer], way_out: str) -> None:
    """Refuse two layers of which some weight lies at the same place in memory."""
    by_storage: dict[tuple[torch.device, int], list[tuple[int, int, str]]] = {}
    for name, layer in mapped.items():
        weight = layer.weight
        if not weight.numel():
            continue
        first = int(weight.storage_offset())
        last = first + sum(stride * (size - 1) for size, stride in zip(weight.shape, weight.stride(), strict=True))
        neighbours = by_storage.setdefault((weight.device, weight.untyped_storage().data_ptr()), [])
        for other_first, other_last, other in neighbours:
            if first <= other_last and other_first <= last:
                raise MappingError(
                    f"layers '{other}' and '{name}' share one weight: a weight can lie in one place only{way_out}"
                )
        neighbours.append((first, last, name))
