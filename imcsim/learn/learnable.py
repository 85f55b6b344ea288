"""What a network must be to be trained here, beyond what its mapped layers must be to lie on arrays."""

import torch
from torch import nn

from imcsim.core.errors import MappingError
from imcsim.crossbar.quantise import COLUMN_SCALE


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
        if COLUMN_SCALE in module._buffers:
            raise MappingError(
                f"layer '{name}' has the column scales of a task that was served, and training would drop them: train "
                f"the network that it was made from"
            )
