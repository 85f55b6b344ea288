"""Any network with dropout: what draws from the process's global generator, as most users' networks do."""

from torch import Tensor, nn
from torch.nn import functional

_SHARE = 0.2  # design choice: enough to change every gradient, little enough to learn


def with_dropout(network: nn.Module) -> nn.Module:
    """Give ``network``, in place, dropout on its images (a module) and on its logits (a function call); return it.

    Its layers keep their names, its state its keys; in eval mode it computes what it did.
    """
    plain = type(network)

    def forward(self: nn.Module, x: Tensor) -> Tensor:
        logits: Tensor = plain.forward(self, self.get_submodule("image_dropout")(x))
        return functional.dropout(logits, _SHARE, self.training)

    network.__class__ = type(plain.__name__, (plain,), {"forward": forward})
    network.add_module("image_dropout", nn.Dropout(_SHARE))
    return network
