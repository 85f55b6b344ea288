"""A trained network without its adaptors: what cells hold is in the weights, column scales are plain buffers."""

from functools import partial

from torch import Tensor, nn
from torch.nn import functional

from imcsim.crossbar.mapped_layers import stands_in
from imcsim.crossbar.quantise import COLUMN_SCALE
from imcsim.learn.adapt.adaptor import ColumnAdaptor, adaptors, expand_segments
from imcsim.learn.quantize import mapped_module
from imcsim.mapping.layer import LayerSpec


def settle(network: nn.Module) -> None:
    """Take the adaptors off ``network``, whose weights are those that its arrays hold.

    An adaptor of cells is dropped: its effect is in the weights already. An adaptor of columns leaves its scales as the
    buffer ``column_scale`` (G, I, N), and ``column_rows``, the weight rows of a segment, on its layer, whose forward
    pass multiplies by them.
    """
    for name, adaptor in adaptors(network).items():
        layer = mapped_module(network, name)
        del layer._modules["adaptor"]
        if isinstance(adaptor, ColumnAdaptor):
            layer.register_buffer(COLUMN_SCALE, adaptor.scales().detach().clone())
            layer.column_rows = adaptor.rows  # type: ignore[assignment]  # a plain number, not a submodule
            layer.forward = partial(_scaled, layer, adaptor.spec)  # type: ignore[method-assign]


@stands_in
def _scaled(layer: nn.Linear | nn.Conv2d, spec: LayerSpec, x: Tensor) -> Tensor:
    weight = layer.weight * expand_segments(getattr(layer, COLUMN_SCALE), spec, int(layer.column_rows))  # type: ignore[arg-type]
    if isinstance(layer, nn.Linear):
        return functional.linear(x, weight, layer.bias)
    return functional.conv2d(x, weight, layer.bias, spec.stride, spec.padding, spec.dilation, spec.groups)
