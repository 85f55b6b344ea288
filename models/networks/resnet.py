"""ResNet-18 and ResNet-50 (He et al., CVPR 2016, table 1), with the ImageNet stem or the stem for small images.

The CIFAR stem (one 3x3 convolution, no max-pool) and width 64 are those of aimagelab/mammoth, backbone/ResNetBlock.py.
ResNet-50 strides in the 3x3 convolution of a bottleneck, as torchvision does (pytorch/vision, models/resnet.py).
"""

from typing import Literal

from torch import Tensor, nn

from imcsim.learn.networks import Count, network

Stem = Literal["cifar", "imagenet"]


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class Block(nn.Module):
    """Residual block: two 3x3 convolutions, or (``bottleneck``) 1x1, 3x3, 1x1 with four times the outputs."""

    def __init__(self, inputs: int, width: int, stride: int, bottleneck: bool) -> None:
        super().__init__()
        outputs = width * 4 if bottleneck else width
        kernels = ((inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1))
        plain = ((inputs, width, 3, stride), (width, outputs, 3, 1))
        self.residual = nn.Sequential()
        for i, (fan_in, fan_out, kernel, step) in enumerate(kernels if bottleneck else plain, start=1):
            if i > 1:
                self.residual.add_module(f"relu{i - 1}", nn.ReLU())
            self.residual.add_module(f"conv{i}", _conv(fan_in, fan_out, kernel, step))
            self.residual.add_module(f"bn{i}", nn.BatchNorm2d(fan_out))
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut.add_module("conv", _conv(inputs, outputs, 1, stride))
            self.shortcut.add_module("bn", nn.BatchNorm2d(outputs))
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, outputs, H / stride, W / stride)."""
        y: Tensor = self.relu(self.residual(x) + self.shortcut(x))
        return y


class ResNet(nn.Module):
    """Stem, four stages of blocks, mean over the map, one linear layer: (B, C, H, W) -> (B, classes)."""

    def __init__(
        self, class_count: int, inputs: int, depths: tuple[int, ...], width: int, stem: Stem, bottleneck: bool
    ) -> None:
        super().__init__()
        self.stem = _stem(inputs, width, stem)
        channels = width
        for stage, depth in enumerate(depths):
            blocks = nn.Sequential()
            for i in range(depth):
                stride = 2 if stage > 0 and i == 0 else 1
                blocks.append(Block(channels, width << stage, stride, bottleneck))
                channels = (width << stage) * (4 if bottleneck else 1)
            self.add_module(f"stage{stage + 1}", blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels, class_count)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) of images (B, C, H, W)."""
        y: Tensor = self.stem(x)
        for stage in range(1, 5):
            y = self.get_submodule(f"stage{stage}")(y)
        logits: Tensor = self.classifier(self.pool(y).flatten(1))
        return logits


@network("resnet18")
def resnet18(
    class_count: int, image_shape: tuple[int, int, int], *, width: Count = 64, stem: Stem = "cifar"
) -> nn.Module:
    """Build ResNet-18: two basic blocks in each of four stages.

    Parameters
    ----------
    width
        Channels of the first stage; each later stage doubles them.
    stem
        "cifar": 3x3, no max-pool; "imagenet": 7x7 with stride 2, then 3x3 max-pool with stride 2.
    """
    return _he_init(ResNet(class_count, image_shape[0], (2, 2, 2, 2), width, stem, bottleneck=False))


@network("resnet50")
def resnet50(
    class_count: int, image_shape: tuple[int, int, int], *, width: Count = 64, stem: Stem = "imagenet"
) -> nn.Module:
    """Build ResNet-50: 3, 4, 6 and 3 bottleneck blocks; parameters as in :func:`resnet18`."""
    return _he_init(ResNet(class_count, image_shape[0], (3, 4, 6, 3), width, stem, bottleneck=True))


def _stem(inputs: int, width: int, stem: Stem) -> nn.Sequential:
    built = nn.Sequential()
    built.add_module("conv", _conv(inputs, width, 3) if stem == "cifar" else _conv(inputs, width, 7, 2))
    built.add_module("bn", nn.BatchNorm2d(width))
    built.add_module("relu", nn.ReLU())
    if stem == "imagenet":
        built.add_module("pool", nn.MaxPool2d(3, 2, 1))
    return built


def _he_init(built: nn.Module) -> nn.Module:
    """He-normal convolutions by fan-out (He et al., ICCV 2015, eq. 14); batch-norm 1 and 0, linear as torch has it."""
    for module in built.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return built
