"""CPG: a task picks among the weights of older tasks, trains free ones, grows if it must, and is compacted."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from imcsim.learn.adapt.adaptor import adaptor_of, adaptors
from imcsim.learn.adapt.attach import attach
from imcsim.learn.adapt.chain import require_chain
from imcsim.learn.adapt.holdout import Holdout
from imcsim.learn.adapt.owned import OwnedMethod
from imcsim.learn.adapt.owners import Ties, claim, gradual_sparsity, prune_to, reserve, units_at
from imcsim.learn.adapt.per_task import PerTaskConfig, PerTaskMethod
from imcsim.learn.adapt.pick import Pick
from imcsim.learn.adapt.rates import scaled_rate
from imcsim.learn.adapt.units import input_units
from imcsim.learn.method import Context, TaskPlan, method
from imcsim.learn.quantize import mapped_module
from imcsim.learn.stream import Task
from imcsim.mapping.layer import LayerSpec

if TYPE_CHECKING:
    from imcsim.learn.config import LearnConfig


_PICK_STEPS = 7900  # of the source's rate: 100 epochs of ceil(2,500 / 32) steps


class CpgConfig(PerTaskConfig):
    """CPG's settings; those with a number in ivclab/CPG@f1b20ea have it as default, the others are design choices.

    Parameters
    ----------
    goal
        Accuracy on held-out samples that a task must reach; the paper takes that of a network of its own for each task.
    validation_share
        Share of a task's training samples held out.
    widest, growth
        Largest width multiplier, and its step; the network that is given is the widest, and its layers begin with
        1 / ``widest`` of their units. 1: no growth.
    train_share, prune_share
        Shares of a task's epochs that train (and grow), and that prune step by step; the rest retrain. A task of one
        epoch does not prune.
    sparsity
        Share of what a task claimed that is free again when pruning ends; pruning ends before if the goal is lost.
    initial, threshold, pick_learning_rate
        Of the picks; as in Piggyback. None: 5e-4, which ivclab/CPG takes for 100 epochs of 2,500 samples in batches of
        32, scaled as the other rates.
    ties, rank_free
        See :func:`imcsim.learn.adapt.owners.prune_to`; True is what the released code does.
    learning_rate
        Adam's step for the free weights of later tasks (the source has SGD there, with 1e-2).
    """

    goal: float = Field(0.9, ge=0, le=1)
    validation_share: float = Field(0.1, gt=0, lt=1)
    widest: float = Field(1.5, ge=1)
    growth: float = Field(0.5, gt=0)
    train_share: float = Field(0.5, gt=0, le=1)
    prune_share: float = Field(0.3, ge=0, lt=1)
    sparsity: float = Field(0.75, ge=0, lt=1)
    initial: float = 0.01
    threshold: float = Field(0.005, ge=0)
    pick_learning_rate: float | None = Field(None, gt=0)
    ties: Ties = "count"
    rank_free: bool = False
    norm: Literal["per-task", "frozen"] = "per-task"

    @model_validator(mode="after")
    def _fits(self) -> "CpgConfig":
        if self.train_share + self.prune_share > 1:
            raise ValueError(
                f"train_share + prune_share must be at most 1, got {self.train_share} + {self.prune_share}"
            )
        return self


@method("cpg")
class Cpg(OwnedMethod[CpgConfig]):
    """Compact (gradual pruning), pick (masks over old weights), grow (units that were reserved).

    Shapes are fixed when layers are mapped, so the widest network is laid out from the start: reserved units hold
    weights of 0 and count as cells. Their weights are drawn when they grow. Growth needs a chain of layers. Picks train
    while the task's weights grow, and are held from the moment its pruning begins, as in the released code. That code's
    delay between a pruned owner map and its effect on the weights is not offered.
    """

    source = "CPG (Hung et al., NeurIPS 2019); ivclab/CPG@f1b20ea"
    act = "closed pick"

    def __init__(self, config: CpgConfig) -> None:
        super().__init__(config)
        self.holdout = Holdout()
        self.width = 1.0
        self._goal, self._ended = 0.0, False
        self._kept: dict[str, Any] = {}
        self._deviations: dict[str, float] = {}
        self._head_columns: tuple[str, Tensor] | None = None
        self._held_picks: list[nn.Parameter] = []

    def acts(self) -> tuple[str, ...]:
        """Return the picks, and the pruning if it is on."""
        return (*super().acts(), *["pruning"] * (self.config.prune_share > 0 and self.config.sparsity > 0))

    def prepare(self, network: nn.Module, image_shape: tuple[int, int, int], pe_tile: tuple[int, int]) -> nn.Module:
        """Attach picks that have nothing to choose from yet."""
        return attach(network, image_shape, self._pick)

    def _pick(self, spec: LayerSpec, weight: Tensor) -> Pick:
        return Pick(spec, weight, self.config.initial, self.config.threshold)

    def begin(self, context: Context, task: Task) -> None:
        """Let the task pick among all weights of older tasks."""
        for name, owner in self.owners.items():
            adaptor = adaptor_of(mapped_module(context.network, name))
            if isinstance(adaptor, Pick):
                adaptor.old.copy_((owner > 0) & (owner <= context.task))

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        """Reserve the units that do not exist yet; hold out samples."""
        if not self.owners:
            if self.config.widest > 1:
                require_chain(context, task.x_train[:4], "cpg")
            self._deviations = {n: float(self._weight(context, n).detach().std()) for n in self.hidden(context)}
            self.owners = self._reserved(context, {name: self._free(context, name) for name in self.hidden(context)})
        self.holdout.draw(len(task.y_train), self.config.validation_share, context.generator)
        self._goal, self._ended, self._kept = self.config.goal, False, {}
        return super().before_task(context, task)

    def task_optimizer(
        self, context: Context, parameters: Mapping[str, nn.Parameter], config: "LearnConfig"
    ) -> torch.optim.Optimizer:
        """Return Adam with steps of its own for picks, weights and the rest; the run's optimiser in the first task."""
        if self.trains_backbone(context):
            return super().task_optimizer(context, parameters, config)
        hidden, (own, head) = {f"{name}.weight" for name in self.hidden(context)}, self.config.rates(context.steps)
        pick = self.config.pick_learning_rate or scaled_rate(5e-4, _PICK_STEPS, context.steps)
        groups: dict[float, list[nn.Parameter]] = {}
        for name, parameter in parameters.items():
            rate = pick if name.endswith(".adaptor.latent") else own if name in hidden else head
            groups.setdefault(rate, []).append(parameter)
        return torch.optim.Adam([{"params": part, "lr": rate} for rate, part in groups.items()])

    def before_epoch(self, context: Context, task: Task) -> Tensor:
        """Return all samples but those held out."""
        super().before_epoch(context, task)
        self._close_head(context)
        train, prune = self.phases(context.epochs)
        self._hold_picks(context, prune > 0 and context.epoch >= train)
        return self.holdout.others(len(task.y_train))

    def after_epoch(self, context: Context, task: Task) -> None:
        """Grow while training falls short of the goal; then prune a step an epoch, as long as the goal is kept."""
        self._hold_picks(context, False)
        train, prune = self.phases(context.epochs)
        done = context.epoch + 1
        if done in self._growth_epochs(train):
            if self.width < self.config.widest and self.holdout.accuracy(context, task) < self.config.goal:
                self._grow(context)
        elif train <= done <= train + prune and not self._ended and prune:
            accuracy = self.holdout.accuracy(context, task)
            if done == train:
                self._goal = min(self.config.goal, accuracy)  # what training did not reach, pruning need not keep
            if accuracy < self._goal:
                self._go_back(context)
            elif done < train + prune:
                self._compact(context, (done - train + 1) / prune)

    def phases(self, epochs: int) -> tuple[int, int]:
        """Return the epochs that train and those that prune; the others retrain."""
        train = max(round(epochs * self.config.train_share), 1)
        share = self.config.prune_share
        return train, min(max(round(epochs * share), 1 if share else 0), epochs - train)

    def after_task(self, context: Context, task: Task) -> None:
        """As the base; nothing to go back to is kept."""
        self._kept = {}
        self._close_head(context)
        context.work.did("pruning", sum(int((owner == 0).sum()) for owner in self.owners.values()))
        super().after_task(context, task)

    def active_masks(self) -> Mapping[str, Tensor] | None:
        """Return the weights with an owner; the classifier reads existing units only."""
        return {**(super().active_masks() or {}), **dict([self._head_columns] if self._head_columns else [])}

    def written_pes(self, context: Context, trained: set[str], written: set[str]) -> dict[str, Tensor]:
        """Return all PEs: picks rewrite old weights, growth and training the others."""
        self._close_head(context)
        return PerTaskMethod.written_pes(self, context, trained, written)

    def state_dict(self) -> dict[str, Any]:
        """Return width, goal and the state to go back to."""
        mine = {"held": self.holdout.index, "width": self.width, "goal": self._goal, "ended": self._ended}
        return {**super().state_dict(), **mine, "kept": self._kept, "deviations": dict(self._deviations)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        super().load_state_dict(state)
        self.holdout.index, self.width, self._goal = state["held"], float(state["width"]), float(state["goal"])
        self._ended, self._kept, self._deviations = bool(state["ended"]), state["kept"], dict(state["deviations"])

    def _hold_picks(self, context: Context, held: bool) -> None:
        """Hold the picks that train, or let those that were held train again."""
        for latent in self._held_picks:
            latent.requires_grad_(True)
        found = adaptors(context.network).values() if held else ()
        self._held_picks = [p for adaptor in found for p in adaptor.parameters() if p.requires_grad]
        for latent in self._held_picks:
            latent.requires_grad_(False)

    def _growth_epochs(self, train: int) -> set[int]:
        steps = -(-(self.config.widest - 1) // self.config.growth)
        return {epoch for k in range(1, int(steps) + 1) if 0 < (epoch := train * k // int(steps + 1)) < train}

    def _weight(self, context: Context, name: str) -> Tensor:
        return mapped_module(context.network, name).weight

    def _reserved(self, context: Context, owners: Mapping[str, Tensor]) -> dict[str, Tensor]:
        if self.config.widest == 1:
            return dict(owners)
        reads, reserved = input_units(context.layers, "cpg"), {}
        for number, spec in enumerate(context.layers[:-1]):
            if spec.name not in owners:  # frozen by the user: all of it is there
                continue
            units = units_at(spec.out_features, self.width, self.config.widest)
            read = reads[0] if number == 0 else units_at(reads[number], self.width, self.config.widest)
            reserved[spec.name] = reserve(owners[spec.name], units, read, reads[number])
        return reserved

    def _close_head(self, context: Context) -> None:
        name, units = context.layers[-1].name, context.layers[-2].out_features
        if self.config.widest == 1 or f"{name}.weight" in context.frozen:
            return
        weight = self._weight(context, name)
        there = torch.zeros_like(weight, dtype=torch.bool)
        there[:, : units_at(units, self.width, self.config.widest) * (weight.shape[1] // units)] = True
        self._head_columns = name, there

    @torch.no_grad()
    def _grow(self, context: Context) -> None:
        self.width = min(self.width + self.config.growth, self.config.widest)
        for name, owner in self._reserved(context, self.owners).items():
            fresh = (self.owners[name] == -1) & (owner == 0)
            values = torch.randn(int(fresh.sum()), generator=context.generator) * self._deviations[name]
            self._weight(context, name)[fresh] = values.to(context.device)
            self.owners[name] = claim(owner, context.task)
        self._close_head(context)

    def _compact(self, context: Context, progress: float) -> None:
        network = {name: value.detach().clone() for name, value in context.network.state_dict().items()}
        self._kept = {"network": network, "owners": dict(self.owners)}
        sparsity = gradual_sparsity(progress, self.config.sparsity)
        for name, owner in self.owners.items():
            weight = self._weight(context, name)
            self.owners[name] = prune_to(weight, owner, context.task, sparsity, self.config.ties, self.config.rank_free)

    @torch.no_grad()
    def _go_back(self, context: Context) -> None:
        self._ended = True
        state = context.network.state_dict()
        for name, value in self._kept["network"].items():
            state[name].copy_(value)
        self.owners = {name: owner.to(context.device) for name, owner in self._kept["owners"].items()}
        self._kept = {}
