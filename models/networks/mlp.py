"""Fully connected network of Mammoth's MNIST experiments (aimagelab/mammoth, backbone/MNISTMLP.py)."""

import math
from itertools import pairwise

from torch import Tensor, nn

from imcsim.learn.networks import Count, network


class Mlp(nn.Module):
    """Linear layers with ReLU between them: (B, C, H, W) -> (B, classes)."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        hidden = [part for fan_in, outputs in pairwise(sizes[:-1]) for part in (nn.Linear(fan_in, outputs), nn.ReLU())]
        self.features = nn.Sequential(*hidden)
        self.classifier = nn.Linear(sizes[-2], sizes[-1])

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) of images (B, C, H, W)."""
        logits: Tensor = self.classifier(self.features(x.flatten(1)))
        return logits


@network("mlp")
def mlp(class_count: int, image_shape: tuple[int, int, int], *, hidden: tuple[Count, ...] = (100, 100)) -> nn.Module:
    """Build the MLP; two hidden layers of 100 as in Mammoth.

    Initialisation: weights Xavier-uniform (Glorot & Bengio 2010, eq. 16), biases 0, as Mammoth's ``xavier``
    (aimagelab/mammoth, backbone/__init__.py).

    Parameters
    ----------
    hidden
        Outputs of each hidden layer; none gives a linear classifier.
    """
    built = Mlp((math.prod(image_shape), *hidden, class_count))
    for module in built.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    return built
