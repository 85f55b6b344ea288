"""VGG (Simonyan & Zisserman, ICLR 2015, table 1): blocks of 3x3 convolutions, a max-pool after each, linear layers.

``vgg8`` is the one that DNN+NeuroSim ships for CIFAR-10 (V1.3 Inference_pytorch/models/VGG.py: 128, 128, 256, 256, 512,
512 and one hidden layer of 1024), ``vgg16`` is configuration D. ``vgg`` takes any blocks: the small networks on which
simulators are compared are ``blocks=((32,), (64,)), hidden=(128,)`` on 28 x 28 and ``blocks=((128,), (256,)),
hidden=(512,)`` on 64 channels of 16 x 16.
"""

from itertools import pairwise

from torch import Tensor, nn

from imcsim.learn.networks import Count, network


class Vgg(nn.Module):
    """Blocks of 3x3 convolution and ReLU with 2x2 max-pool, then linear layers: (B, C, H, W) -> (B, classes)."""

    def __init__(
        self,
        class_count: int,
        image_shape: tuple[int, int, int],
        blocks: tuple[tuple[int, ...], ...],
        hidden: tuple[int, ...],
        norm: bool,
    ) -> None:
        super().__init__()
        previous, height, breadth = image_shape
        built = []
        for widths in blocks:
            pool = min(height, breadth) >= 2  # a map of one pixel has nothing left to pool
            built.append(_block(previous, widths, norm, pool))
            previous = widths[-1] if widths else previous
            height, breadth = (height // 2, breadth // 2) if pool else (height, breadth)
        self.features = nn.Sequential(*built)
        sizes = (previous * height * breadth, *hidden)
        self.hidden = nn.Sequential()
        for i, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
            self.hidden.add_module(f"fc{i}", nn.Linear(inputs, outputs))
            self.hidden.add_module(f"relu{i}", nn.ReLU())
        self.classifier = nn.Linear(sizes[-1], class_count)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (B, classes) of images (B, C, H, W)."""
        logits: Tensor = self.classifier(self.hidden(self.features(x).flatten(1)))
        return logits


@network("vgg")
def vgg(
    class_count: int,
    image_shape: tuple[int, int, int],
    *,
    blocks: tuple[tuple[Count, ...], ...] = ((64,), (128,), (256, 256), (512, 512), (512, 512)),
    hidden: tuple[Count, ...] = (),
    norm: bool = False,
) -> nn.Module:
    """Build a VGG of any blocks; the default is configuration A (VGG-11) without its hidden linear layers.

    Initialisation: convolutions He-normal by fan-out (He et al., ICCV 2015, eq. 14), linear layers normal with standard
    deviation 0.01, biases 0 (pytorch/vision, models/vgg.py).

    Parameters
    ----------
    blocks
        Outputs of the convolutions of each block; a max-pool follows each, while the map has two pixels a side.
    hidden
        Outputs of the linear layers before the classifier.
    norm
        Batch normalisation after each convolution (which then has no bias).
    """
    built = Vgg(class_count, image_shape, blocks, hidden, norm)
    for module in built.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.01)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    return built


@network("vgg8")
def vgg8(class_count: int, image_shape: tuple[int, int, int], *, width: Count = 128, norm: bool = False) -> nn.Module:
    """Build VGG-8 as DNN+NeuroSim has it: three blocks of two convolutions, one hidden layer.

    Parameters
    ----------
    width
        Channels of the first block; the next two have twice and four times as many, the hidden layer eight times.
    norm
        As in :func:`vgg`.
    """
    blocks = tuple((scale * width, scale * width) for scale in (1, 2, 4))
    return vgg(class_count, image_shape, blocks=blocks, hidden=(8 * width,), norm=norm)


@network("vgg16")
def vgg16(
    class_count: int,
    image_shape: tuple[int, int, int],
    *,
    width: Count = 64,
    hidden: tuple[Count, ...] = (4096, 4096),
    norm: bool = False,
) -> nn.Module:
    """Build VGG-16, configuration D: blocks of 2, 2, 3, 3 and 3 convolutions.

    Parameters
    ----------
    width
        Channels of the first block; the others have 2, 4, 8 and 8 times as many.
    hidden, norm
        As in :func:`vgg`.
    """
    depths = ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3))
    blocks = tuple((scale * width,) * depth for scale, depth in depths)
    return vgg(class_count, image_shape, blocks=blocks, hidden=hidden, norm=norm)


def _block(inputs: int, widths: tuple[int, ...], norm: bool, pool: bool) -> nn.Sequential:
    block = nn.Sequential()
    for i, outputs in enumerate(widths, start=1):
        block.add_module(f"conv{i}", nn.Conv2d(inputs, outputs, 3, padding=1, bias=not norm))
        if norm:
            block.add_module(f"norm{i}", nn.BatchNorm2d(outputs))
        block.add_module(f"relu{i}", nn.ReLU())
        inputs = outputs
    if pool:
        block.add_module("pool", nn.MaxPool2d(2))
    return block
