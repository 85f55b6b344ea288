"""Definitions differ exactly where accuracy on a task rises after it was learned."""

import numpy as np
import pytest

from imcsim.trace import accuracy

MATRIX = np.array([[0.8, 0.0, 0.0], [0.9, 0.6, 0.0], [0.5, 0.4, 0.7]])


def test_hand_made_matrix() -> None:
    assert accuracy.final_accuracy(MATRIX) == pytest.approx((0.5 + 0.4 + 0.7) / 3)
    assert accuracy.learning_accuracy(MATRIX) == pytest.approx((0.8 + 0.6 + 0.7) / 3)
    assert accuracy.forgetting_max(MATRIX) == pytest.approx((0.4 + 0.2) / 2)  # best on task 0 came later
    assert accuracy.forgetting_first(MATRIX) == pytest.approx((0.3 + 0.2) / 2)
    assert accuracy.backward_transfer(MATRIX) == pytest.approx(-0.25)


def test_one_task_forgets_nothing() -> None:
    assert accuracy.forgetting_max(np.array([[0.9]])) == 0
    assert accuracy.forgetting_first(np.array([[0.9]])) == 0


def test_improvement_is_negative_forgetting_only_under_the_first_definition() -> None:
    better = np.array([[0.5, 0.0], [0.8, 0.9]])
    assert accuracy.forgetting_first(better) == pytest.approx(-0.3)
    assert accuracy.forgetting_max(better) == 0
