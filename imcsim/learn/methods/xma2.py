"""XMA2: a task re-programs its most critical PEs, within a budget, and scales the columns of all others.

Shape letters: G groups, I row tiles, J column tiles of PEs, N outputs per group.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from pydantic import Field
from torch import Tensor, nn

from imcsim.learn.adapt.adaptor import ColumnAdaptor, adaptors
from imcsim.learn.adapt.attach import attach
from imcsim.learn.adapt.column_shifts import ShiftColumns, ShiftConfig
from imcsim.learn.adapt.pe_budget import choose_pes
from imcsim.learn.adapt.reprogram import ReprogrammingMethod
from imcsim.learn.method import Context, TaskPlan, method
from imcsim.learn.placing.life import with_wear
from imcsim.learn.placing.pe_blocks import pe_counts, pe_norms
from imcsim.learn.placing.scoring import charge_scoring, scoring, weight_gradients
from imcsim.learn.shapes import weight_matrix
from imcsim.learn.sparcl.loss import restrict
from imcsim.learn.stream import Task

if TYPE_CHECKING:
    from imcsim.learn.config import LearnConfig


class Xma2Config(ShiftConfig):
    """XMA2's settings: those of XMA for the columns, and the budget. All values are design choices.

    Parameters
    ----------
    budget
        Largest share of the PEs, the classifier's not counted, that a task re-programs. 0 is XMA; 1 fine-tunes the
        weights of all PEs for each task.
    score_samples
        Samples of the task's data that the PEs are scored on; a budget of 0 or 1 needs no scores.
    weight_learning_rate
        Adam's step for the weights of re-programmed PEs; None: 1e-3 scaled as the others.
    life_weight
        How far PEs with less wear so far go first: 0 by score alone, 1 by wear alone
        (:func:`imcsim.learn.placing.life.with_wear`).
    """

    budget: float = Field(0.1, ge=0, le=1)
    score_samples: int = Field(64, ge=1)
    weight_learning_rate: float | None = Field(None, gt=0)
    life_weight: float = Field(0.0, ge=0, le=1)


@method("xma2")
class Xma2(ReprogrammingMethod[Xma2Config]):
    """Two tiers: re-programmed PEs, whose weights belong to the task, and XMA's shifts in all other PEs.

    The paper learns the mask of PEs; how is not public. Our reading: a PE is the more critical, the larger the norm of
    its block of the gradient of the task's loss, at the backbone and before any training. That is how fast the loss
    falls at first when its weights may move.
    """

    source = "XMA2, Front. Electron. 3:1032485, 2022 (abstract; equations and the choice of PEs are our reading of it)"
    act = "shifted segment"

    def acts(self) -> tuple[str, ...]:
        """Return the re-programming and the shifts, as far as the budget leaves them."""
        return (*["re-programmed PE"] * (self.config.budget > 0), *["shifted segment"] * (self.config.budget < 1))

    def prepare(self, network: nn.Module, image_shape: tuple[int, int, int], pe_tile: tuple[int, int]) -> nn.Module:
        """Attach shifts of 1; a segment has the rows of a PE."""
        return attach(network, image_shape, lambda spec, _: ShiftColumns(spec, pe_tile[0], self.config))

    def rewritable(self, context: Context) -> tuple[str, ...]:
        """Return every layer but the classifier and those that the user froze; none for a budget of 0."""
        free = (name for name in adaptors(context.network) if f"{name}.weight" not in context.frozen)
        return tuple(free) if self.config.budget else ()

    def choose(self, context: Context, task: Task) -> dict[str, Tensor]:
        """Return the PEs with the largest gradients."""
        layers = [spec for spec in context.layers if spec.name in self.rewritable(context)]
        if not layers:
            return {}
        if self.config.budget == 1:
            return {spec.name: torch.ones(pe_counts(spec, context.pe_tile), dtype=torch.bool) for spec in layers}
        gradients = self._gradients(context, task, [spec.name for spec in layers])
        weights = {spec.name: spec.weight_count for spec in layers}
        samples = min(self.config.score_samples, len(task.y_train))
        charge_scoring(context.work, context.layers, samples, weights)
        scores = {
            spec.name: pe_norms(weight_matrix(gradient, spec), context.pe_tile)
            for spec, gradient in zip(layers, gradients, strict=True)
        }
        if self.config.life_weight:
            scores = with_wear(scores, context.wear(), self.config.life_weight)
        return choose_pes(scores, self.config.budget)

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        """Hold the shifts of layers of which every PE is re-programmed."""
        plan = super().before_task(context, task)
        if self.trains_backbone(context) or plan.trains is None:
            return plan
        context.work.did("re-programmed PE", sum(int(pes.sum()) for pes in self.chosen.values()))
        held = {f"{name}.adaptor.latent" for name, pes in self.chosen.items() if pes.all()}
        return TaskPlan(plan.trainable_pes, plan.trains - held, plan.restored_pes)

    def before_step(self, context: Context) -> None:
        """Hold the shifts of re-programmed PEs at 1.

        In a layer with other PEs the gradients of all shifts are charged.
        """
        super().before_step(context)
        for name, adaptor in adaptors(context.network).items():
            latent = adaptor.get_parameter("latent")
            if latent.grad is not None and name in self.chosen:
                latent.grad.mul_(~self._columns(adaptor, context).to(latent.device))

    def optimizer(
        self, context: Context, parameters: Mapping[str, nn.Parameter], config: "LearnConfig"
    ) -> torch.optim.Optimizer:
        """Return XMA's optimiser with one more step size, for the weights of re-programmed PEs."""
        weights = {f"{name}.weight" for name in self.rewritable(context)} & set(parameters)
        if self.trains_backbone(context) or not weights:
            return super().optimizer(context, parameters, config)
        others = {name: value for name, value in parameters.items() if name not in weights}
        made = super().optimizer(context, others, config)
        chosen = [value for name, value in parameters.items() if name in weights]
        rate = self.config.rate(self.config.weight_learning_rate, 1e-3, context.steps)
        made.add_param_group({"params": chosen, "lr": rate})
        return made

    def stored_bits(self, context: Context) -> int:
        """Return a bit for each PE, unless the budget decides for all alike, and the shifts of PEs left as they are.

        The codes of re-programmed PEs are not masks: a switch is charged for writing them.
        """
        found = adaptors(context.network)
        bits = 0
        for spec in context.layers:
            adaptor = found.get(spec.name)
            if not isinstance(adaptor, ColumnAdaptor):
                continue
            open_segments = adaptor.segments - int(self._columns(adaptor, context).sum())
            bits += self.config.level_bits * open_segments
            if 0 < self.config.budget < 1:
                bits += pe_counts(spec, context.pe_tile)[1] * pe_counts(spec, context.pe_tile)[2] * spec.groups
        return bits

    def _columns(self, adaptor: nn.Module, context: Context) -> Tensor:
        """Return bool (G, I, N): the column segments of re-programmed PEs."""
        if not isinstance(adaptor, ColumnAdaptor):
            raise TypeError(f"{type(adaptor).__name__} has no column segments")
        pes = self.chosen.get(adaptor.spec.name)
        if pes is None:
            return torch.zeros(adaptor.shape, dtype=torch.bool)
        return pes.repeat_interleave(context.pe_tile[1], 2)[:, :, : adaptor.spec.outputs]

    def _gradients(self, context: Context, task: Task, names: list[str]) -> list[Tensor]:
        index = torch.randperm(len(task.y_train), generator=context.generator)[: self.config.score_samples]
        index = index.to(context.device)
        training = self.config.norm == "per-task"
        with scoring(context.network, context.layers, training), torch.enable_grad():
            logits = context.network(context.augment(task.x_train[index]))
            loss = nn.functional.cross_entropy(restrict(logits, task.classes), task.y_train[index])
            return weight_gradients(context.network, names, loss)
