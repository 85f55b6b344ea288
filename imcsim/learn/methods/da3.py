"""DA3: an additive attention adaptor beside each layer, and its multiplicative twin."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from imcsim.learn.adapt.per_task import PerTaskConfig
from imcsim.learn.adapt.side import SidePath, code_ranges, draw_uniform, wrap
from imcsim.learn.adapt.side_method import SideMethod
from imcsim.learn.method import method
from imcsim.mapping.layer import LayerSpec


class Da3Config(PerTaskConfig):
    """DA3's settings; the paper's are not public, these are design choices.

    Parameters
    ----------
    form
        "additive": y = f(x) + a(x); the gradient of a needs nothing of f. "multiplicative": y = f(x) (1 + a(x)), whose
        gradient needs all of f(x): the twin that shows what adding saves.
    pool
        Side of the average pooling in front of a: the adaptor keeps 1 / pool^2 of the positions.
    squeeze
        The adaptor's hidden channels are the layer's outputs divided by this.
    """

    form: Literal["additive", "multiplicative"] = "additive"
    pool: int = Field(2, ge=1)
    squeeze: int = Field(4, ge=1)


class Multiply(nn.Module):
    """f * (1 + a): its gradient keeps f, and 1 + a where errors go on through f."""

    def forward(self, f: Tensor, a: Tensor) -> Tensor:
        """Return the product of f (B, C, H, W) and 1 + a."""
        return f * (1 + a)


class Attention(SidePath):
    """a(x) = up-sampled conv1x1(ReLU(conv1x1(pool(x)))); the last convolution starts at 0.

    Linear layers have no positions to pool: theirs is Linear, ReLU, Linear.
    """

    def __init__(self, spec: LayerSpec, base: nn.Module, config: Da3Config) -> None:
        super().__init__(base)
        self.form, hidden = config.form, max(1, spec.out_features // config.squeeze)
        self.pool: nn.Module = nn.Identity()
        if spec.kind == "linear":
            first, last = nn.Linear(spec.in_features, hidden), nn.Linear(hidden, spec.out_features)
        else:
            self.pool = nn.AvgPool2d(config.pool, ceil_mode=True)
            first, last = nn.Conv2d(spec.in_features, hidden, 1), nn.Conv2d(hidden, spec.out_features, 1)  # type: ignore[assignment]
        self.first, self.last = first, last
        with torch.no_grad():
            for parameter in (*first.parameters(), *last.parameters()):
                parameter.zero_()
        code_ranges((first, last))
        self.relu = nn.ReLU()
        self.multiply = Multiply()

    def joined(self, x: Tensor, output: Tensor) -> Tensor:
        """Return the layer's output with the attention added, or multiplied in."""
        a = self.last(self.relu(self.first(self.pool(x))))
        if output.dim() > a.dim() or a.shape[2:] != output.shape[2:]:
            a = nn.functional.interpolate(a, output.shape[2:], mode="nearest")
        joined: Tensor = output + a if self.form == "additive" else self.multiply(output, a)
        return joined

    def gate(self) -> Tensor:
        """Return the last layer's weights."""
        return self.last.weight

    def draw(self, generator: torch.Generator) -> None:
        """Draw the first convolution; the last is 0."""
        draw_uniform(self.first, generator)


@method("da3")
class Da3(SideMethod[Da3Config]):
    """Attention adaptors over a frozen backbone, of which nothing is kept for the backward pass but signs of ReLU."""

    source = "DA3, arXiv 2012.01362 v3; CVPRW 2022 (abstract; the adaptor's layers are our reading of it)"

    def prepare(self, network: nn.Module, image_shape: tuple[int, int, int], pe_tile: tuple[int, int]) -> nn.Module:
        """Put an adaptor that contributes 0 beside every layer."""
        return wrap(network, image_shape, lambda spec, layer: Attention(spec, layer, self.config))
