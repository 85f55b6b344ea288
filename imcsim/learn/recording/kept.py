"""What one forward pass keeps for the backward pass: found once from its autograd graph, then known.

Each memory is counted once, with the mapped layer that keeps it first, or as "other" where no mapped layer does.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from imcsim.learn.recording.batch_tensors import BatchTensors, Region
from imcsim.learn.recording.saved import Needs, needs


@dataclass(frozen=True)
class Kept:
    """What a pass keeps.

    Parameters
    ----------
    by_layer
        Elements kept for each mapped layer.
    other
        Elements kept by other operations.
    bits
        Elements of which one bit is kept.
    of_batch
        (number of the network's argument, layer or -1 for other, elements): the part of the above that is the batch
        itself, which two passes of the same batch share.
    ran
        Mapped layers in the order in which they ran: a pass with others keeps something else.
    """

    by_layer: tuple[int, ...]
    other: int
    bits: int
    of_batch: tuple[tuple[int, int, int], ...]
    ran: tuple[int, ...]


@dataclass(frozen=True)
class MappedCall:
    """A call of mapped layer ``number``: the graph's nodes before and behind it, and what it keeps.

    ``share`` of its input, which lies in ``region``, and ``more`` elements of its own.
    """

    number: int
    before: Any
    behind: Any
    region: Region | None
    share: float
    more: int


class Held:
    """Which share of which regions is held already."""

    def __init__(self) -> None:
        self._shares: dict[int, list[tuple[Region, float]]] = {}
        self._elements: dict[int, int] = {}

    def share(self, region: Region) -> float:
        """Return the share of ``region`` that is held."""
        return max((s for other, s in self._shares.get(region.memory, []) if _covers(other, region)), default=0.0)

    def hold(self, region: Region, share: float = 1.0) -> int:
        """Hold a share of ``region``; return the elements that were not held before."""
        new = round(region.elements * max(0.0, share - self.share(region)))
        held = self._elements.get(region.memory, 0)
        new = min(new, region.total - held)
        self._elements[region.memory] = held + new
        self._shares.setdefault(region.memory, []).append((region, share))
        return new


def _covers(outer: Region, inner: Region) -> bool:
    if outer == inner:
        return True
    dense = outer.stop - outer.start == outer.elements
    return dense and outer.start <= inner.start and inner.stop <= outer.stop


def kept_of(
    layers: int, batch: Sequence[Tensor], followed: BatchTensors, calls: Sequence[MappedCall], outputs: Sequence[Tensor]
) -> Kept:
    """Return what a pass keeps whose graph is still whole.

    Parameters
    ----------
    layers
        Number of mapped layers.
    batch
        The tensors given to the network.
    followed
        What followed them through the pass.
    calls
        Calls of mapped layers, in order.
    outputs
        The tensors that the network returned.
    """
    held, by_layer = Held(), [0] * layers
    memories = {region.memory: number for number, x in enumerate(batch) if (region := followed.region(x)) is not None}
    of_batch: list[tuple[int, int, int]] = []

    def keep(region: Region, share: float, layer: int) -> int:
        new = held.hold(region, share)
        if new and region.memory in memories:
            of_batch.append((memories[region.memory], layer, new))
        return new

    for call in calls:
        by_layer[call.number] += call.more
        if call.region is not None and call.share:
            by_layer[call.number] += keep(call.region, call.share, call.number)
    found = [needs(node) for node in _unmapped(outputs, calls)]
    other = sum(keep(region, 1.0, -1) for one in found for region in _whole(one, followed))
    other += sum(index.numel() for one in found for index in one.indices if followed.region(index) is not None)
    bits = _bits(found, followed, held)
    return Kept(tuple(by_layer), other, bits, tuple(of_batch), tuple(call.number for call in calls))


def _unmapped(outputs: Sequence[Tensor], calls: Sequence[MappedCall]) -> Iterator[Any]:
    """Yield the nodes of the graph behind ``outputs`` that belong to no mapped layer."""
    jump = {call.behind: call.before for call in calls if call.behind is not None}
    waiting = [output.grad_fn for output in outputs if output.grad_fn is not None]
    seen = set()
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if node in jump:
            following = [jump[node]]
        else:
            yield node
            following = [edge for edge, _ in node.next_functions]
        waiting += [edge for edge in following if edge is not None]


def _whole(found: Needs, followed: BatchTensors) -> Iterator[Region]:
    """Yield the regions that are kept whole."""
    for tensor in found.values:
        region = None if followed.two_valued(tensor) else followed.region(tensor)
        if region is not None:
            yield region
    for operation, tensor in found.outputs:
        region = followed.region(tensor)
        if region is not None:
            yield next((output for source, output in followed.across(operation, region) if source == region), region)


def _bits(found: Sequence[Needs], followed: BatchTensors, held: Held) -> int:
    """Return the elements of which one bit is kept: those that nothing that is held tells."""
    drawn, bits = Held(), 0
    for one in found:
        for tensor in one.values:
            if followed.two_valued(tensor) and (region := followed.region(tensor)) is not None:
                bits += drawn.hold(region)
        for operation, tensors in one.masks:
            regions = [region for tensor in tensors if (region := followed.region(tensor)) is not None]
            if not regions:
                continue
            region = max(regions, key=lambda region: region.elements)
            tell = {region}
            for source, output in followed.across(operation, region):
                tell |= {source, output} if one.by_output else {source}
            bits += region.elements - round(region.elements * max(held.share(end) for end in tell))
    return bits
