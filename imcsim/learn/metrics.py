"""Figures of merit from the accuracy matrix a[t, i]: accuracy on task i after training task t, T x T.

Libraries differ in what they call forgetting, so each definition has its own name here and the matrix is kept.
Forward transfer is not given: it needs the accuracy b_i of an untrained network on each task, which a trace lacks.
"""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def average_accuracy(matrix: Matrix) -> float:
    """Return mean_i a[T, i]: accuracy over all tasks after the last."""
    return float(np.mean(_square(matrix)[-1]))


def learning_accuracy(matrix: Matrix) -> float:
    """Return mean_i a[i, i]: accuracy on each task just after learning it (Riemer et al., arXiv 1810.11910)."""
    return float(np.mean(np.diagonal(_square(matrix))))


def backward_transfer(matrix: Matrix) -> float:
    """Return mean_{i<T} (a[T, i] - a[i, i]) (Lopez-Paz and Ranzato, NeurIPS 2017, eq. 3); 0 for one task."""
    square = _square(matrix)
    return _mean((square[-1] - np.diagonal(square))[:-1])


def forgetting_max(matrix: Matrix) -> float:
    """Return mean_{i<T} (max_t a[t, i] - a[T, i]), never negative; 0 for one task.

    The maximum includes the last row (aimagelab/mammoth utils/metrics.py, ``forgetting``).
    """
    square = _square(matrix)
    return _mean((square.max(axis=0) - square[-1])[:-1])


def forgetting_diagonal(matrix: Matrix) -> float:
    """Return mean_{i<T} (a[i, i] - a[T, i]), first minus last (Avalanche, ``Forgetting``); 0 for one task."""
    return -backward_transfer(matrix) + 0.0


def summary(matrix: Matrix) -> dict[str, float]:
    """Return every figure by name."""
    return {
        "average_accuracy": average_accuracy(matrix),
        "learning_accuracy": learning_accuracy(matrix),
        "backward_transfer": backward_transfer(matrix),
        "forgetting_max": forgetting_max(matrix),
        "forgetting_diagonal": forgetting_diagonal(matrix),
    }


def _square(matrix: Matrix) -> Matrix:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise ValueError(f"the accuracy matrix must be T x T, got shape {matrix.shape}")
    return matrix


def _mean(values: Matrix) -> float:
    return float(np.mean(values)) if values.size else 0.0
