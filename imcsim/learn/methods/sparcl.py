"""SparCL: sparse continual learning that saves weights (TDM), samples (DDR) and gradients (DGM) on top of replay."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from imcsim.learn.buffer import ReplayMethod
from imcsim.learn.method import Context, TaskPlan, method
from imcsim.learn.placing.scoring import charge_scoring, scoring, weight_gradients
from imcsim.learn.sparcl.config import SparclConfig
from imcsim.learn.sparcl.difficulty import DifficultyCounter, keep_hardest
from imcsim.learn.sparcl.importance import gradient_importance, weight_importance
from imcsim.learn.sparcl.loss import LossParts, derpp_parts, er_parts, restrict
from imcsim.learn.sparcl.masks import SparseMasks, ZeroParameters, masked_layers
from imcsim.learn.sparcl.schedule import MaskUpdate, Schedule
from imcsim.learn.stream import Task

Terms = tuple[dict[str, Tensor], dict[str, Tensor] | None]


@method("sparcl")
class Sparcl(ReplayMethod[SparclConfig]):
    """TDM, DDR and DGM on top of ER or DER++; each is off at sparsity 0, removed_share 0 and q = s."""

    source = "SparCL, NeurIPS 2022; neu-spiral/SparCL for the schedule"

    def __init__(self, config: SparclConfig) -> None:
        super().__init__(config)
        self.keeps_logits = config.base == "derpp"
        self.masks = SparseMasks()
        self.zeros = ZeroParameters()
        self.difficulty = DifficultyCounter(0, config.ddr_measure)
        self.kept = torch.zeros(0, dtype=torch.int64)
        self._refresh_due = True
        self._terms: Terms | None = None
        self._last: dict[str, Tensor] = {}
        self._logits: Tensor | None = None
        self._samples = 0

    def acts(self) -> tuple[str, ...]:
        """Return replay, and TDM's, DGM's and DDR's acts as far as they are on."""
        c = self.config
        masks, gradients = c.sparsity > 0, c.update_sparsity > c.sparsity
        own = ["mask change"] * masks + ["gradient mask"] * gradients + ["sample removal"] * (c.removed_share > 0)
        return (*super().acts(), *own)

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        """Draw the masks before the first task; start the counters of every task."""
        masks = self._bound(context)
        if context.task == 0 and self.config.sparsity > 0:
            masks.start(self.config.sparsity, context.generator)
        masks.begin_task()
        if context.task == 0 and self.config.freeze_zero_parameters:
            self.zeros.find(context.network, masks.names)
        self.difficulty = DifficultyCounter(len(task.y_train), self.config.ddr_measure)
        self.kept = torch.arange(len(task.y_train))
        self._refresh_due = True
        return TaskPlan()

    def before_epoch(self, context: Context, task: Task) -> Tensor | None:
        """Remove easy samples, change the masks; return the samples still in use."""
        super().before_epoch(context, task)
        self._bound(context)
        schedule = self._schedule(context)
        keep = schedule.kept_samples(len(task.y_train), self.config.removed_share, context.epoch)
        if keep < len(self.kept):
            context.work.did("sample removal", len(self.kept) - keep)
            self.kept = keep_hardest(self.kept, self.difficulty.scores(), keep, context.generator)
            self.difficulty.reset()
        change = schedule.mask_update(context.epoch, self.config.sparsity, self.config.p_inter, self.config.p_intra)
        if change is not None and self.config.sparsity > 0:
            self._change_masks(context, task, change)
        return None if len(self.kept) == len(task.y_train) else self.kept

    def loss(self, context: Context, task: Task, x: Tensor, y: Tensor, index: Tensor) -> Tensor:
        """Return the loss; count mistakes, and take the gradient terms apart when the gradient mask is due."""
        self._bound(context)
        parts = self._parts(context, task, context.augment(x), y)
        self._logits, self._samples = parts.logits, parts.samples
        seen = restrict(parts.logits, task.classes if self.config.ddr_logits == "task" else None)
        self.difficulty.update(index, seen.argmax(1) == y)
        if self._refreshes(context) and self.config.gradient_terms == "separate":
            self._terms = self._separate(context, parts, keep_graph=True)
        return parts.total

    def before_step(self, context: Context) -> None:
        """Choose the gradient mask when it is due; the loop applies it to gradients and weights."""
        if self._refreshes(context):
            current, buffer = self._terms or ({n: _gradient(w) for n, w in self.masks.weights.items()}, None)
            chosen = self._importance(current, buffer)
            self.masks.choose_updates(chosen, self.config.update_sparsity, self.config.keep_equal)
            self._charge_refresh(context)
            self._refresh_due, self._terms = False, None
        if self.config.importance_gradient == "last-step":
            self._last = {n: _gradient(w) * self.masks.update[n] for n, w in self.masks.weights.items()}

    def after_step(self, context: Context, x: Tensor, y: Tensor) -> None:
        """Offer the batch to the buffer."""
        self.zeros.enforce(context.network)
        self.remember(context, x, y, self._logits if self.keeps_logits else None)

    def after_task(self, context: Context, task: Task) -> None:
        """Report the masks."""
        masks = self._bound(context)
        if self.config.sparsity > 0:
            masks.report(context.work)

    def active_masks(self) -> Mapping[str, Tensor] | None:
        """Return the masked layers' masks; None at sparsity 0."""
        return self.masks.active if self.config.sparsity > 0 else None

    def update_masks(self) -> Mapping[str, Tensor] | None:
        """Return the weights that this step updates; None at s = q = 0."""
        return self.masks.update if self.config.update_sparsity > 0 else None

    def _bound(self, context: Context) -> SparseMasks:
        if not self.masks.weights:
            chosen = masked_layers(context.layers, self.config.dense_layers, frozen=context.frozen)
            self.masks.bind(context.network, chosen)
        return self.masks

    def _schedule(self, context: Context) -> Schedule:
        scales = self.config.scale_schedule and context.epochs > 0
        return self.config.schedule.scaled(context.epochs) if scales else self.config.schedule

    def _refreshes(self, context: Context) -> bool:
        due = self._refresh_due or context.step % self.config.gradient_refresh == 0
        return due and self.config.update_sparsity > self.config.sparsity

    def _parts(self, context: Context, task: Task, x: Tensor, y: Tensor) -> LossParts:
        classes = task.classes if self.config.mask_current_loss else None
        recall = partial(self.recall, context, len(y)) if self.can_replay(context) else None
        if self.config.base == "er":
            return er_parts(context.network, x, y, classes, recall)
        weights = (self.config.logit_weight, self.config.label_weight)
        return derpp_parts(context.network, x, y, classes, recall, weights)

    def _separate(self, context: Context, parts: LossParts, keep_graph: bool) -> Terms:
        names = self.masks.names
        both = keep_graph or parts.buffer is not None
        current = weight_gradients(context.network, names, parts.current, both)
        if parts.buffer is None:
            return dict(zip(names, current, strict=True)), None
        buffer = weight_gradients(context.network, names, parts.buffer, keep_graph)
        return dict(zip(names, current, strict=True)), dict(zip(names, buffer, strict=True))

    def _importance(self, current: Mapping[str, Tensor], buffer: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
        alpha, beta = self.config.alpha, self.config.beta
        return {n: gradient_importance(g, buffer[n] if buffer else None, alpha, beta) for n, g in current.items()}

    def _change_masks(self, context: Context, task: Task, change: MaskUpdate) -> None:
        importance = None
        if self.masks.denser_than(change.shrink_to):
            current, buffer = (self._last, None) if self._last else self._fresh_terms(context, task)
            importance = {
                n: weight_importance(
                    w.detach(), current[n], buffer[n] if buffer else None, self.config.alpha, self.config.beta
                )
                for n, w in self.masks.weights.items()
            }
        rules = (self.config.drop_zero_weights, self.config.truncate_growth)
        moved = self.masks.change(change, importance, context.generator, *rules)
        context.work.did("mask change", moved)
        self._refresh_due = True

    def _fresh_terms(self, context: Context, task: Task) -> Terms:
        chosen = torch.randperm(len(self.kept), generator=context.generator)[: self.config.importance_samples]
        index = self.kept[chosen].to(task.x_train.device)
        with scoring(context.network, context.layers), torch.enable_grad():
            parts = self._parts(context, task, context.augment(task.x_train[index]), task.y_train[index])
            if self.config.gradient_terms == "separate":
                terms = self._separate(context, parts, keep_graph=False)
            else:
                merged = weight_gradients(context.network, self.masks.names, parts.total)
                terms = dict(zip(self.masks.names, merged, strict=True)), None
        active = {name: int(mask.sum()) for name, mask in self.masks.active.items()}
        charge_scoring(context.work, context.layers, parts.samples, active)
        return terms

    def _charge_refresh(self, context: Context) -> None:
        beyond = self.masks.beyond_update()
        context.work.did("gradient mask", sum(beyond.values()))
        for spec in context.layers:
            if spec.name in beyond:
                macs = self._samples * spec.positions * beyond[spec.name]
                context.work.add("dense_gradient_macs", macs, spec.name)

    def state_dict(self) -> dict[str, Any]:
        """Return masks, counters, the samples in use, and the buffer."""
        return {
            **super().state_dict(),
            "masks": self.masks.state_dict(),
            "zeros": self.zeros.state_dict(),
            "difficulty": self.difficulty.state_dict(),
            "kept": self.kept.clone(),
            "refresh_due": self._refresh_due,
            "last": {name: gradient.clone() for name, gradient in self._last.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        super().load_state_dict(state)
        self.masks.load_state_dict(state["masks"])
        self.zeros.load_state_dict(state["zeros"])
        self.difficulty.load_state_dict(state["difficulty"])
        self.kept = state["kept"].clone()
        self._refresh_due = bool(state["refresh_due"])
        self._last = dict(state["last"])


def _gradient(weight: Tensor) -> Tensor:
    return torch.zeros_like(weight) if weight.grad is None else weight.grad
