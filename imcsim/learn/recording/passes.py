"""Counts what training passes do, by hooks that look at shapes and at who needs a gradient, not at data.

A layer's backward work is counted in its forward pass: autograd will do it if and only if the tensor needs a gradient.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from imcsim.learn.adapt.adaptor import Adaptor, adaptor_of
from imcsim.learn.quantize import mapped_module
from imcsim.learn.recording.activity import Activity, magnitude_codes, zero_error_vectors, zero_input_vectors
from imcsim.mapping.layer import LayerSpec

# Keep shapes at most. A Sequential without children, the shortcut of many residual blocks, passes its input on.
_STATELESS = (nn.Identity, nn.Sequential, nn.Flatten, nn.Unflatten, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
_BY_OUTPUT = (nn.MaxPool2d, nn.AdaptiveMaxPool2d, nn.Dropout)  # keep an index or a mask per output element


@dataclass
class StepCounts:
    """One step's counts; lists are by layer."""

    layers: int
    forward: list[int] = field(init=False)
    input_gradient: list[int] = field(init=False)
    weight_gradient: list[int] = field(init=False)
    adaptor_macs: list[int] = field(init=False)
    kept: list[int] = field(init=False)
    samples: int = 0
    forward_only: int = 0
    relu: int = 0
    other: int = 0

    def __post_init__(self) -> None:
        self.forward, self.input_gradient, self.weight_gradient = ([0] * self.layers for _ in range(3))
        self.adaptor_macs, self.kept = ([0] * self.layers for _ in range(2))


class PassCounter:
    """Hooks on a network; they count only inside :meth:`watching`.

    ``kept_share`` (by layer) is the share of a layer's input that must be kept when some of its PEs are frozen. A
    tensor kept by two layers (a residual block's input) is stored, and counted, once: with the first that keeps it.
    """

    def __init__(self, network: nn.Module, layers: Sequence[LayerSpec], inputs: Activity, errors: Activity) -> None:
        self.layers = tuple(layers)
        self.inputs, self.errors = inputs, errors
        self.kept_share = [1.0] * len(self.layers)
        self.step = StepCounts(len(self.layers))
        self._stored: dict[int, tuple[Tensor, float]] = {}
        self._armed = False
        self._sampling = False
        self._handles = [network.register_forward_pre_hook(self._count_samples)]
        mapped = {spec.name for spec in layers}
        for number, spec in enumerate(self.layers):
            self._handles.append(
                mapped_module(network, spec.name).register_forward_hook(self._mapped_hook(number), prepend=True)
            )
        for name, module in network.named_modules():
            if name not in mapped and name and not list(module.children()) and not isinstance(module, _STATELESS):
                self._handles.append(module.register_forward_hook(self._unmapped_hook))

    def remove(self) -> None:
        """Take all hooks off the network."""
        for handle in self._handles:
            handle.remove()

    @contextmanager
    def watching(self, sample_activity: bool) -> Iterator[None]:
        """Count the passes inside the block as one step of training; errors are sampled when backward runs."""
        self.step = StepCounts(len(self.layers))
        self._armed, self._sampling = True, sample_activity
        try:
            yield
        finally:
            self._armed = self._sampling = False
            self._stored.clear()

    def _count_samples(self, module: nn.Module, args: tuple[Tensor, ...]) -> None:
        if not self._armed:
            return
        if torch.is_grad_enabled():
            self.step.samples += args[0].shape[0]
        else:
            self.step.forward_only += args[0].shape[0]

    def _mapped_hook(self, number: int) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        spec = self.layers[number]

        def count(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
            if not self._armed:
                return
            x, step = args[0], self.step
            vectors = x.shape[0] * spec.positions
            step.forward[number] += vectors
            if output.requires_grad:
                step.input_gradient[number] += vectors if x.requires_grad else 0
                trains = bool(module.weight.requires_grad)
                if trains:
                    step.weight_gradient[number] += vectors
                    step.kept[number] += self._newly_kept(x, self.kept_share[number])
                adaptor = adaptor_of(module)
                if adaptor is not None and adaptor.trains:
                    self._count_adaptor(number, adaptor, x, vectors, trains)
            if self._sampling:
                self._sample(number, x, output)

        return count

    def _count_adaptor(self, number: int, adaptor: Adaptor, x: Tensor, vectors: int, counted: bool) -> None:
        step, kept = self.step, adaptor.kept_elements(x, vectors)
        step.adaptor_macs[number] += adaptor.gradient_macs(vectors)
        if kept is None:  # the gradient is that of the whole weight: input and error vectors enter it, once
            step.weight_gradient[number] += 0 if counted else vectors
            step.kept[number] += self._newly_kept(x, 1.0)
        else:
            step.kept[number] += kept

    def _newly_kept(self, x: Tensor, share: float) -> int:
        _, known = self._stored.get(x.data_ptr(), (x, 0.0))
        self._stored[x.data_ptr()] = (x, max(known, share))  # held, so that its address is not used again
        return round(x.numel() * max(0.0, share - known))

    def _sample(self, number: int, x: Tensor, output: Tensor) -> None:
        spec = self.layers[number]
        codes = magnitude_codes(x, self.inputs.bits)
        self.inputs.add(number, codes, zero_input_vectors(codes, spec))
        if output.requires_grad:
            output.register_hook(lambda error: self._sample_error(number, error))  # type: ignore[no-untyped-call]

    def _sample_error(self, number: int, error: Tensor) -> None:
        if self._armed:  # gradients that a method takes inside its loss are not the step's errors
            return
        codes = magnitude_codes(error, self.errors.bits)
        self.errors.add(number, codes, zero_error_vectors(codes, self.layers[number]))

    def _unmapped_hook(self, module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        if not self._armed or not output.requires_grad or _is_constant_scale(module):
            return
        if isinstance(module, nn.ReLU):
            self.step.relu += output.numel()
        else:
            self.step.other += output.numel() if isinstance(module, _BY_OUTPUT) else args[0].numel()


def _is_constant_scale(module: nn.Module) -> bool:
    """Whether a norm layer is held: its backward pass is a product with constants, for which it keeps no input."""
    return (
        isinstance(module, _BatchNorm)
        and not module.training
        and not any(parameter.requires_grad for parameter in module.parameters())
    )
