"""What a network must be to be trained here, beyond what its mapped layers must be to lie on arrays."""

import torch
from torch import Tensor, nn

from imcsim.core.errors import ConfigError, MappingError
from imcsim.crossbar.layer_tags import column_scales_of


def check_learnable(network: nn.Module) -> None:
    """Refuse what would train as something else, or not at all.

    Raises
    ------
    MappingError
        For parameters of another precision than images and master copies have, or column scales of an earlier run.
    """
    for name, parameter in network.named_parameters():
        if parameter.is_floating_point() and parameter.dtype != torch.float32:
            raise MappingError(
                f"parameter '{name}' of the network is {parameter.dtype}, but images and master copies are "
                f"torch.float32: call network.float() first"
            )
    for name, module in network.named_modules():
        if column_scales_of(module) is not None:
            raise MappingError(
                f"layer '{name}' has the column scales of a task that was served, and training would drop them: train "
                f"the network that it was made from"
            )


def check_logits(output: object, classes: int) -> None:
    """Refuse what a network gave for one image unless it is a row of at least ``classes`` logits.

    Raises
    ------
    ConfigError
        With what it gave.
    """
    wanted = f"one logit a class, a floating-point tensor (images, {classes})"
    if not isinstance(output, Tensor):
        raise ConfigError(f"the network gives a {type(output).__name__}, but learning needs {wanted}")
    if output.dim() != 2 or len(output) != 1 or not output.is_floating_point():
        kind, shape = str(output.dtype).removeprefix("torch."), tuple(output.shape)
        raise ConfigError(f"the network gives a {kind} tensor {shape} for one image, but learning needs {wanted}")
    if output.shape[1] < classes:
        raise ConfigError(f"the network gives {output.shape[1]} logits but the stream has {classes} classes")
