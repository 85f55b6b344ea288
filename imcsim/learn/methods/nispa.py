"""NISPA: a sparse network of fixed density whose stable units are frozen, task after task; plastic ones are rewired."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from imcsim.core.errors import ConfigError
from imcsim.learn.adapt.chain import mean_activation, require_chain
from imcsim.learn.adapt.holdout import Holdout
from imcsim.learn.adapt.owned import DividedMethod
from imcsim.learn.adapt.per_task import NormConfig
from imcsim.learn.adapt.sparse_units import Leftover, SparseUnits
from imcsim.learn.adapt.units import connection_weights, input_units, stable_share, stable_units
from imcsim.learn.method import Context, TaskPlan, method
from imcsim.learn.placing.pe_blocks import pe_norms
from imcsim.learn.quantize import mapped_module
from imcsim.learn.shapes import weight_matrix
from imcsim.learn.stream import Task


class NispaConfig(NormConfig):
    """NISPA's settings; defaults are those of BurakGurbuz97/NISPA for Split CIFAR-10.

    Parameters
    ----------
    density
        Share of a hidden layer's connections that exist.
    dense_first
        Whether the first layer has all its connections: few inputs leave units without any (a design choice).
    phase_epochs, phases
        Epochs between two rewirings, and the phase at which tau reaches 0.
    scale_schedule
        Spread the ``phases`` over the run's epochs instead, each at least one epoch. The original trains until
        accuracy falls, however long that takes.
    smallest_share
        tau at which rewiring ends.
    accuracy_fall
        a_f: rewiring ends, and the network goes back one phase, when the accuracy on held-out samples is this much
        below its best.
    validation_share
        Share of a task's training samples held out (a design choice).
    activation_samples
        Samples over which activations are averaged (a design choice).
    leftover
        What becomes of connections that find no place in their layer: "next-layers", or "lost" as in the released code.
    first_of_silent
        Code: a layer without activity has one stable unit, its first.
    grow_output
        Code: what the classifier loses is grown, too; at outputs of classes to come, or else as ``leftover`` says.
    grown
        Value of a new connection: "layer" draws from the mean and deviation of the layer's active weights as the
        released code does, "zero" starts at 0.
    """

    density: float = Field(0.1, gt=0, le=1)
    dense_first: bool = True
    phase_epochs: int = Field(5, ge=1)
    phases: int = Field(30, ge=1)
    scale_schedule: bool = True
    smallest_share: float = Field(0.05, ge=0, le=1)
    accuracy_fall: float = Field(0.0075, ge=0)
    validation_share: float = Field(0.1, gt=0, lt=1)
    activation_samples: int = Field(1000, ge=1)
    leftover: Leftover = "next-layers"
    first_of_silent: bool = False
    grow_output: bool = False
    grown: Literal["layer", "zero"] = "layer"


@method("nispa")
class Nispa(DividedMethod[NispaConfig]):
    """Units that carry most of a layer's activity become stable; what they read is frozen for good.

    First layers that the user froze have all their connections, and all their units are stable from the start.

    A task ends with connections to its stable units from stable units only, so nothing later changes what they give: no
    weight is stored twice and a task switch writes no cell. Our reading: a connection of a convolution is a whole
    kernel; a task's classes are stable units from its first rewiring on; biases of hidden layers stay as the first
    task left them. Demotion of dead units, which the released code computes and does not use, and its repair of links
    are not offered.
    """

    source = "NISPA (Gurbuz and Dovrolis, ICML 2022); BurakGurbuz97/NISPA"

    def __init__(self, config: NispaConfig) -> None:
        super().__init__(config)
        self.units = SparseUnits()
        self._shapes: dict[str, torch.Size] = {}
        self._deviations: dict[str, float] = {}
        self.holdout = Holdout()
        self._best, self._phase, self._ended = 0.0, 0, False
        self._kept: dict[str, Any] = {}

    def acts(self) -> tuple[str, ...]:
        """Return the rewiring and the freezing of what stable units read."""
        return ("rewiring", "stable unit")

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        """Draw the network before the first task; before later ones, draw the plastic weights anew."""
        if not self.units.connections:
            inputs = input_units(context.layers, "nispa")
            require_chain(context, task.x_train[:4], "nispa")
            held = _held_front(context)
            dense = [context.layers[0].name, *held] if self.config.dense_first else held
            self.units.start(context.layers, inputs, self.config.density, dense, context.generator)
            self.units.hold(held)
            names = [spec.name for spec in context.layers[:-1]]
            self._deviations = {n: float(_weight(context, n).detach().std()) for n in names}
        self._bind(context)
        if context.task > 0:
            for name, mask in self.units.trainable(self._shapes).items():
                self._draw(context, name, mask, 0.0, self._deviations[name])
        self.holdout.draw(len(task.y_train), self.config.validation_share, context.generator)
        self._best, self._phase, self._ended, self._kept = 0.0, 0, False, {}
        return super().before_task(context, task)

    def before_epoch(self, context: Context, task: Task) -> Tensor:
        """Return all samples but those held out."""
        super().before_epoch(context, task)
        self._bind(context)
        return self.holdout.others(len(task.y_train))

    def after_epoch(self, context: Context, task: Task) -> None:
        """Rewire after each phase, until accuracy falls or tau is small; then train on what the last phase gave."""
        length = self._phase_epochs(context)
        if self._ended or (context.epoch + 1) % length or context.epoch + 1 == context.epochs:
            return
        accuracy = self.holdout.accuracy(context, task)
        if accuracy < self._best - self.config.accuracy_fall:
            self._end(context)
            return
        self._best = max(self._best, accuracy)
        phases = self.config.phases if not self.config.scale_schedule else max(context.epochs // length, 1)
        share = stable_share(self._phase + 1, phases)
        if share <= self.config.smallest_share:
            self._ended = True
            return
        network = {name: value.detach().clone() for name, value in context.network.state_dict().items()}
        self._kept = {"network": network, "units": self.units.state_dict()}
        self._rewire(context, task, share)

    def after_task(self, context: Context, task: Task) -> None:
        """Freeze the stable units."""
        self._bind(context)
        if self._phase == 0:  # too short a task for a rewiring with training after it
            self._rewire(context, task, stable_share(1, self.config.phases))
            self._zero(context)
        self.units.finish(task.classes)
        context.work.did("stable unit", sum(int(units.sum()) for units in self.units.frozen.values()))
        self._kept = {}
        super().after_task(context, task)

    def active_masks(self) -> Mapping[str, Tensor] | None:
        """Return the weights of existing connections."""
        return self._on_device(self.units.active(self._shapes)) if self._shapes else None

    def update_masks(self) -> Mapping[str, Tensor] | None:
        """Return the weights that plastic units read, and the classifier's rows of the task's classes."""
        return {**(super().update_masks() or {}), **self._on_device(self.units.trainable(self._shapes))}

    def switched_layers(self, context: Context) -> tuple[str, ...]:
        """Return none: later weights do not reach earlier tasks' units."""
        return ()

    def written_pes(self, context: Context, trained: set[str], written: set[str]) -> dict[str, Tensor]:
        """Return the PEs that hold weights of plastic units."""
        pes = super().written_pes(context, trained, written)
        for spec in context.layers[:-1]:
            connections = self.units.connections[spec.name]
            plastic = ~self.units.frozen[spec.name][:, None].expand_as(connections)
            free = connection_weights(plastic, self._shapes[spec.name]).float()
            pes[spec.name] = pe_norms(weight_matrix(free, spec), context.pe_tile) > 0
        return pes

    def state_dict(self) -> dict[str, Any]:
        """Return units, phase and the state to go back to."""
        mine = {"held": self.holdout.index, "best": self._best, "phase": self._phase, "ended": self._ended}
        more = {"units": self.units.state_dict(), "kept": self._kept, "deviations": dict(self._deviations)}
        return {**super().state_dict(), **mine, **more}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        super().load_state_dict(state)
        self.holdout.index, self._best, self._phase = state["held"], float(state["best"]), int(state["phase"])
        self._ended, self._kept, self._deviations = bool(state["ended"]), state["kept"], dict(state["deviations"])
        self.units.load_state_dict(state["units"])

    def _bind(self, context: Context) -> None:
        self._shapes = {spec.name: _weight(context, spec.name).shape for spec in context.layers}
        self._device = context.device

    def _on_device(self, masks: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: mask.to(self._device) for name, mask in masks.items()}

    def _phase_epochs(self, context: Context) -> int:
        if not self.config.scale_schedule:
            return self.config.phase_epochs
        return max(round(context.epochs / self.config.phases), 1)

    @torch.no_grad()
    def _end(self, context: Context) -> None:
        """Undo the last rewiring, but never the first: without it no unit would be stable."""
        self._ended = True
        if self._phase < 2:
            return
        state = context.network.state_dict()
        for name, value in self._kept["network"].items():
            state[name].copy_(value)
        self.units.load_state_dict(self._kept["units"])
        self._kept = {}

    def _stable(self, activation: Tensor, share: float) -> Tensor:
        return stable_units(activation, share, self.config.first_of_silent).cpu()

    def _rewire(self, context: Context, task: Task, share: float) -> None:
        means = mean_activation(context, task.x_train[: self.config.activation_samples])
        for name, values in means.items():
            self.units.candidates[name] = self.units.frozen[name] | self._stable(values, share)
        grown = self.units.rewire(task.classes, context.generator, self.config.leftover, self.config.grow_output)
        context.work.did("rewiring", sum(int(connections.sum()) for connections in grown.values()))
        for name, connections in grown.items():
            if connections.any() and self.config.grown == "layer":
                weight = _weight(context, name).detach()
                alive = weight[weight != 0]
                mean, deviation = float(alive.mean()), float(alive.std(correction=0))
                self._draw(context, name, connection_weights(connections, self._shapes[name]), mean, deviation)
        self._phase += 1

    @torch.no_grad()
    def _draw(self, context: Context, name: str, mask: Tensor, mean: float, deviation: float) -> None:
        values = torch.randn(int(mask.sum()), generator=context.generator) * deviation + mean
        _weight(context, name)[mask.to(context.device)] = values.to(context.device)

    @torch.no_grad()
    def _zero(self, context: Context) -> None:
        for name, mask in self._on_device(self.units.active(self._shapes)).items():
            _weight(context, name).mul_(mask)


def _held_front(context: Context) -> list[str]:
    """Return the layers that the user froze; ConfigError unless they are the network's first ones."""
    held = [spec.name for spec in context.layers if f"{spec.name}.weight" in context.frozen]
    for spec, name in zip(context.layers, held, strict=False):
        if spec.name != name:
            raise ConfigError(
                f"nispa rewires what lies behind the first layer that trains, but the network came with '{name}' "
                f"frozen behind '{spec.name}': freeze layers from the first on, or let '{name}' train"
            )
    return held


def _weight(context: Context, name: str) -> Tensor:
    return mapped_module(context.network, name).weight
