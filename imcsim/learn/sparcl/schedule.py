"""When SparCL changes its masks and removes samples, in epochs of a task.

Source: neu-spiral/SparCL, script for sparsity 0.75: 50 epochs, phases change at epochs 5 and 45, mask updates every 5
epochs, samples removed up to epoch 20.
"""

from dataclasses import dataclass

from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig


@dataclass(frozen=True)
class MaskUpdate:
    """One mask update at the start of an epoch: shrink to one sparsity, then expand to another."""

    shrink_to: float
    expand_to: float


class Schedule(FrozenConfig):
    """SparCL's schedule of one task of ``epochs`` epochs; every field is in epochs.

    Epoch 0 expands the mask by ``p_inter`` (new capacity for the task); at ``warm_up`` it shrinks back; from there to
    ``freeze_from`` every ``delta_k`` epochs the least important weights are replaced by random new ones; then the mask
    stays. Every ``delta_k`` epochs up to ``ddr_cutoff`` easy samples are removed.
    """

    epochs: int = Field(50, ge=1)
    warm_up: int = Field(5, ge=0)
    freeze_from: int = Field(45, ge=0)
    delta_k: int = Field(5, ge=1)
    ddr_cutoff: int = Field(20, ge=0)

    @model_validator(mode="after")
    def _ordered(self) -> "Schedule":
        if not self.warm_up <= self.freeze_from <= self.epochs:
            raise ValueError(
                f"warm_up ({self.warm_up}) <= freeze_from ({self.freeze_from}) <= epochs ({self.epochs}) must hold"
            )
        if self.ddr_cutoff >= self.epochs:
            raise ValueError(f"ddr_cutoff ({self.ddr_cutoff}) must be before the last epoch ({self.epochs})")
        return self

    def scaled(self, epochs: int) -> "Schedule":
        """Return the schedule with the same proportions over ``epochs`` epochs, each bound rounded to an epoch.

        A phase keeps at least one epoch while the run has two or more; in a run of one epoch there is no warm-up and no
        sample is removed.
        """
        if epochs == self.epochs:
            return self
        ratio = epochs / self.epochs
        warm_up = min(max(round(self.warm_up * ratio), min(self.warm_up, 1)), epochs - 1)
        return Schedule(
            epochs=epochs,
            warm_up=warm_up,
            freeze_from=max(warm_up, round(self.freeze_from * ratio)),
            delta_k=max(round(self.delta_k * ratio), 1),
            ddr_cutoff=min(round(self.ddr_cutoff * ratio), epochs - 1),
        )

    def mask_update(self, epoch: int, sparsity: float, p_inter: float, p_intra: float) -> MaskUpdate | None:
        """Return the mask update at the start of ``epoch``, None if the mask stays as it is."""
        if epoch == 0 and self.warm_up > 0:
            return MaskUpdate(sparsity, max(sparsity - p_inter, 0.0))
        if self.warm_up <= epoch < self.freeze_from and (epoch - self.warm_up) % self.delta_k == 0:
            return MaskUpdate(min(sparsity + p_intra, 1 - 1e-9), sparsity)
        if epoch == self.warm_up:
            return MaskUpdate(sparsity, sparsity)
        return None

    @property
    def removal_stages(self) -> int:
        """How often samples are removed in a task."""
        return self.ddr_cutoff // self.delta_k

    def stage_of(self, epoch: int) -> int:
        """Return how many removals have happened when ``epoch`` trains."""
        return min(epoch // self.delta_k, self.removal_stages)

    def kept_samples(self, samples: int, removed_share: float, epoch: int) -> int:
        """Return how many of ``samples`` are trained in ``epoch`` when ``removed_share`` goes in equal stages."""
        if not self.removal_stages:
            return samples
        return samples - round(samples * removed_share * self.stage_of(epoch) / self.removal_stages)

    def kept_share(self, removed_share: float) -> float:
        """Return the mean share of samples trained over a task's epochs (DDR's saving)."""
        if not self.removal_stages:
            return 1.0
        removed = sum(self.stage_of(epoch) for epoch in range(self.epochs)) * removed_share / self.removal_stages
        return 1 - removed / self.epochs

    def steps(self, samples: int, removed_share: float, batch_size: int) -> int:
        """Return optimiser steps per task when the last incomplete batch is dropped, as the released code does."""
        return sum(self.kept_samples(samples, removed_share, epoch) // batch_size for epoch in range(self.epochs))
