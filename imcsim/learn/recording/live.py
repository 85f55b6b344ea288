"""Which forward passes of a step live at once: what they keep adds up, until their graphs are gone."""

import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

_KEY = "imcsim"


class _Token:
    """Held by a node of the graph alone: it dies with the node."""


class Graph:
    """The autograd graph behind some outputs; it is not kept alive."""

    def __init__(self, outputs: Sequence[Tensor]) -> None:
        self._freed = False
        self._token: weakref.ref[_Token] | None = None
        node = next((output.grad_fn for output in outputs if output.grad_fn is not None), None)
        if node is not None:
            token = _Token()
            node.metadata[_KEY] = token  # type: ignore[index]
            self._token = weakref.ref(token)
            node.register_prehook(self._pass_back)

    @property
    def lives(self) -> bool:
        """Whether a backward pass may still come: none has used the graph up, and somebody holds it."""
        return not self._freed and self._token is not None and self._token() is not None

    def _pass_back(self, errors: Any) -> None:
        self._freed = self._freed or not torch._C._autograd._get_current_graph_task_keep_graph()


@dataclass
class LivePass:
    """What a pass keeps, while its graph lives; ``batch``: number of an argument -> elements that are the batch's."""

    graph: Graph
    elements: int
    bits: int
    given: Sequence[Tensor]
    batch: Mapping[int, int]


@dataclass
class LivePasses:
    """The passes of one step, and the most that was kept at once."""

    peak_elements: int = 0
    peak_bits: int = 0
    _passes: list[LivePass] = field(default_factory=list)

    def living(self) -> Iterator[LivePass]:
        """Yield the passes whose graphs live."""
        self._passes = [one for one in self._passes if one.graph.lives]
        yield from self._passes

    def held_of(self, tensor: Tensor) -> int:
        """Return the elements of a batch that living passes keep already."""
        found = [
            one.batch.get(number, 0)
            for one in self.living()
            for number, given in enumerate(one.given)
            if given.data_ptr() == tensor.data_ptr()
        ]
        return max(found, default=0)

    def add(self, one: LivePass) -> None:
        """Add a pass that has just run forward."""
        living = [*self.living(), one]
        self.peak_elements = max(self.peak_elements, sum(each.elements for each in living))
        self.peak_bits = max(self.peak_bits, sum(each.bits for each in living))
        self._passes.append(one)
