"""A sparse network of units, some of them stable: connections, what is frozen, and one round of rewiring.

Shape letters: N units of a layer, M units that it reads.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from imcsim.learn.adapt.units import connection_weights, draw_connections, drop, grow
from imcsim.learn.state import SavedState, State
from imcsim.mapping.layer import LayerSpec

Leftover = Literal["next-layers", "lost"]


class SparseUnits:
    """Connections of every mapped layer, and which units are stable.

    ``connections`` maps layer -> bool (N, M). ``frozen`` holds the units that earlier tasks have made stable, by hidden
    layer; ``candidates`` those and what the current task proposes; ``served`` lists the classes of finished tasks.
    """

    def __init__(self) -> None:
        self.connections: dict[str, Tensor] = {}
        self.frozen: dict[str, Tensor] = {}
        self.candidates: dict[str, Tensor] = {}
        self.served: list[int] = []
        self._masks: dict[str, dict[str, Tensor]] = {}  # of weights; every step asks for them

    def start(
        self,
        layers: Sequence[LayerSpec],
        inputs: Sequence[int],
        density: float,
        dense: Sequence[str],
        generator: torch.Generator,
    ) -> None:
        """Draw the connections of all hidden layers; those of ``dense`` layers and of the classifier are all there."""
        for spec, units in zip(layers, inputs, strict=True):
            shape = (spec.out_features, units)
            full = spec.name in dense or spec is layers[-1]
            full_mask = torch.ones(shape, dtype=torch.bool)
            self.connections[spec.name] = full_mask if full else draw_connections(shape, density, generator)
        self.frozen = {spec.name: torch.zeros(spec.out_features, dtype=torch.bool) for spec in layers[:-1]}
        self.candidates = dict(self.frozen)
        self._masks = {}

    def hold(self, names: Sequence[str]) -> None:
        """Make all units of the layers ``names`` stable: their weights stay as they are from the start."""
        for name in names:
            if name in self.frozen:
                self.frozen[name].fill_(True)
        self.candidates = dict(self.frozen)

    def rewire(
        self,
        classes: Sequence[int],
        generator: torch.Generator,
        leftover: Leftover = "next-layers",
        grow_output: bool = False,
    ) -> dict[str, Tensor]:
        """Drop connections from plastic to stable units, and grow as many to plastic units; return the grown ones.

        The task's ``classes`` count as stable units of the classifier; what it loses is not grown anywhere, or, with
        ``grow_output``, at the outputs of classes that no task has had so far, as in any other layer. Growth has places
        in the layer that lost connections; what finds none there goes to the following layers and then to the first
        ones, or is "lost". Returns layer -> bool (N, M).
        """
        self._masks = {}
        names, left = list(self.connections), 0
        stable_inputs, grown = torch.ones(0, dtype=torch.bool), {}
        for number, name in enumerate(names):
            old = self.connections[name]
            reads = torch.ones(old.shape[1], dtype=torch.bool) if number == 0 else stable_inputs
            stable = self._outputs(name, classes)
            kept = drop(old, stable, reads)
            grows = grow_output or number + 1 < len(names)
            lost = int(old.sum() - kept.sum()) if grows else 0
            self.connections[name], more = self._grown(name, kept, lost, generator, classes)
            grown[name] = self.connections[name] & ~kept
            left += more
            stable_inputs = stable
        for name in names[:-1] if leftover == "next-layers" else ():
            before = self.connections[name]
            self.connections[name], left = self._grown(name, before, left, generator, classes)
            grown[name] |= self.connections[name] & ~before
        return grown

    def finish(self, classes: Sequence[int] = ()) -> None:
        """Freeze the candidates: what they read never changes again; the task had ``classes``."""
        self.served = [*self.served, *classes]
        self.frozen = {name: mask.clone() for name, mask in self.candidates.items()}
        self._masks = {}

    def active(self, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
        """Return the connections as masks of weights."""
        if "active" not in self._masks:
            self._masks["active"] = {n: connection_weights(mask, shapes[n]) for n, mask in self.connections.items()}
        return self._masks["active"]

    def trainable(self, shapes: Mapping[str, torch.Size]) -> dict[str, Tensor]:
        """Return the active weights of hidden layers whose unit is not frozen."""
        if "trainable" not in self._masks:
            free = {name: self.connections[name] & ~frozen[:, None] for name, frozen in self.frozen.items()}
            self._masks["trainable"] = {name: connection_weights(mask, shapes[name]) for name, mask in free.items()}
        return self._masks["trainable"]

    def state_dict(self) -> State:
        """Return all masks."""
        kept = ("connections", "frozen", "candidates")
        masks = {name: {layer: mask.clone() for layer, mask in getattr(self, name).items()} for name in kept}
        return {**masks, "served": list(self.served)}

    def load_state_dict(self, state: SavedState) -> None:
        """Take back what :meth:`state_dict` gave."""
        self.served = list(state["served"])
        for name, masks in state.items():
            if name == "served":
                continue
            setattr(self, name, {layer: mask.clone() for layer, mask in masks.items()})
        self._masks = {}

    def _outputs(self, name: str, classes: Sequence[int]) -> Tensor:
        if name in self.candidates:
            return self.candidates[name]
        stable = torch.zeros(len(self.connections[name]), dtype=torch.bool)
        stable[list(classes)] = True
        return stable

    def _grown(
        self, name: str, kept: Tensor, count: int, generator: torch.Generator, classes: Sequence[int]
    ) -> tuple[Tensor, int]:
        if count == 0:
            return kept, count
        return grow(kept, ~self._outputs(name, [*self.served, *classes]), count, generator)
