"""Small vision transformer (Dosovitskiy et al., ICLR 2021, section 3.1) with the simplifications of Beyer et al. 2022.

Beyer, Zhai, Kolesnikov, "Better plain ViT baselines for ImageNet-1k" (arXiv 2205.01580): fixed 2-D sine-cosine position
embedding and the mean over patches in place of a class token, so that every trained matrix is a Conv2d or a Linear.
Queries, keys, values and the output projection are Linear layers of their own, each mapped; products between queries,
keys and values have no weights and are not mapped.
"""

import math

import torch
from torch import Tensor, nn

from imcsim.core.errors import ConfigError
from imcsim.learn.networks import Count, network


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al., NeurIPS 2017, section 3.2.2): (B, tokens, width) -> the same."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """Return softmax(q k^T / sqrt(width of a head)) v of each head, joined and projected."""
        q, k, v = (layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for layer in (self.q, self.k, self.v))
        shares = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), dim=-1)
        y: Tensor = self.out((shares @ v).transpose(1, 2).flatten(2))
        return y


class Block(nn.Module):
    """Layer norm before attention and before a two-layer MLP with GELU, a residual around each."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.fc1, self.gelu, self.fc2 = nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, tokens, width)."""
        x = x + self.attention(self.norm1(x))
        y: Tensor = x + self.fc2(self.gelu(self.fc1(self.norm2(x))))
        return y


class ViT(nn.Module):
    """Patches by a strided convolution, blocks, norm, mean over patches, one linear layer."""

    positions: Tensor

    def __init__(
        self, class_count: int, inputs: int, grid: tuple[int, int], patch: int, block: tuple[int, ...]
    ) -> None:
        super().__init__()
        depth, width, heads, ratio = block
        self.patches = nn.Conv2d(inputs, width, patch, patch)
        self.register_buffer("positions", sine_cosine(grid, width))
        self.blocks = nn.Sequential(*(Block(width, heads, width * ratio) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Linear(width, class_count)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) of images (B, C, H, W)."""
        tokens = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        logits: Tensor = self.classifier(self.norm(self.blocks(tokens)).mean(1))
        return logits


@network("vit")
def vit(
    class_count: int,
    image_shape: tuple[int, int, int],
    *,
    patch: Count = 4,
    width: Count = 64,
    depth: Count = 4,
    heads: Count = 4,
    mlp_ratio: Count = 4,
) -> nn.Module:
    """Build the transformer; patches of 4 x 4, width 64, 4 blocks and 4 heads are design choices for small images.

    Initialisation: a design choice: matrices Xavier-uniform (Glorot & Bengio 2010, eq. 16), biases 0; the patch
    convolution as torch has it.

    Parameters
    ----------
    patch
        Side of a patch in pixels; it must divide the image.
    width
        Channels of a token; a multiple of 4, for the position embedding, and of ``heads``.
    mlp_ratio
        Hidden outputs of the MLP over ``width``.
    """
    _, height, breadth = image_shape
    if height % patch or breadth % patch:
        raise ConfigError(f"network 'vit': patch = {patch} does not divide an image of {height} x {breadth} pixels")
    if width % 4 or width % heads:
        raise ConfigError(f"network 'vit': width = {width} must be a multiple of 4 and of heads = {heads}")
    grid = height // patch, breadth // patch
    built = ViT(class_count, image_shape[0], grid, patch, (depth, width, heads, mlp_ratio))
    for module in built.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    return built


def sine_cosine(grid: tuple[int, int], width: int) -> Tensor:
    """Return the position embedding (patches, width): sines and cosines of the column, then of the row.

    Frequencies 10000^(-i / (width / 4)), i from 0: those of Vaswani et al. 2017, section 3.5, once for each axis.
    """
    row, col = torch.meshgrid(torch.arange(grid[0]), torch.arange(grid[1]), indexing="ij")
    frequencies = 10_000 ** -(torch.arange(width // 4) / (width // 4))
    angles = [place.flatten()[:, None] * frequencies for place in (col, row)]
    return torch.cat([part for angle in angles for part in (angle.sin(), angle.cos())], dim=1)
