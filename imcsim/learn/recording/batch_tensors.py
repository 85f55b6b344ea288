"""Follows a batch through a forward pass, below autograd: which memory depends on the batch, and is the same numbers.

Autograd saves activations and weights alike. What depends on the batch is an activation; what is made of parameters
alone (codes, standardised weights, gains) is not. Tensors drawn within the pass (a dropout mask) belong to the batch.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any, NamedTuple

import torch
from torch import Tensor, UntypedStorage
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

MASKING = frozenset(
    ("relu", "threshold", "hardtanh", "leaky_relu", "hardsigmoid", "hardshrink", "softshrink", "abs")
) | {
    *("clamp", "clamp_min", "clamp_max", "maximum", "minimum", "rrelu_with_noise"),
    *("elu", "celu"),
}
"""Operations element by element on one tensor, whose inputs and outputs :meth:`BatchTensors.across` gives."""

_COPIES = frozenset(("clone", "_to_copy", "copy"))
_BLANK = frozenset(
    ("empty_like", "zeros_like", "ones_like", "full_like", "new_empty", "new_zeros", "new_ones", "new_full")
)
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
    """What lies in a memory; ``of``: it is a copy of that region, in another layout or type.

    ``address`` holds the place of the memory's record, not the memory: no other memory is taken for it once it is gone.
    """

    memory: int
    two_valued: bool
    of: Region | None
    address: StorageWeakRef


class BatchTensors(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is entered, follows every operation on what depends on ``batch``; results are not changed.

    Parameters
    ----------
    batch
        What the network is given.
    """

    def __init__(self, batch: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._numbers: Iterator[int] = count()
        self._written: dict[int, _Written] = {}
        self._across: dict[tuple[str, int], list[tuple[Region, Region]]] = {}
        for tensor in batch:
            if _address(tensor) not in self._written:
                self._write(tensor, two_valued=False)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False: to be hidden from a compiler would load that compiler, for seconds."""
        return False

    def region(self, tensor: Tensor) -> Region | None:
        """Return where ``tensor`` lies, a copy where its original does; None if it does not depend on the batch."""
        known = self._known(tensor)
        if known is None or tensor.numel() == 0:
            return None
        start = int(tensor.storage_offset())
        steps = zip(tensor.shape, tensor.stride(), strict=True)
        stop = start + 1 + sum(int(size - 1) * int(stride) for size, stride in steps)
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
        made = tensors(result)
        if made:
            self._note(_kind(func), tensors(args) + tensors(kwargs), made)
        return result

    def _note(self, kind: "_Kind", given: list[Tensor], made: list[Tensor]) -> None:
        name = kind.name
        sources = [] if name in _BLANK else given[1:] if name == "copy" else given
        of_batch = [tensor for tensor in sources if self._known(tensor) is not None]
        bits = kind.draws_bits or self._stays_two_valued(kind, sources, of_batch)
        source = self.region(of_batch[0]) if len(of_batch) == 1 and (name in MASKING or name in _COPIES) else None
        before = () if kind.writes else tuple(map(_address, given))
        for tensor in made:
            address = _address(tensor)
            if address is None or address in before:
                continue  # a view, or the tensor itself
            if not of_batch and not kind.draws:
                self._written.pop(address, None)
                continue
            of = source if name in _COPIES and _is_copy(tensor, source) else None
            self._write(tensor, bits, of)
            if name in MASKING and source is not None and (output := self.region(tensor)) is not None:
                for end in (source, output):
                    self._across.setdefault((name, end.memory), []).append((source, output))

    def _stays_two_valued(self, kind: "_Kind", sources: list[Tensor], of_batch: list[Tensor]) -> bool:
        """Whether an operation only moves and scales the two values of its one operand."""
        if len(of_batch) != 1 or not (kind.pointwise or kind.name in _COPIES) or not self.two_valued(of_batch[0]):
            return False
        return all(tensor is of_batch[0] or tensor.dim() == 0 for tensor in sources)

    def _write(self, tensor: Tensor, two_valued: bool, of: Region | None = None) -> None:
        memory = _memory(tensor)
        if memory is not None:
            address = StorageWeakRef(memory)  # type: ignore[no-untyped-call]
            self._written[memory._cdata] = _Written(next(self._numbers), two_valued, of, address)

    def _known(self, tensor: Tensor) -> _Written | None:
        address = _address(tensor)
        return None if address is None else self._written.get(address)


def _is_copy(tensor: Tensor, source: Region | None) -> bool:
    return source is not None and tensor.is_floating_point() and tensor.numel() == source.elements


class _Kind(NamedTuple):
    """What an ATen operation does: its name without a trailing underscore, whether it draws, writes in place, ..."""

    name: str
    draws: bool
    draws_bits: bool
    writes: bool
    pointwise: bool


@cache
def _kind(func: Any) -> _Kind:
    name = func._schema.name.removeprefix("aten::").removesuffix("_")
    draws, pointwise = torch.Tag.nondeterministic_seeded in func.tags, torch.Tag.pointwise in func.tags
    return _Kind(name, draws, name.startswith(_TWO_VALUED), func._schema.is_mutable, pointwise)


def tensors(values: Any) -> list[Tensor]:
    """Return the tensors among values, nested in tuples, lists and dictionaries or not."""
    if isinstance(values, Tensor):
        return [values]
    if isinstance(values, dict):
        values = values.values()
    elif not isinstance(values, tuple | list):
        return []
    return [tensor for value in values for tensor in tensors(value)]


def _memory(tensor: Tensor) -> UntypedStorage | None:
    """Return a tensor's memory, None for tensors without a dense one."""
    try:
        return tensor.untyped_storage()
    except (NotImplementedError, RuntimeError):
        return None


def _address(tensor: Tensor) -> int | None:
    memory = _memory(tensor)
    return None if memory is None else memory._cdata
