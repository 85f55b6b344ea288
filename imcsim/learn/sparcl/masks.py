"""The masks of SparCL: which weights exist (TDM) and which of them a step updates (DGM), for all masked layers."""

from collections.abc import Callable, Collection, Mapping, Sequence

import torch
from torch import Tensor, nn

from imcsim.core.errors import ConfigError, nearest
from imcsim.learn.method import WorkDone
from imcsim.learn.quantize import mapped_module
from imcsim.learn.sparcl.importance import active_target, gradient_mask, grow, prune, random_mask
from imcsim.learn.sparcl.schedule import MaskUpdate
from imcsim.learn.state import SavedState, State
from imcsim.mapping.layer import LayerSpec


def masked_layers(
    layers: Sequence[LayerSpec],
    dense: Sequence[str] | None,
    title: str = "sparcl",
    frozen: Collection[str] = (),
) -> tuple[LayerSpec, ...]:
    """Return the layers to mask.

    Parameters
    ----------
    layers
        Mapped layers in order of execution.
    dense
        Names that stay dense; None: the first layer, 1x1 convolutions and the last layer, as in SparCL.
    title
        The method, for messages.
    frozen
        Parameters that the user froze: a mask would write their layers.

    Raises
    ------
    ConfigError
        If a name is unknown or nothing is left to mask.
    """
    names = [spec.name for spec in layers]
    for name in dense or ():
        if name not in names:
            raise ConfigError(f"{title}: dense_layers names no mapped layer: '{name}'{nearest(name, names)}")
    if dense is None:
        shortcuts = [spec.name for spec in layers if spec.kind == "conv2d" and spec.kernel == (1, 1)]
        dense = [names[0], names[-1], *shortcuts]
    chosen = tuple(spec for spec in layers if spec.name not in dense)
    held = [spec.name for spec in chosen if f"{spec.name}.weight" in frozen]
    if held and len(held) == len(chosen):
        raise ConfigError(f"{title}: no layer is left to mask, since the network came with {', '.join(held)} frozen")
    chosen = tuple(spec for spec in chosen if spec.name not in held)
    if not chosen:
        raise ConfigError(
            f"{title}: no layer is left to mask, since the first, the last and 1x1 convolutions stay dense by default; "
            f"name the dense ones in dense_layers (layers: {', '.join(names)})"
        )
    return chosen


class SparseMasks:
    """Active and update masks of the masked layers, in each parameter's shape. :meth:`bind` comes first.

    The loop keeps weights outside them at 0 and as they were; here weights are cleared only where a mask changes.
    """

    def __init__(self) -> None:
        self.weights: dict[str, Tensor] = {}
        self.active: dict[str, Tensor] = {}
        self.update: dict[str, Tensor] = {}
        self.peak: dict[str, int] = {}

    def bind(self, network: nn.Module, layers: Sequence[LayerSpec]) -> None:
        """Use the weights of ``network``; masks are all on, or those of a checkpoint."""
        self.weights = {spec.name: mapped_module(network, spec.name).weight for spec in layers}
        for name, weight in self.weights.items():
            for masks in (self.active, self.update):
                known = masks.get(name)
                masks[name] = torch.ones_like(weight, dtype=torch.bool) if known is None else known.to(weight.device)

    def start(self, sparsity: float, generator: torch.Generator) -> None:
        """Draw random masks of ``sparsity``, the same share in every layer, and clear the weights outside."""
        self.replace({name: random_mask(w, sparsity, generator) for name, w in self.weights.items()})

    def replace(self, active: Mapping[str, Tensor]) -> None:
        """Use the masks ``active`` from now on, one for every masked layer, and clear the weights outside."""
        self.active = dict(active)
        self._settle()

    def update_each(self, step: Callable[[str, Tensor, Tensor], tuple[Tensor, Tensor]]) -> int:
        """Replace (weight, mask) of each layer by what ``step`` returns for (name, weight, mask).

        Returns how many positions the masks lost and won.
        """
        before = dict(self.active)
        with torch.no_grad():
            for name, weight in self.weights.items():
                new, self.active[name] = step(name, weight.detach(), self.active[name])
                weight.copy_(new)
        self._settle()
        return self._moved(before)

    def begin_task(self) -> None:
        """Start the count of weights that exist at once anew."""
        self.peak = {name: int(mask.sum()) for name, mask in self.active.items()}

    def report(self, work: WorkDone) -> None:
        """Report the bits of the masks, and by layer the most weights that existed at once in this task."""
        work.add("mask_bits", self.bits)
        for name, count in self.peak.items():
            work.add("peak_active_weights", count, name)

    def denser_than(self, sparsity: float) -> bool:
        """Whether some layer has more active weights than ``sparsity`` allows."""
        return any(int(mask.sum()) > active_target(mask.numel(), sparsity) for mask in self.active.values())

    def change(
        self,
        step: MaskUpdate,
        importance: Mapping[str, Tensor] | None,
        generator: torch.Generator,
        drop_zeros: bool = False,
        truncate: bool = False,
    ) -> int:
        """Shrink by ``importance`` (None: nothing to shrink), then grow at random; new weights are 0.

        Returns how many positions the masks lost and won.

        ``drop_zeros``: an active weight of exactly 0 goes, too, after it was ranked with the others, as in codes that
        prune and then rebuild the mask as w != 0; where both bounds are equal such an update only shrinks, and their
        places stay empty. ``truncate``: see :func:`~.importance.active_target`.
        """
        before = dict(self.active)
        only_shrinks = drop_zeros and step.shrink_to == step.expand_to
        for name, weight in self.weights.items():
            mask = self.active[name]
            if importance is not None:
                mask = prune(mask, importance[name], step.shrink_to)
            if drop_zeros:
                mask = mask & (weight != 0)
            with torch.no_grad():  # what goes is cleared before growth, which may choose the same position
                weight.mul_(mask)
            self.active[name] = mask if only_shrinks else grow(mask, step.expand_to, generator, truncate)
        self._settle()
        return self._moved(before)

    def choose_updates(
        self, importance: Mapping[str, Tensor], gradient_sparsity: float, keep_equal: bool = False
    ) -> None:
        """Choose the weights that steps update from now on; see :func:`~.importance.gradient_mask`."""
        self.update = {
            n: gradient_mask(importance[n], self.active[n], gradient_sparsity, keep_equal) for n in self.weights
        }

    def beyond_update(self) -> dict[str, int]:
        """Return layer -> active weights outside the update mask."""
        return {name: int((self.active[name] & ~self.update[name]).sum()) for name in self.weights}

    @property
    def names(self) -> list[str]:
        """Masked layers."""
        return list(self.weights)

    @property
    def bits(self) -> int:
        """Bits of the active masks: one for each position."""
        return sum(mask.numel() for mask in self.active.values())

    def _moved(self, before: Mapping[str, Tensor]) -> int:
        return sum(int((before[name] ^ mask).sum()) for name, mask in self.active.items())

    @torch.no_grad()
    def _settle(self) -> None:
        self.update = dict(self.active)
        for name, weight in self.weights.items():
            weight.mul_(self.active[name])
            self.peak[name] = max(self.peak.get(name, 0), int(self.active[name].sum()))

    def state_dict(self) -> State:
        """Return copies of all masks."""
        return {
            "active": {name: mask.clone() for name, mask in self.active.items()},
            "update": {name: mask.clone() for name, mask in self.update.items()},
            "peak": dict(self.peak),
        }

    def load_state_dict(self, state: SavedState) -> None:
        """Take back what :meth:`state_dict` gave; :meth:`bind` is needed anew."""
        self.active, self.update, self.weights = dict(state["active"]), dict(state["update"]), {}
        self.peak = dict(state["peak"])


class ZeroParameters:
    """Parameters whose zeros stay 0 for good: a side effect of the released code, off by default.

    neu-spiral/SparCL masks every tensor of which at least 10 % is 0 at the start, so all batch-norm shifts.
    """

    def __init__(self) -> None:
        self.masks: dict[str, Tensor] = {}

    def find(self, network: nn.Module, masked: Sequence[str]) -> None:
        """Look at all parameters but the weights of the ``masked`` layers."""
        known = {f"{name}.weight" for name in masked}
        for name, parameter in network.named_parameters():
            inside = parameter.detach() != 0
            if name not in known and float(inside.double().mean()) <= 0.9:
                self.masks[name] = inside

    @torch.no_grad()
    def enforce(self, network: nn.Module) -> None:
        """Set them back to 0 after a step."""
        for name, mask in self.masks.items():
            network.get_parameter(name).mul_(mask.to(network.get_parameter(name).device))

    def state_dict(self) -> dict[str, Tensor]:
        """Return copies of the masks."""
        return {name: mask.clone() for name, mask in self.masks.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take back what :meth:`state_dict` gave."""
        self.masks = dict(state)
