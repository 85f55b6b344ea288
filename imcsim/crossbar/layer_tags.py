"""What a mapped layer may carry besides its parameters: the one contract between learning, networks and arrays.

A network goes from learning to arrays as a plain module. What arrays must know of it and no parameter tells, it carries
as a *tag* under a name of this file. Tags travel with ``copy.deepcopy``; which of them ``state_dict`` brings is said
beside each. Nothing else spells these names: networks that are stored hold them, so they stay.

======================  ================================  ==========================  ===========================
tag                     what it is                        written by                  read by
======================  ================================  ==========================  ===========================
``weight_code_step``    weight that one code stands for;  learning, a layer on PEs,   a layer on PEs
                        metadata of ``state_dict``        ``network_after``
``weight_code_range``   largest weight that codes span,   a method whose layer        learning, at deployment
                        where first weights do not tell   starts from zeros
``column_scale``        factor of each column segment,    learning, as it takes its   a layer on PEs; learning
                        (G, I, N); a buffer               adaptors off                refuses such a layer
``column_rows``         weight rows of a segment          with ``column_scale``       with ``column_scale``
``adaptor``             module that adapts frozen         a method over a backbone    learning; arrays refuse it
                        weights; a child module
======================  ================================  ==========================  ===========================

Two tags are on no layer: ``stands_in_for_a_layer`` on a forward function that computes the same layer, and
``imcsim_network`` on a network, the name and parameters that it was built with.

Shape letters: G groups, I row tiles, N outputs per group.
"""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor, nn

_CODE_STEP = "weight_code_step"
_CODE_RANGE = "weight_code_range"
_COLUMN_SCALE = "column_scale"
_COLUMN_ROWS = "column_rows"
_ADAPTOR = "adaptor"
_STANDS_IN = "stands_in_for_a_layer"
_BUILT_AS = "imcsim_network"

Forward = TypeVar("Forward", bound=Callable[..., Tensor])


@dataclass(frozen=True)
class ColumnScales:
    """What a task multiplies the converted sums of column segments by.

    Parameters
    ----------
    scales
        (G, I, N), one factor for each segment: the rows of one PE of one output.
    rows
        Weight rows of a segment.
    """

    scales: Tensor
    rows: int


def keep_step(layer: nn.Module, step: float | None) -> None:
    """Let ``layer`` know its code step, None for no own one, and its ``state_dict`` tell it as metadata of the layer.

    So weights that are loaded into a network on PEs bring the step that they were learned with. A plain network takes
    no notice, and the tensors are the same.
    """
    if _tell_step not in layer._state_dict_hooks.values():
        layer.register_state_dict_post_hook(_tell_step)  # type: ignore[no-untyped-call]
    setattr(layer, _CODE_STEP, step)


def step_of(layer: nn.Module) -> float | None:
    """Return the weight that one code of ``layer`` stands for, if it learned with codes."""
    step: float | None = getattr(layer, _CODE_STEP, None)
    return step


def step_in(metadata: Mapping[str, object]) -> float | None:
    """Return the code step that the metadata of a layer's ``state_dict`` brings."""
    step = metadata.get(_CODE_STEP)
    return float(step) if isinstance(step, int | float) else None


def _tell_step(layer: nn.Module, state: object, prefix: str, metadata: MutableMapping[str, object]) -> None:
    """Write the layer's code step, if it has one, into the metadata of its ``state_dict``: a hook of PyTorch's."""
    step = step_of(layer)
    if step is not None:
        metadata[_CODE_STEP] = step


def keep_code_range(layer: nn.Module, largest: float) -> None:
    """Let the codes of ``layer`` span -``largest`` .. ``largest``, whatever weights it starts with."""
    setattr(layer, _CODE_RANGE, largest)


def code_range_of(layer: nn.Module) -> float | None:
    """Return the largest weight that the codes of ``layer`` are to span, or None: its first weights tell."""
    largest = getattr(layer, _CODE_RANGE, None)
    return None if largest is None else float(largest)


def keep_column_scales(layer: nn.Module, scales: Tensor, rows: int) -> None:
    """Give ``layer`` the factors of its column segments, as a buffer: another task's come with a ``state_dict``."""
    layer.register_buffer(_COLUMN_SCALE, scales)
    setattr(layer, _COLUMN_ROWS, rows)


def column_scales_of(layer: nn.Module) -> ColumnScales | None:
    """Return the factors of the column segments of ``layer``, if it has any."""
    scales = layer._buffers.get(_COLUMN_SCALE)
    return None if scales is None else ColumnScales(scales, int(getattr(layer, _COLUMN_ROWS)))


def drop_column_scales(layer: nn.Module) -> None:
    """Take the factors of its column segments off ``layer``, if it has any."""
    layer._buffers.pop(_COLUMN_SCALE, None)


def column_scales_key(layer: str) -> str:
    """Return the key of a layer's column scales in its network's ``state_dict``; "" is the network itself."""
    return f"{layer}.{_COLUMN_SCALE}" if layer else _COLUMN_SCALE


def keep_adaptor(layer: nn.Module, adaptor: nn.Module) -> None:
    """Let ``adaptor`` adapt the frozen weights of ``layer``; its parameters are the network's."""
    layer.add_module(_ADAPTOR, adaptor)


def adaptor_on(layer: nn.Module) -> nn.Module | None:
    """Return the module that adapts the weights of ``layer``, if there is one."""
    return layer._modules.get(_ADAPTOR)


def drop_adaptor(layer: nn.Module) -> None:
    """Take its adaptor off ``layer``, which has one."""
    del layer._modules[_ADAPTOR]


def stands_in(forward: Forward) -> Forward:
    """Mark ``forward`` as this package's own, set on a layer in place of its class's: it computes the same layer."""
    setattr(forward, _STANDS_IN, True)
    return forward


def is_stand_in(forward: object) -> bool:
    """Tell whether ``forward`` computes the layer that it is set on, as :func:`stands_in` tags it."""
    return bool(getattr(forward, _STANDS_IN, False))


def remember_name(network: nn.Module, name: str, params: Mapping[str, object]) -> None:
    """Note under which name and with which parameters ``network`` was built, for the trace's configuration."""
    object.__setattr__(network, _BUILT_AS, (name, params))  # past Module: parameters of a network are not its weights


def built_as(network: nn.Module) -> tuple[str, Mapping[str, object]]:
    """Return the name and the parameters that ``network`` was built with; of a user's own, its class without any."""
    known: tuple[str, Mapping[str, object]] = getattr(network, _BUILT_AS, (type(network).__name__, {}))
    return known
