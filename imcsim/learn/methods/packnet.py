"""PackNet: each task trains the free weights, keeps the largest, retrains them, and leaves the rest to later tasks."""

from typing import Literal

from pydantic import Field, field_validator
from torch import Tensor

from imcsim.learn.adapt.owned import OwnedMethod
from imcsim.learn.adapt.owned_columns import prune_segments, segments
from imcsim.learn.adapt.owners import Ties, prune
from imcsim.learn.adapt.per_task import NormConfig
from imcsim.learn.method import Context, method
from imcsim.learn.quantize import mapped_module
from imcsim.learn.stream import Task
from imcsim.mapping.layer import LayerSpec


class PacknetConfig(NormConfig):
    """PackNet's settings; defaults are those of arunmallya/packnet@7b6032c.

    Parameters
    ----------
    prune_shares
        Share of its own weights that each task frees again, layer by layer; the last number holds for all further
        tasks. The repository frees 0.5 after ImageNet and 0.75 after each later task.
    prune_last
        Whether the last task frees weights, too; nobody would use them.
    retrain_share
        Share of a task's epochs, rounded to an epoch, that retrain the kept weights (10 of 20 + 10). The first epoch
        always trains.
    retrain_rate
        Step while retraining, over the step before (1e-4 over 1e-3). The drop inside each phase is not modelled.
    ties
        At the cut, "count" frees as many weights as asked, "all" every weight of that magnitude (the released code).
    unit
        What is kept or freed: "weight", or "column", a column segment, ranked by its mean magnitude (as XST, DATE 2022,
        frees columns; the ranking is our reading). An owner map then has one entry for each segment. Freed segments are
        charged as cells set to 0; an array that switches columns off could spare that.
    norm
        As the base; PackNet fixes batch-norm and biases after the first task.
    """

    prune_shares: tuple[float, ...] = Field((0.5, 0.75), min_length=1)
    prune_last: bool = False
    retrain_share: float = Field(1 / 3, ge=0, lt=1)
    retrain_rate: float = Field(0.1, gt=0)
    ties: Ties = "count"
    unit: Literal["weight", "column"] = "weight"
    norm: Literal["per-task", "frozen"] = "frozen"

    @field_validator("prune_shares")
    @classmethod
    def _shares(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 <= share < 1 for share in shares):
            raise ValueError(f"each of prune_shares must lie in [0, 1), got {list(shares)}")
        return shares


@method("packnet")
class Packnet(OwnedMethod[PacknetConfig]):
    """Prune by magnitude among the current task's weights, retrain, freeze; old tasks never change."""

    source = "PackNet (Mallya and Lazebnik, CVPR 2018); arunmallya/packnet@7b6032c"

    def acts(self) -> tuple[str, ...]:
        """Return the pruning."""
        return ("pruning",) if any(self.config.prune_shares) else ()

    def before_epoch(self, context: Context, task: Task) -> Tensor | None:
        """Take smaller steps while retraining."""
        self.scale_rates(1.0 if context.epoch < self.train_epochs(context) else self.config.retrain_rate)
        return super().before_epoch(context, task)

    def after_epoch(self, context: Context, task: Task) -> None:
        """Free the task's smallest weights when its training is over."""
        if context.epoch + 1 != self.train_epochs(context):
            return
        share, ties = self._share(context.task), self.config.ties
        for spec in self._owned(context):
            weight, owner = mapped_module(context.network, spec.name).weight, self.owners[spec.name]
            if self.config.unit == "weight":
                self.owners[spec.name] = prune(weight, owner, context.task, share, ties)
            else:
                rows = context.pe_tile[0]
                self.owners[spec.name] = prune_segments(weight, owner, context.task, share, spec, rows, ties)

    def after_task(self, context: Context, task: Task) -> None:
        """As the base; report what was freed."""
        super().after_task(context, task)
        context.work.did("pruning", sum(int((owner == 0).sum()) for owner in self.owners.values()))

    def owner_entries(self, context: Context) -> int:
        """Return one for each weight, or for each column segment."""
        if self.config.unit == "weight":
            return super().owner_entries(context)
        return sum(segments(spec, context.pe_tile[0]) for spec in self._owned(context))

    def train_epochs(self, context: Context) -> int:
        """Return the epochs before pruning; the others retrain."""
        return max(context.epochs - round(context.epochs * self.config.retrain_share), 1)

    def _owned(self, context: Context) -> list[LayerSpec]:
        return [spec for spec in context.layers if spec.name in self.owners]

    def _share(self, task: int) -> float:
        shares = self.config.prune_shares
        if task + 1 == self.task_count and not self.config.prune_last:
            return 0.0
        return shares[min(task, len(shares) - 1)]
