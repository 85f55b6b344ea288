"""Hyb-Learn: before each task, freeze the PEs whose gradient correlates most with old tasks; train the others.

Frozen PEs go to RRAM and are not rewritten, trainable PEs to SRAM. The original is self-supervised and starts from a
pre-trained network; this is a supervised version (cross-entropy, with or without replay), and its score is our reading
(see :mod:`imcsim.learn.placing.correlation`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from imcsim.learn.method import Context, TaskPlan, method
from imcsim.learn.over_base import BaseChoice, OverBase
from imcsim.learn.placing.correlation import basis, correlation, gram_macs, input_vectors, projection_macs, row_grams
from imcsim.learn.placing.life import with_wear
from imcsim.learn.placing.pe_blocks import pe_counts, pe_norms, trainable_pes
from imcsim.learn.placing.scoring import charge_scoring, scoring, weight_gradients
from imcsim.learn.quantize import mapped_module
from imcsim.learn.shapes import weight_matrix
from imcsim.learn.stream import Task
from imcsim.mapping.layer import LayerSpec

Bases = dict[str, list[list[Tensor]]]

_CHUNK = 16  # samples whose im2col columns are held at once: memory only, no effect on results


class HybLearnConfig(BaseChoice):
    """Hyb-Learn's settings.

    Parameters
    ----------
    base
        Method that gives the loss, any that can be a base; ``base_config`` is its configuration. The original's
        self-supervised loss is not offered.
    frozen_fraction
        f, the share of *all* PEs frozen in a task: round(f * PEs). At f = 0 nothing is scored and nothing frozen. PEs
        of layers that the user froze come first.
    score
        "correlation", or a control at the same f: "random", "lowest-correlation", "smallest-gradient" (Frobenius norm
        of the PE's gradient), "first-layers-first".
    per_layer
        Freeze the share in each layer that may be frozen, instead of over the whole network.
    freeze_classifier
        Whether PEs of the last layer may be frozen. False: the outputs of new classes lie there and must train. Its PEs
        still count in f, which must be reachable with the others.
    first_task
        "all-trainable", or "random": f of the PEs are frozen at random (a deployed, pre-trained network; there is no
        old task to score against).
    threshold
        Share of the old inputs' energy that a basis holds; TRGP takes 0.97 for its first task on Split CIFAR-100
        (LYang-666/TRGP).
    one_vector_fewer
        Code of TRGP: a basis has one vector fewer than hold the threshold.
    samples
        Samples of a finished task that its bases are made of; TRGP takes 125.
    gradient_samples
        Samples of the new task for the gradient; TRGP takes one batch of 64.
    life_weight
        How far PEs that wore more so far freeze first: 0 by score alone, 1 by wear alone
        (:func:`imcsim.learn.placing.life.with_wear`).
    """

    frozen_fraction: float = Field(0.5, ge=0, le=1)
    score: Literal["correlation", "random", "lowest-correlation", "smallest-gradient", "first-layers-first"] = (
        "correlation"
    )
    per_layer: bool = False
    freeze_classifier: bool = False
    first_task: Literal["all-trainable", "random"] = "all-trainable"
    threshold: float = Field(0.97, gt=0, le=1)
    one_vector_fewer: bool = False
    samples: int = Field(125, ge=1)
    gradient_samples: int = Field(64, ge=1)
    life_weight: float = Field(0.0, ge=0, le=1)


@method("hyb-learn")
class HybLearn(OverBase[HybLearnConfig]):
    """Correlation-scored PE freezing over a base method; everything but the placement is the base method's."""

    source = "Hyb-Learn, DAC 2024, doi 10.1145/3649329.3657389 (score: our reading, the paper's formula is unknown)"

    def __init__(self, config: HybLearnConfig) -> None:
        super().__init__(config)
        self.bases: list[Bases] = []

    def acts(self) -> tuple[str, ...]:
        """Return the base method's acts and the freezing."""
        return (*super().acts(), *["PE freeze"] * (self.config.frozen_fraction > 0))

    def before_task(self, context: Context, task: Task) -> TaskPlan:
        """Score all PEs and freeze the top share."""
        super().before_task(context, task)
        eligible = {spec.name: True for spec in context.layers}
        eligible[context.layers[-1].name] = self.config.freeze_classifier
        scores = self._with_wear(self._scores(context, task), eligible, context)
        for name in (name for name in scores if f"{name}.weight" in context.frozen):
            eligible[name], scores[name] = True, torch.full_like(scores[name], torch.inf)
        pes = trainable_pes(scores, self.config.frozen_fraction, eligible, self.config.per_layer)
        if self._trains_all(context):
            return TaskPlan({name: torch.ones_like(mask) for name, mask in pes.items()})
        context.work.did("PE freeze", sum(int((~mask).sum()) for mask in pes.values()))
        return TaskPlan(pes)

    def after_task(self, context: Context, task: Task) -> None:
        """Make the bases of the finished task."""
        super().after_task(context, task)
        if self._uses_correlation:
            self.bases.append(self._collect(context, task))
            context.work.add("scoring_bytes", sum(b.numel() * b.element_size() for b in self._flat_bases().values()))

    @property
    def _uses_correlation(self) -> bool:
        return self.config.frozen_fraction > 0 and self.config.score in ("correlation", "lowest-correlation")

    def _trains_all(self, context: Context) -> bool:
        first = context.task == 0 and self.config.first_task == "all-trainable"
        return first or self.config.frozen_fraction == 0

    def _with_wear(
        self, scores: dict[str, Tensor], eligible: Mapping[str, bool], context: Context
    ) -> dict[str, Tensor]:
        """Return what is frozen first, highest: of PEs that may be frozen, the more worn ones, too."""
        if not self.config.life_weight:
            return scores
        reasons = {name: -score for name, score in scores.items() if eligible[name]}
        blended = with_wear(reasons, context.wear(), self.config.life_weight)
        return {name: -blended[name] if name in blended else score for name, score in scores.items()}

    def _scores(self, context: Context, task: Task) -> dict[str, Tensor]:
        shapes = {spec.name: pe_counts(spec, context.pe_tile) for spec in context.layers}
        rule = "random" if context.task == 0 else self.config.score
        if self._trains_all(context) or rule == "first-layers-first":
            return {name: torch.zeros(shape) for name, shape in shapes.items()}  # a tie: earlier PEs come first
        if rule == "random":
            return {name: torch.rand(shape, generator=context.generator) for name, shape in shapes.items()}
        gradients = self._gradients(context, task)
        if rule == "smallest-gradient":
            return {name: -pe_norms(gradient, context.pe_tile) for name, gradient in gradients.items()}
        sign = 1 if rule == "correlation" else -1
        return {name: sign * score for name, score in self._correlations(context, gradients).items()}

    def _gradients(self, context: Context, task: Task) -> dict[str, Tensor]:
        index = _sample(len(task.y_train), self.config.gradient_samples, context)
        names = [spec.name for spec in context.layers]
        with scoring(context.network, context.layers), torch.enable_grad():
            outputs = context.network(context.augment(task.x_train[index]))
            loss = nn.functional.cross_entropy(outputs, task.y_train[index])
            gradients = weight_gradients(context.network, names, loss)
        weights = {spec.name: spec.weight_count for spec in context.layers}
        charge_scoring(context.work, context.layers, len(index), weights)
        return {spec.name: weight_matrix(g, spec) for spec, g in zip(context.layers, gradients, strict=True)}

    def _correlations(self, context: Context, gradients: Mapping[str, Tensor]) -> dict[str, Tensor]:
        scores: dict[str, Tensor] = {}
        for spec in context.layers:
            by_task = [correlation(gradients[spec.name], old[spec.name], context.pe_tile) for old in self.bases]
            scores[spec.name] = torch.stack(by_task).amax(0)
            context.work.add("scoring_macs", sum(projection_macs(spec, old[spec.name]) for old in self.bases))
        return scores

    def _collect(self, context: Context, task: Task) -> Bases:
        index = _sample(len(task.y_train), self.config.samples, context)
        rows = context.pe_tile[0]
        grams: dict[str, list[list[Tensor]]] = {}
        with scoring(context.network, context.layers, training=False), torch.no_grad():
            for part in torch.split(index, _CHUNK):
                for spec, x in _layer_inputs(context, task.x_train[part]):
                    _accumulate(grams, spec.name, row_grams(input_vectors(x, spec), rows))
        charge_scoring(context.work, context.layers, len(index))
        context.work.add("scoring_macs", sum(gram_macs(spec, rows, len(index)) for spec in context.layers))
        return {name: [[self._basis(gram) for gram in row] for row in group] for name, group in grams.items()}

    def _basis(self, gram: Tensor) -> Tensor:
        return basis(gram, self.config.threshold, self.config.one_vector_fewer).float().cpu()

    def _flat_bases(self) -> dict[str, Tensor]:
        return {
            f"{t}/{name}/{g}/{i}": b
            for t, bases in enumerate(self.bases)
            for name, groups in bases.items()
            for g, row in enumerate(groups)
            for i, b in enumerate(row)
        }

    def state_dict(self) -> dict[str, Any]:
        """Return the bases and the base method's state."""
        return {**super().state_dict(), "bases": [dict(old) for old in self.bases]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what :meth:`state_dict` gave."""
        super().load_state_dict(state)
        self.bases = [dict(old) for old in state["bases"]]


def _sample(count: int, wanted: int, context: Context) -> Tensor:
    return torch.randperm(count, generator=context.generator)[:wanted].to(context.device)


def _layer_inputs(context: Context, x: Tensor) -> list[tuple[LayerSpec, Tensor]]:
    caught: dict[str, Tensor] = {}

    def catch(name: str) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _, args: caught.update({name: args[0]})

    modules = [(spec.name, mapped_module(context.network, spec.name)) for spec in context.layers]
    handles = [module.register_forward_pre_hook(catch(name)) for name, module in modules]
    try:
        context.network(x)
    finally:
        for handle in handles:
            handle.remove()
    return [(spec, caught[spec.name]) for spec in context.layers]


def _accumulate(grams: dict[str, list[list[Tensor]]], name: str, new: Sequence[Sequence[Tensor]]) -> None:
    if name not in grams:
        grams[name] = [list(row) for row in new]
        return
    for old_row, new_row in zip(grams[name], new, strict=True):
        for old, gram in zip(old_row, new_row, strict=True):
            old += gram
