"""Whether a method leaves alone what the user froze: weights, biases, norm parameters, and what cells hold."""

import torch
from torch import Tensor, nn

from imcsim.core.errors import ConfigError, ConservationError
from imcsim.learn.api import learn_on
from imcsim.learn.config import LearnConfig
from imcsim.learn.freeze import digital_parameters
from imcsim.learn.shapes import trace_layers
from imcsim.learn.start import make_network, make_stream
from imcsim.testing.method_watch import MethodCheckError
from imcsim.trace.trace import Trace

_FRONT = 2  # layers: the second is one that masks, owners and adaptors would take


def check_user_frozen(config: LearnConfig) -> None:
    """Raise MethodCheckError if the method of ``config`` changes a front of two layers that the user froze.

    Of the first layer the weight is frozen alone, of the second everything, with the norm layer behind it. A method may
    refuse such a network with a ConfigError.
    """
    stream = make_stream(config)
    network = make_network(config, stream)
    names = [spec.name for spec in trace_layers(network, stream.image_shape)]
    frozen = freeze_front(network, names[: min(_FRONT, len(names) - 1)], names)
    before = [parameter.detach().clone() for parameter in frozen.values()]
    try:
        trace = learn_on(config, network, stream)
    except ConservationError as error:
        raise MethodCheckError(str(error)) from error
    except ConfigError:
        return
    for (name, parameter), old in zip(frozen.items(), before, strict=True):
        if parameter.requires_grad or not torch.equal(parameter.detach(), old):
            raise MethodCheckError(f"{config.method}: '{name}' changed, or trains again, though the user froze it")
    check_cells(trace, network, list(frozen.values()))


def freeze_front(network: nn.Module, front: list[str], mapped: list[str]) -> dict[str, nn.Parameter]:
    """Freeze the weights of the layers ``front``, and behind all but the first of them what digital logic holds."""
    digital = digital_parameters(network, mapped)
    chosen = [network.get_parameter(f"{name}.weight") for name in front]
    chosen += [parameter for name in front[1:] for parameter in digital[name]]
    for parameter in chosen:
        parameter.requires_grad_(False)
    known = {id(parameter) for parameter in chosen}
    return {name: parameter for name, parameter in network.named_parameters() if id(parameter) in known}


def check_cells(trace: Trace, network: nn.Module, frozen: list[Tensor]) -> None:
    """Raise MethodCheckError if ``trace`` says that cells of a frozen weight of ``network`` were written."""
    known = {id(parameter) for parameter in frozen}
    for spec in trace.meta.layers:
        if id(network.get_parameter(f"{spec.name}.weight")) not in known:
            continue
        moved = (trace.codes[spec.name] != trace.codes[spec.name][:1]).any()
        written = any(changes.any() for key, changes in trace.changes.items() if key[-1] == spec.name)
        if moved or written:
            raise MethodCheckError(
                f"{trace.meta.method}: cells of '{spec.name}' were written, though the user froze its weight"
            )
