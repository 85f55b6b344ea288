"""SparCL's settings."""

from typing import Literal

from pydantic import Field, model_validator

from imcsim.learn.buffer import ReplayConfig
from imcsim.learn.sparcl.difficulty import Measure
from imcsim.learn.sparcl.schedule import Schedule


class SparclConfig(ReplayConfig):
    """SparCL's settings; defaults are the paper's description at sparsity 0.75, with the released script's numbers.

    Parameters
    ----------
    base
        The replay method below: "er" or "derpp" (with ``logit_weight`` and ``label_weight``).
    sparsity, gradient_sparsity
        s and q, both shares of all positions of a layer, q >= s. q None: 80 % of the active weights are updated, the
        script's ratio (q = 0.80 at s = 0.75); for other s that ratio is a design choice.
    gradient_refresh
        Steps between two choices of the gradient mask.
    p_inter, p_intra
        Extra density at the start of a task, and share replaced by a mask update.
    alpha, beta
        Weights of the two gradient terms of CWI and CGI. Design choice: 0.5 is the released code's weight of its
        single merged term; beta = 1.
    removed_share
        Share of a task's samples removed in all; 0 switches DDR off.
    schedule, scale_schedule
        Bounds in epochs for a run of ``schedule.epochs``; scaled to the run's number of epochs unless switched off.
    dense_layers
        Layers that are never masked; None: the first, the last and 1x1 convolutions.
    importance_samples
        Samples of the pass that gives CWI its fresh gradients.
    mask_current_loss
        Whether the current batch's loss sees the task's classes only.
    importance_gradient
        "fresh": gradients at the moment of the mask update; "last-step": those of the last step, masked by DGM (code).
    gradient_terms
        "separate": alpha and beta weigh two gradients (paper); "merged": alpha weighs the total loss's gradient (code).
    ddr_measure, ddr_logits
        What counts as hard, and whether a prediction is taken over the task's classes or "all" outputs (code).
    drop_zero_weights
        Code: an active weight that is exactly 0 leaves the mask at a mask update.
    truncate_growth
        Code: the number of active weights to grow to is cut off, not rounded.
    keep_equal
        Code: gradient entries equal to the percentile are updated, too.
    freeze_zero_parameters
        Code: a parameter of which >= 10 % is 0 at the start keeps those zeros for good (all batch-norm shifts).
    """

    base: Literal["er", "derpp"] = "er"
    replay_from_task: Literal[0, 1] = 1
    buffer_size: int = Field(500, ge=1)
    sparsity: float = Field(0.75, ge=0, lt=1)
    gradient_sparsity: float | None = Field(None, ge=0, lt=1)
    gradient_refresh: int = Field(30, ge=1)
    p_inter: float = Field(0.01, ge=0, lt=1)
    p_intra: float = Field(0.01, ge=0, lt=1)
    alpha: float = Field(0.5, ge=0)
    beta: float = Field(1.0, ge=0)
    removed_share: float = Field(0.3, ge=0, lt=1)
    schedule: Schedule = Schedule()
    scale_schedule: bool = True
    dense_layers: tuple[str, ...] | None = None
    importance_samples: int = Field(32, ge=1)
    logit_weight: float = Field(0.1, ge=0)
    label_weight: float = Field(0.5, ge=0)
    mask_current_loss: bool = True
    importance_gradient: Literal["fresh", "last-step"] = "fresh"
    gradient_terms: Literal["separate", "merged"] = "separate"
    ddr_measure: Measure = "misclassifications"
    ddr_logits: Literal["task", "all"] = "task"
    drop_zero_weights: bool = False
    truncate_growth: bool = False
    keep_equal: bool = False
    freeze_zero_parameters: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> "SparclConfig":
        if self.gradient_sparsity is not None and self.gradient_sparsity < self.sparsity:
            raise ValueError(f"gradient_sparsity ({self.gradient_sparsity}) must be >= sparsity ({self.sparsity})")
        if self.importance_gradient == "last-step" and self.gradient_terms == "separate":
            raise ValueError("importance_gradient = 'last-step' keeps one gradient; use gradient_terms = 'merged'")
        if self.sparsity + self.p_intra >= 1:
            raise ValueError(f"sparsity ({self.sparsity}) + p_intra ({self.p_intra}) must be < 1")
        return self

    @property
    def update_sparsity(self) -> float:
        """The share q of gradient entries that a step leaves out."""
        return 1 - 0.8 * (1 - self.sparsity) if self.gradient_sparsity is None else self.gradient_sparsity
