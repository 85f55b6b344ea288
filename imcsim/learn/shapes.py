"""A network's mapped layers, found by running it once, and their weights as matrices.

Shape letters: B batch, G groups, D fan-in, N outputs per group.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call

from imcsim.core.errors import MappingError
from imcsim.learn.global_draws import lent_globals
from imcsim.mapping.layer import LayerSpec

MappedModule = nn.Linear | nn.Conv2d

_UNSUPPORTED = (
    nn.modules.conv._ConvNd,
    nn.Bilinear,
    nn.RNNBase,
    nn.RNNCellBase,
    nn.MultiheadAttention,
    nn.Embedding,
    nn.EmbeddingBag,
)


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
        For a layer type that cannot be mapped, a layer used twice or never, shared weights, padding other than
        symmetric zeros, or an image that the network does not take.
    """
    names = {module: name for name, module in network.named_modules()}
    mapped = {module: name for module, name in names.items() if isinstance(module, MappedModule)}
    for module, name in names.items():
        _refuse_unsupported(module, name)
    _refuse_shared_weights(mapped)
    specs: dict[str, LayerSpec] = {}
    with torch.no_grad(), _hooks(mapped, specs):
        run_once(network, blank_image(network, image_shape))
    unused = [name for name in mapped.values() if name not in specs]
    if unused:
        raise MappingError(f"layer '{unused[0]}' does not run in the network's forward pass: remove it, or use it")
    return tuple(specs.values())


def blank_image(network: nn.Module, image_shape: tuple[int, int, int]) -> Tensor:
    """Return one zero image (1, C, H, W) of the type and on the device of the network's parameters."""
    like = next(network.parameters(), torch.empty(0))
    return torch.zeros((1, *image_shape), dtype=like.dtype, device=like.device)


def run_once(network: nn.Module, image: Tensor) -> None:
    """Run ``network`` in eval mode on ``image`` (1, C, H, W) and copies of its buffers; it is left as it was.

    Raises
    ------
    MappingError
        For an image that the network does not take.
    """
    copies = {name: buffer.clone() for name, buffer in network.named_buffers()}
    training = {module: module.training for module in network.modules()}
    try:
        with lent_globals(0, image.device):  # one look at the network must not move its user's draws
            functional_call(network.eval(), copies, (image,))
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
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


def _refuse_unsupported(module: nn.Module, name: str) -> None:
    if isinstance(module, _UNSUPPORTED) and not isinstance(module, nn.Conv2d):
        raise MappingError(f"layer '{name}' is a {type(module).__name__}: only Linear and Conv2d can be mapped")
    if isinstance(module, nn.Conv2d):
        if module.padding_mode != "zeros":
            raise MappingError(f"layer '{name}' has padding_mode '{module.padding_mode}': only 'zeros' can be mapped")
        _padding(module, name)
    if isinstance(module, MappedModule) and nn.parameter.is_lazy(module.weight):
        raise MappingError(f"layer '{name}' has no weights yet: run the network once before it is mapped")


def _refuse_shared_weights(mapped: dict[MappedModule, str]) -> None:
    seen: dict[int, str] = {}
    for module, name in mapped.items():
        other = seen.setdefault(id(module.weight), name)
        if other != name:
            raise MappingError(f"layers '{other}' and '{name}' share one weight: a weight can lie in one place only")


@contextmanager
def _hooks(mapped: dict[MappedModule, str], specs: dict[str, LayerSpec]) -> Iterator[None]:
    def recorder(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def record(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            if name in specs:
                raise MappingError(f"layer '{name}' runs twice in one forward pass: give each use its own layer")
            specs[name] = _spec(module, name, inputs[0], output)

        return record

    handles = [module.register_forward_hook(recorder(name)) for module, name in mapped.items()]
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
        padding=_padding(module, name),
        dilation=_pair(module.dilation),
        groups=module.groups,
        positions=y.numel() // module.out_channels,
        input_elements=x.numel(),
        output_elements=y.numel(),
    )


def _padding(module: nn.Conv2d, name: str) -> tuple[int, int]:
    if not isinstance(module.padding, str):
        return _pair(module.padding)
    if module.padding == "valid":
        return 0, 0
    total = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size, strict=True)]
    if any(amount % 2 for amount in total):
        raise MappingError(
            f"layer '{name}' has padding 'same' with a kernel of {_pair(module.kernel_size)} and so pads more on one "
            f"side: only symmetric padding can be mapped"
        )
    return total[0] // 2, total[1] // 2


def _pair(values: tuple[int, ...]) -> tuple[int, int]:
    return values[0], values[1]
