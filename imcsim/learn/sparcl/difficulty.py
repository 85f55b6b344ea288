"""SparCL's dynamic data removal (DDR): count how hard each sample is, drop the easiest.

Source: SparCL (NeurIPS 2022), section on dynamic data removal; neu-spiral/SparCL for the forgetting-event variant.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

Measure = Literal["misclassifications", "forgetting-events"]


class DifficultyCounter:
    """How hard each of n samples was since the last removal.

    Parameters
    ----------
    count
        Samples of the task.
    measure
        "misclassifications" counts wrong predictions (the paper); "forgetting-events" counts changes from correct to
        wrong and holds a sample that was never correct to be the hardest (the released code).
    """

    def __init__(self, count: int, measure: Measure) -> None:
        self.measure = measure
        self.events = torch.zeros(count, dtype=torch.int64)
        self.was_correct = torch.zeros(count, dtype=torch.bool)
        self.ever_correct = torch.zeros(count, dtype=torch.bool)

    def update(self, index: Tensor, correct: Tensor) -> None:
        """Record the predictions of one batch: ``index`` int64 (B,), ``correct`` bool (B,)."""
        index, correct = index.cpu(), correct.cpu()
        wrong = ~correct
        counted = wrong if self.measure == "misclassifications" else wrong & self.was_correct[index]
        # one more event for each sample that was got wrong (or forgotten); a sample may be twice in a batch
        self.events.index_add_(0, index, counted.long())
        self.was_correct[index] = correct
        self.ever_correct[index] |= correct

    def scores(self) -> Tensor:
        """Return int64 (n,): larger is harder."""
        if self.measure == "misclassifications":
            return self.events.clone()
        hardest = self.events.max() + 1
        return torch.where(self.ever_correct, self.events, hardest)

    def reset(self) -> None:
        """Start counting anew, after a removal."""
        self.events.zero_()
        self.was_correct.zero_()
        self.ever_correct.zero_()

    def state_dict(self) -> dict[str, Tensor]:
        """Return copies of the counters."""
        state = {"events": self.events, "was_correct": self.was_correct, "ever_correct": self.ever_correct}
        return {name: value.clone() for name, value in state.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take back what :meth:`state_dict` gave."""
        self.events, self.was_correct, self.ever_correct = (
            state[name].clone() for name in ("events", "was_correct", "ever_correct")
        )


def keep_hardest(kept: Tensor, scores: Tensor, keep: int, generator: torch.Generator) -> Tensor:
    """Return the ``keep`` hardest of the samples ``kept``, in ascending order of their numbers.

    Parameters
    ----------
    kept
        Sample numbers still in use, int64 (k,).
    scores
        Difficulty of every sample, int64 (n,).
    keep
        How many stay.
    generator
        Breaks ties at random (design choice: any fixed order would favour some classes).
    """
    if keep >= len(kept):
        return kept
    shuffled = kept[torch.randperm(len(kept), generator=generator)]
    # a stable sort of shuffled samples: the hardest stay, and among equals chance decides
    order = torch.argsort(scores[shuffled], descending=True, stable=True)
    return shuffled[order[:keep]].sort().values
