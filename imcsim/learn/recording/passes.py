"""Counts what training passes do, by hooks that look at shapes and at who needs a gradient, not at data.

A layer's backward work is counted in its forward pass: autograd will do it if and only if the tensor needs a gradient.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn

from imcsim.learn.adapt.adaptor import Adaptor, adaptor_of
from imcsim.learn.quantize import mapped_module
from imcsim.learn.recording.activity import Activity, magnitude_codes, zero_error_vectors, zero_input_vectors
from imcsim.learn.recording.batch_tensors import BatchTensors, tensors
from imcsim.learn.recording.kept import Kept, MappedCall, kept_of
from imcsim.learn.recording.live import Graph, LivePass, LivePasses
from imcsim.mapping.layer import LayerSpec

_TRAINS, _IN_TRAINING = attrgetter("requires_grad"), attrgetter("training")


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
    peak_kept: int = 0
    peak_bits: int = 0

    def __post_init__(self) -> None:
        self.forward, self.input_gradient, self.weight_gradient = ([0] * self.layers for _ in range(3))
        self.adaptor_macs, self.kept = ([0] * self.layers for _ in range(2))


@dataclass
class _Pass:
    """A forward pass of the network under way; ``followed`` if what it keeps is not known yet."""

    batch: list[Tensor]
    pattern: Hashable
    followed: BatchTensors | None
    ran: list[int] = field(default_factory=list)
    calls: list[MappedCall] = field(default_factory=list)


class PassCounter:
    """Hooks on a network; they count only inside :meth:`watching`.

    What a pass keeps for backward is read from its autograd graph once for each task, shape of the batch and pattern of
    what trains, then known. Where a network runs other layers in another pass of the same pattern, each is read.
    """

    def __init__(self, network: nn.Module, layers: Sequence[LayerSpec], inputs: Activity, errors: Activity) -> None:
        self.network = network
        self.layers = tuple(layers)
        self.inputs = inputs
        self.errors = errors
        self.step = StepCounts(len(self.layers))
        self._live = LivePasses()
        self._pass: _Pass | None = None
        self._armed = False
        self._sampling = False
        self.begin_phase([1.0] * len(self.layers))
        self._handles = [network.register_forward_pre_hook(self._begin_pass)]
        for number, spec in enumerate(self.layers):
            self._handles.append(
                mapped_module(network, spec.name).register_forward_hook(self._mapped_hook(number), prepend=True)
            )
        self._handles.append(network.register_forward_hook(self._end_pass))

    def begin_phase(self, kept_share: Sequence[float]) -> None:
        """Forget what passes of the last phase kept.

        Parameters
        ----------
        kept_share
            By layer: the share of its input that must be kept when some of its PEs are frozen.
        """
        self.kept_share = list(kept_share)
        self._parameters, self._modules = list(self.network.parameters()), list(self.network.modules())
        self._known: dict[Hashable, list[Kept]] = {}

    def remove(self) -> None:
        """Take all hooks off the network."""
        for handle in self._handles:
            handle.remove()

    @contextmanager
    def watching(self, sample_activity: bool) -> Iterator[None]:
        """Count the passes inside the block as one step of training; errors are sampled when backward runs."""
        self.step, self._live = StepCounts(len(self.layers)), LivePasses()
        self._armed, self._sampling = True, sample_activity
        try:
            yield
        finally:
            self._armed = self._sampling = False
            self._close()
            self.step.peak_kept, self.step.peak_bits = self._live.peak_elements, self._live.peak_bits
            self._live = LivePasses()

    def _begin_pass(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        if not self._armed:
            return
        if not torch.is_grad_enabled():
            self.step.forward_only += args[0].shape[0]
            return
        self._close()
        self.step.samples += args[0].shape[0]
        batch = [x for x in args if isinstance(x, Tensor)]
        pattern = (
            tuple((x.shape, x.dtype, x.requires_grad) if isinstance(x, Tensor) else repr(x) for x in args),
            torch.is_autocast_enabled(args[0].device.type),
            tuple(map(_TRAINS, self._parameters)),
            tuple(map(_IN_TRAINING, self._modules)),
        )
        self._pass = _Pass(batch, pattern, None)
        if len(self._known.get(pattern, ())) != 1:
            self._pass.followed = BatchTensors(batch)
            self._pass.followed.__enter__()  # type: ignore[no-untyped-call]

    def _close(self) -> _Pass | None:
        """End the pass under way, also one that an error has broken off, and return it."""
        ended, self._pass = self._pass, None
        if ended is not None and ended.followed is not None:
            ended.followed.__exit__(None, None, None)  # type: ignore[no-untyped-call]
        return ended

    def _end_pass(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        ended = self._close()
        if ended is None:
            return
        outputs = [x for x in tensors(output) if x.requires_grad]
        if outputs:
            self._add(ended, self._kept(ended, outputs), outputs)

    def _kept(self, ended: _Pass, outputs: Sequence[Tensor]) -> Kept:
        """Return what a pass keeps: read from its graph if it was followed, else as one of its pattern did."""
        ran, known = tuple(ended.ran), self._known.setdefault(ended.pattern, [])
        if ended.followed is None:
            if ran != known[0].ran:
                known.append(known[0])  # passes of this pattern differ: from now on each is followed
            return known[0]
        self._armed = False  # a graph that recomputes what it saved calls layers again
        kept = kept_of(len(self.layers), ended.batch, ended.followed, ended.calls, outputs)
        self._armed = True
        known.append(kept)
        return kept

    def _add(self, ended: _Pass, kept: Kept, outputs: Sequence[Tensor]) -> None:
        """Add what a pass keeps, but for what of its batch a living pass keeps already."""
        by_layer, other, batch = list(kept.by_layer), kept.other, dict.fromkeys(range(len(ended.batch)), 0)
        for number, layer, elements in kept.of_batch:
            held = max(0, self._live.held_of(ended.batch[number]) - batch[number])
            twice = min(elements, held)
            batch[number] += elements
            if layer < 0:
                other -= twice
            else:
                by_layer[layer] -= twice
        step = self.step
        step.kept = [sum(both) for both in zip(step.kept, by_layer, strict=True)]
        step.other += other
        step.relu += kept.bits
        self._live.add(LivePass(Graph(outputs), sum(by_layer) + other, kept.bits, ended.batch, batch))

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
                share, more = 0.0, 0
                if trains:
                    step.weight_gradient[number] += vectors
                    share = self.kept_share[number]
                adaptor = adaptor_of(module)
                if adaptor is not None and adaptor.trains:
                    kept = self._count_adaptor(number, adaptor, x, vectors, trains)
                    share, more = (1.0, 0) if kept is None else (share, kept)
                self._note(number, x, output, share, more)
            if self._sampling:
                self._sample(number, x, output)

        return count

    def _count_adaptor(self, number: int, adaptor: Adaptor, x: Tensor, vectors: int, counted: bool) -> int | None:
        step, kept = self.step, adaptor.kept_elements(x, vectors)
        step.adaptor_macs[number] += adaptor.gradient_macs(vectors)
        if kept is None:  # the gradient is that of the whole weight: input and error vectors enter it, once
            step.weight_gradient[number] += 0 if counted else vectors
        return kept

    def _note(self, number: int, x: Tensor, output: Tensor, share: float, more: int) -> None:
        """Take note that mapped layer ``number`` ran, and of what it keeps if that is not known yet."""
        running = self._pass
        if running is None:  # a method called the layer outside a pass of the network: all that is known is its input
            alone = round(share * x.numel()) + more
            self.step.kept[number] += alone
            self._live.add(LivePass(Graph([output]), alone, 0, [], {}))
            return
        running.ran.append(number)
        if running.followed is not None:
            region = running.followed.region(x)
            running.calls.append(MappedCall(number, x.grad_fn, output.grad_fn, region, share, more))

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
