"""Makes masks stop work: frozen layers leave the autograd graph, frozen weights keep every bit.

Shape letters: G groups, I row tiles, J column tiles of PEs, D fan-in.
"""

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor, nn

from imcsim.core.errors import ConservationError
from imcsim.learn.method import Method, TaskPlan
from imcsim.learn.placing.pe_blocks import PeTile, expand, pe_counts
from imcsim.learn.quantize import mapped_module
from imcsim.learn.shapes import weight_from_matrix
from imcsim.mapping.layer import LayerSpec


class Freezer:
    """Applies a task's plan and a method's masks to the network.

    Parameters
    ----------
    network, layers
        The network and its mapped layers.
    pe_tile
        (weight rows, weight columns) of a PE.
    freeze_digital
        Whether the bias of a fully frozen layer, and the parameters of the unmapped modules that follow it in the
        network's order (its norm layer), freeze with it; else one early bias keeps the whole backward pass alive.
    held
        Names of the parameters that the user froze, to stay as they are now whatever the method does.
    """

    def __init__(
        self,
        network: nn.Module,
        layers: Sequence[LayerSpec],
        pe_tile: PeTile,
        freeze_digital: bool = True,
        held: Collection[str] = (),
    ) -> None:
        self.network = network
        self.layers = tuple(layers)
        self.pe_tile = pe_tile
        self.weights = {spec.name: mapped_module(network, spec.name).weight for spec in layers}
        self.digital = digital_parameters(network, [spec.name for spec in layers])
        self.freeze_digital = freeze_digital
        self.pes: dict[str, Tensor] | None = None
        self.restored: dict[str, Tensor] = {}
        self.trains: frozenset[str] | None = None
        self.allowed: dict[str, int] = {}
        self._trained = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
        self._held = {
            name: parameter.detach().clone() for name, parameter in network.named_parameters() if name in held
        }
        self._masks: dict[str, Tensor] = {}
        self._before: dict[str, tuple[Tensor, Tensor]] = {}

    def apply(self, plan: TaskPlan) -> None:
        """Freeze what ``plan`` freezes, and let everything else train.

        Raises
        ------
        ValueError
            If the plan lacks a layer or has PEs of another shape: a defect of the method.
        """
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(name in self._trained and (plan.trains is None or name in plan.trains))
            parameter.grad = None
        self.trains = plan.trains
        self.pes = None if plan.trainable_pes is None else self._checked(plan.trainable_pes)
        self.restored = {name: pes.detach().cpu().bool() for name, pes in plan.restored_pes.items()}
        self._masks = {}
        for spec in self.layers:
            if self.pes is not None and not self.pes[spec.name].all():
                self._freeze(spec, self.pes[spec.name])
        for name, pes in (self.pes or {}).items():
            if f"{name}.weight" in self._held:
                pes.fill_(False)

    def trainable_parameters(self) -> dict[str, nn.Parameter]:
        """Return what the optimiser may change, by name."""
        return {name: parameter for name, parameter in self.network.named_parameters() if parameter.requires_grad}

    def written_pes(self) -> dict[str, Tensor]:
        """Return layer -> bool (G, I, J): PEs whose cells the task may write; empty if the method places none."""
        return {name: pes | self.restored.get(name, torch.zeros_like(pes)) for name, pes in (self.pes or {}).items()}

    def trainable_weights(self, spec: LayerSpec) -> int:
        """Return the number of weights of the layer in trainable PEs."""
        weight, mask = self.weights[spec.name], self._masks.get(spec.name)
        if not weight.requires_grad:
            return 0
        return weight.numel() if mask is None else int(mask.sum())

    def kept_share(self, spec: LayerSpec) -> float:
        """Return the share of the layer's input rows that feed a trainable PE, and so must be kept for backward."""
        if self.pes is None:
            return 1.0
        rows = torch.full((self.pes[spec.name].shape[1],), self.pe_tile[0])
        rows[-1] = spec.fan_in - self.pe_tile[0] * (len(rows) - 1)
        fed = self.pes[spec.name].any(2) * rows  # (G, I)
        return float(fed.sum()) / (spec.groups * spec.fan_in)

    def mask_gradients(self, method: Method) -> None:
        """Zero the gradient of weights that may not change, and remember their values for :meth:`restore`."""
        active, update = method.active_masks() or {}, method.update_masks() or {}
        self._before = {}
        for name, weight in self.weights.items():
            if weight.grad is None:
                self.allowed[name] = 0
                continue
            mask = _both(self._masks.get(name), _both(active.get(name), update.get(name)))
            self.allowed[name] = weight.numel() if mask is None else int(mask.sum())
            if mask is not None:
                weight.grad.mul_(mask)  # itself without a gradient
                self._before[name] = (mask, weight.detach().clone())

    def step_mask(self, name: str) -> Tensor | None:
        """Return the weights of layer ``name`` that this step may change, None for all."""
        return self._before[name][0] if name in self._before else None

    @torch.no_grad()
    def hold(self, name: str, mask: Tensor) -> None:
        """Let this step change no weight of layer ``name`` outside ``mask`` (the weight's shape), and those masked."""
        if name in self._before:
            allowed, before = self._before[name]
            self._before[name] = (mask & allowed, before)
        else:
            self._before[name] = (mask, self.weights[name].detach().clone())

    def restore(self, method: Method) -> None:
        """Undo what momentum and weight decay did to frozen weights, and zero what the sparsity mask closes."""
        if self._before:
            with torch.no_grad():
                for name, (mask, before) in self._before.items():
                    self.weights[name].copy_(torch.where(mask, self.weights[name], before))
        self.zero_inactive(method)

    def zero_inactive(self, method: Method) -> None:
        """Set the weights outside the sparsity masks to 0."""
        masks = method.active_masks()
        if masks:
            with torch.no_grad():
                for name, mask in masks.items():
                    self.weights[name].mul_(mask)

    def check_held(self, method: str) -> None:
        """Raise ConservationError if the method changed a parameter that the user froze."""
        for name, before in self._held.items():
            if not torch.equal(self.network.get_parameter(name).detach(), before):
                raise ConservationError(f"method '{method}' changed parameter '{name}', which the user froze")

    def _checked(self, pes: Mapping[str, Tensor]) -> dict[str, Tensor]:
        for spec in self.layers:
            shape = tuple(pes[spec.name].shape) if spec.name in pes else None
            if shape != pe_counts(spec, self.pe_tile):
                raise ValueError(f"plan for layer {spec.name}: {pe_counts(spec, self.pe_tile)} PEs, got {shape}")
        return {spec.name: pes[spec.name].detach().cpu().bool().clone() for spec in self.layers}

    def _freeze(self, spec: LayerSpec, pes: Tensor) -> None:
        weight = self.weights[spec.name]
        if pes.any():
            self._masks[spec.name] = weight_from_matrix(expand(pes, spec, self.pe_tile), spec).to(weight.device)
            return
        weight.requires_grad_(False)
        follows = self.freeze_digital and self.trains is None  # else the plan has named all that trains
        for parameter in self.digital[spec.name] if follows else ():
            parameter.requires_grad_(False)


def _both(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    if first is None or second is None:
        return first if second is None else second
    return first & second


def digital_parameters(network: nn.Module, mapped: Sequence[str]) -> dict[str, list[nn.Parameter]]:
    """Return mapped layer -> its bias and the parameters of unmapped modules up to the next mapped layer."""
    owned: dict[str, list[nn.Parameter]] = {name: [] for name in mapped}
    current: str | None = None
    for name, module in network.named_modules():
        current = name if name in owned else current
        if current is None:
            continue
        own = module.named_parameters(recurse=False)
        owned[current] += [parameter for key, parameter in own if not (name == current and key == "weight")]
    return owned
