"""A small convolution network for digits and other small images. Design choice of imcsim, after no paper."""

from torch import Tensor, nn

from imcsim.learn.networks import Count, network


class ConvNet(nn.Module):
    """Blocks of 3x3 convolution, ReLU and, where the map allows, 2x2 max-pool; mean over the map; one linear layer."""

    def __init__(self, class_count: int, image_shape: tuple[int, int, int], channels: tuple[int, ...], norm: bool):
        super().__init__()
        previous, side = image_shape[0], min(image_shape[1:])
        blocks = []
        for width in channels:
            pool = side >= 4  # a map of 2 x 2 is the smallest on which a 3x3 kernel still sees neighbours
            blocks.append(_block(previous, width, norm, pool))
            previous, side = width, side // 2 if pool else side
        self.features = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(previous, class_count)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) of images (B, C, H, W)."""
        logits: Tensor = self.classifier(self.pool(self.features(x)).flatten(1))
        return logits


@network("convnet")
def convnet(
    class_count: int,
    image_shape: tuple[int, int, int],
    *,
    channels: tuple[Count, ...] = (32, 64, 64),
    norm: bool = True,
) -> nn.Module:
    """Build the small convolution network for any image size.

    Initialisation: convolutions He-normal by fan-out (He et al., ICCV 2015, eq. 14); the linear layer
    Xavier-uniform with bias 0.

    Parameters
    ----------
    channels
        Outputs of each block.
    norm
        Batch normalisation after each convolution (which then has no bias). Without it a few epochs hardly train.
    """
    built = ConvNet(class_count, image_shape, channels, norm)
    for module in built.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    nn.init.xavier_uniform_(built.classifier.weight)
    nn.init.zeros_(built.classifier.bias)
    return built


def _block(inputs: int, outputs: int, norm: bool, pool: bool) -> nn.Sequential:
    block = nn.Sequential()
    block.add_module("conv", nn.Conv2d(inputs, outputs, 3, padding=1, bias=not norm))
    if norm:
        block.add_module("norm", nn.BatchNorm2d(outputs))
    block.add_module("relu", nn.ReLU())
    if pool:
        block.add_module("pool", nn.MaxPool2d(2))
    return block
