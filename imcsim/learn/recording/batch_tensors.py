"""Follows a batch through a forward pass, below autograd: which memory depends on the batch, and is the same numbers.

Autograd saves activations and weights alike. What depends on the batch is an activation; what is made of parameters
alone (codes, standardised weights, gains) is not. Tensors drawn within the pass (a dropout mask) belong to the batch.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

MASKING = frozenset(
    "relu threshold hardtanh leaky_relu hardsigmoid clamp clamp_min clamp_max abs hardshrink softshrink maximum minimum "
    "elu celu rrelu_with_noise".split()
)
"""Element by element, of one tensor: operations whose input and output are looked up by :meth:`BatchTensors.across`."""

_COPIES = frozenset(("clone", "_to_copy", "copy"))
_TWO_VALUED = "bernoulli"


class Region(NamedTuple):
    """A part of a memory: elements ``start`` .. ``stop`` of ``total``, of which ``elements`` are in the tensor.

    ``memory`` numbers what was written: memory that is written again gets a new number.
    """

    memory: int
    start: int
    stop: int
    elements: int
    total: int


@dataclass(frozen=True)
class _Written:
    """What lies in a memory; ``of``: it is a copy of that region, in another layout or type."""

    memory: int
    two_valued: bool
    of: Region | None = None


class BatchTensors(TorchDispatchMode):
    """While it is entered, follows every operation on what depends on ``batch``; results are not changed.

    Parameters
    ----------
    batch
        What the network is given.
    """

    def __init__(self, batch: Iterable[Tensor]) -> None:
        super().__init__()
        self._numbers: Iterator[int] = count()
        self._written: dict[int, _Written] = {}
        self._across: dict[tuple[str, int], list[tuple[Region, Region]]] = {}
        for tensor in batch:
            if (address := _address(tensor)) is not None:
                self._written.setdefault(address, _Written(next(self._numbers), two_valued=False))

    def region(self, tensor: Tensor) -> Region | None:
        """Return where ``tensor`` lies, a copy where its original does; None if it does not depend on the batch."""
        known = self._known(tensor)
        if known is None or tensor.numel() == 0:
            return None
        start = tensor.storage_offset()
        steps = zip(tensor.shape, tensor.stride(), strict=True)
        stop = start + 1 + sum((size - 1) * stride for size, stride in steps)
        elements = min(tensor.numel(), stop - start)  # an expanded tensor repeats its elements
        if known.of is not None and known.of.elements == elements:
            return known.of
        total = tensor.untyped_storage().nbytes() // tensor.element_size()
        return Region(known.memory, start, stop, elements, total)

    def two_valued(self, tensor: Tensor) -> bool:
        """Whether one bit an element tells ``tensor``: a boolean, or a mask drawn at random and scaled."""
        known = self._known(tensor)
        return tensor.dtype is torch.bool or (known is not None and known.two_valued)

    def across(self, operation: str, region: Region) -> list[tuple[Region, Region]]:
        """Return (input, output) of each ``operation`` that read or wrote the memory of ``region``."""
        return self._across.get((operation, region.memory), [])

    def __torch_dispatch__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run ``func`` and note what it wrote."""
        result = func(*args, **(kwargs or {}))
        made = _tensors(result)
        if made:
            self._note(func, _tensors((args, kwargs)), made)
        return result

    def _note(self, func: Any, given: list[Tensor], made: list[Tensor]) -> None:
        name = func._schema.name.removeprefix("aten::").removesuffix("_")
        before = {address for tensor in given if (address := _address(tensor)) is not None}
        sources = given[1:] if name == "copy" else given
        of_batch = [tensor for tensor in sources if self._known(tensor) is not None]
        random = torch.Tag.nondeterministic_seeded in func.tags
        bits = name.startswith(_TWO_VALUED) or self._stays_two_valued(func, name, sources, of_batch)
        source = self.region(of_batch[0]) if len(of_batch) == 1 and (name in MASKING or name in _COPIES) else None
        for tensor in made:
            address = _address(tensor)
            if address is None or (address in before and not func._schema.is_mutable):
                continue  # a view, or the tensor itself
            if not of_batch and not random:
                self._written.pop(address, None)
                continue
            of = source if name in _COPIES and _is_copy(tensor, source) else None
            self._written[address] = _Written(next(self._numbers), bits, of)
            if name in MASKING and source is not None and (output := self.region(tensor)) is not None:
                for end in (source, output):
                    self._across.setdefault((name, end.memory), []).append((source, output))

    def _stays_two_valued(self, func: Any, name: str, sources: list[Tensor], of_batch: list[Tensor]) -> bool:
        """Whether an operation only moves and scales the two values of its one operand."""
        if name not in _COPIES and torch.Tag.pointwise not in func.tags:
            return False
        single = len(of_batch) == 1 and all(tensor is of_batch[0] or tensor.dim() == 0 for tensor in sources)
        return single and self.two_valued(of_batch[0])

    def _known(self, tensor: Tensor) -> _Written | None:
        address = _address(tensor)
        return None if address is None else self._written.get(address)


def _is_copy(tensor: Tensor, source: Region | None) -> bool:
    return source is not None and tensor.is_floating_point() and tensor.numel() == source.elements


def _tensors(values: Any) -> list[Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, Tensor)]


def _address(tensor: Tensor) -> int | None:
    """Return the address of a tensor's memory, None for tensors without a dense one."""
    try:
        return tensor.untyped_storage().data_ptr() or None
    except (NotImplementedError, RuntimeError):
        return None
