"""Numbers from an accuracy matrix a[t, i]: accuracy on task i after training task t. Each name says its definition.

Definitions compared in docs/accounting.md: Mammoth (``utils/metrics.py``) and SparCL take the best accuracy over all
checkpoints, Avalanche takes the accuracy right after learning a task.
"""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def final_accuracy(a: Matrix) -> float:
    """Mean accuracy over all tasks after the last one."""
    return float(a[-1].mean())


def learning_accuracy(a: Matrix) -> float:
    """Mean of the diagonal: accuracy on each task right after it was learned (SparCL's code)."""
    return float(np.diagonal(a).mean())


def forgetting_max(a: Matrix) -> float:
    """Mean over old tasks of (best over all checkpoints, the last included) - (last): Mammoth; never negative."""
    return _mean_over_old(a.max(axis=0) - a[-1])


def forgetting_first(a: Matrix) -> float:
    """Mean over old tasks of (right after learning) - (last): Avalanche; negative if a task gets better later."""
    return _mean_over_old(np.diagonal(a) - a[-1])


def backward_transfer(a: Matrix) -> float:
    """Minus :func:`forgetting_first` (BWT of Lopez-Paz and Ranzato, NeurIPS 2017)."""
    return -forgetting_first(a)


def _mean_over_old(drop: NDArray[np.float64]) -> float:
    return float(drop[:-1].mean()) if drop.size > 1 else 0.0
