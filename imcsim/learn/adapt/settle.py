"""A trained network without its adaptors: what cells hold is in the weights, column scales are plain buffers."""

from functools import partial

from torch import Tensor, nn
from torch.nn import functional

from imcsim.crossbar.layer_marks import column_scales_of, drop_adaptor, keep_column_scales, stands_in
from imcsim.learn.adapt.adaptor import ColumnAdaptor, adaptors, expand_segments
from imcsim.learn.quantize import mapped_module
from imcsim.mapping.layer import LayerSpec


def settle(network: nn.Module) -> None:
    """Take the adaptors off ``network``, whose weights are those that its arrays hold.

    An adaptor of cells is dropped: its effect is in the weights already. An adaptor of columns leaves its scales as the
    column scales (G, I, N) of its layer (:mod:`imcsim.crossbar.layer_marks`), whose forward pass multiplies by them.
    """
    for name, adaptor in adaptors(network).items():
        layer = mapped_module(network, name)
        drop_adaptor(layer)
        if isinstance(adaptor, ColumnAdaptor):
            keep_column_scales(layer, adaptor.scales().detach().clone(), adaptor.rows)
            layer.forward = partial(_scaled, layer, adaptor.spec)  # type: ignore[method-assign]


@stands_in
def _scaled(layer: nn.Linear | nn.Conv2d, spec: LayerSpec, x: Tensor) -> Tensor:
    segments = column_scales_of(layer)
    weight = layer.weight if segments is None else layer.weight * expand_segments(segments.scales, spec, segments.rows)
    if isinstance(layer, nn.Linear):
        return functional.linear(x, weight, layer.bias)
    return functional.conv2d(x, weight, layer.bias, spec.stride, spec.padding, spec.dilation, spec.groups)
