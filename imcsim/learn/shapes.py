"""A network's mapped layers, found by running it once, and their weights as matrices.

Shape letters: B batch, G groups, D fan-in, N outputs per group.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from imcsim.core.errors import ImcsimError, MappingError
from imcsim.crossbar.loose_products import loose_products_refused
from imcsim.crossbar.mapped_layers import MappedLayer, mapped_layers, zero_padding
from imcsim.learn.global_draws import lent_globals
from imcsim.mapping.layer import LayerSpec


def trace_layers(network: nn.Module, image_shape: tuple[int, int, int]) -> tuple[LayerSpec, ...]:
    """Return the Linear and Conv2d layers of ``network`` in order of execution.

    One zero image runs through the network in eval mode, without gradients, on copies of the buffers; train flags
    and buffers are left as they were.

    Parameters
    ----------
    network
        Any module that takes (B, C, H, W).
    image_shape
        (C, H, W).

    Raises
    ------
    MappingError
        For what :func:`~imcsim.crossbar.mapped_layers.mapped_layers` refuses, a layer used twice or never, a product
        with a parameter outside a layer, or an image that the network does not take.
    """
    return trace_layers_and_output(network, image_shape)[0]


def trace_layers_and_output(network: nn.Module, image_shape: tuple[int, int, int]) -> tuple[tuple[LayerSpec, ...], Any]:
    """Return what :func:`trace_layers` does, and what the network gave for the zero image, whatever that is."""
    mapped = {module: name for name, module in mapped_layers(network).items()}
    specs: dict[str, LayerSpec] = {}
    image = blank_image(network, image_shape)
    with torch.no_grad(), _hooks(mapped, specs), loose_products_refused(network):
        output = run_once(network, image)
    unused = [name for name in mapped.values() if name not in specs]
    if unused:
        raise MappingError(f"layer '{unused[0]}' does not run in the network's forward pass: remove it, or use it")
    return tuple(specs.values()), output


def blank_image(network: nn.Module, image_shape: tuple[int, int, int]) -> Tensor:
    """Return one zero image (1, C, H, W) of the type and on the device of the network's parameters."""
    like = next(network.parameters(), torch.empty(0))
    return torch.zeros((1, *image_shape), dtype=like.dtype, device=like.device)


def run_once(network: nn.Module, image: Tensor) -> Any:
    """Return what ``network`` gives for ``image`` (1, C, H, W) in eval mode, on copies of its buffers.

    It is left as it was.

    Raises
    ------
    MappingError
        For an image that the network does not take.
    """
    copies = {name: buffer.clone() for name, buffer in network.named_buffers()}
    training = {module: module.training for module in network.modules()}
    try:
        with lent_globals(0, image.device):  # one look at the network must not move its user's draws
            return functional_call(network.eval(), copies, (image,))
    except ImcsimError:
        raise
    except Exception as error:  # whatever the user's forward pass raises
        known = isinstance(error, RuntimeError | ValueError)
        reason = " ".join(["" if known else f"{type(error).__name__}:", *str(error).splitlines()[:1]]).strip()
        shape = tuple(image.shape[1:])
        raise MappingError(f"the network does not take images of shape {shape}: {reason}") from error
    finally:
        for module, flag in training.items():
            module.training = flag


def weight_matrix(weight: Tensor, spec: LayerSpec) -> Tensor:
    """Return a layer's weight as (G, D, N); D runs over (input channel of the group, kernel row, kernel column).

    Parameters
    ----------
    weight
        (out_features, in_features), or (out_channels, in_channels / groups, kh, kw); a mask of that shape will do.

    Raises
    ------
    MappingError
        If the weight is not of the layer's shape.
    """
    expected = _weight_shape(spec)
    if tuple(weight.shape) != expected:
        raise MappingError(f"layer '{spec.name}' has a weight of shape {expected}, got {tuple(weight.shape)}")
    return weight.reshape(spec.groups, spec.outputs, spec.fan_in).transpose(1, 2)


def weight_from_matrix(matrix: Tensor, spec: LayerSpec) -> Tensor:
    """Return (G, D, N) in the shape of the layer's weight: the inverse of :func:`weight_matrix`.

    Raises
    ------
    MappingError
        If the matrix is not of the layer's shape.
    """
    if tuple(matrix.shape) != spec.matrix_shape:
        raise MappingError(f"layer '{spec.name}' is a {spec.matrix_shape} matrix, got {tuple(matrix.shape)}")
    return matrix.transpose(1, 2).reshape(_weight_shape(spec))


def _weight_shape(spec: LayerSpec) -> tuple[int, ...]:
    if spec.kind == "linear":
        return spec.out_features, spec.in_features
    return spec.out_features, spec.in_features // spec.groups, *spec.kernel


@contextmanager
def _hooks(mapped: dict[MappedLayer, str], specs: dict[str, LayerSpec]) -> Iterator[None]:
    def recorder(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def record(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            if name in specs:
                raise MappingError(f"layer '{name}' runs twice in one forward pass: give each use its own layer")
            if not inputs:
                raise MappingError(f"layer '{name}' is called with a named input: give it as layer(x)")
            specs[name] = _spec(module, name, inputs[0], output)

        return record

    # ahead of the user's hooks, which may change the output's shape
    handles = [module.register_forward_hook(recorder(name), prepend=True) for module, name in mapped.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _spec(module: nn.Module, name: str, x: Tensor, y: Tensor) -> LayerSpec:
    if isinstance(module, nn.Linear):
        return LayerSpec(
            name=name,
            kind="linear",
            in_features=module.in_features,
            out_features=module.out_features,
            positions=y.numel() // module.out_features,
            input_elements=x.numel(),
            output_elements=y.numel(),
        )
    if not isinstance(module, nn.Conv2d):  # only mapped modules are hooked
        raise TypeError(f"{type(module).__name__} is not mapped")
    return LayerSpec(
        name=name,
        kind="conv2d",
        in_features=module.in_channels,
        out_features=module.out_channels,
        kernel=_pair(module.kernel_size),
        stride=_pair(module.stride),
        padding=zero_padding(module, name),
        dilation=_pair(module.dilation),
        groups=module.groups,
        positions=y.numel() // module.out_channels,
        input_elements=x.numel(),
        output_elements=y.numel(),
    )


def _pair(values: tuple[int, ...]) -> tuple[int, int]:
    return values[0], values[1]
