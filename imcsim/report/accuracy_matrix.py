"""Figure 4: the accuracy matrix, Class-IL and Task-IL."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.report import Report
from imcsim.report.accuracy_energy import SCENARIOS
from imcsim.report.style import panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage


@dataclass(frozen=True)
class AccuracyMatrix:
    """``percent`` (T, T): mean over seeds of the accuracy on task i (column) after training task t (row)."""

    method: str
    scenario: str
    percent: NDArray[np.float64]


def accuracy_matrix_data(reports: Sequence[Report], methods: Sequence[str]) -> list[AccuracyMatrix]:
    """Return the matrices of the scenarios that each method serves; accuracy does not depend on the chip."""
    return [
        AccuracyMatrix(method, scenario, 100 * np.mean(matrices, axis=0))
        for scenario in SCENARIOS
        for method in methods
        if (matrices := _matrices(reports, method, scenario))
    ]


def accuracy_matrix(reports: Sequence[Report], methods: Sequence[str]) -> tuple["Figure", list[AccuracyMatrix]]:
    """Draw one heat map per method (columns) and scenario (rows), 0 to 100 %."""
    data = accuracy_matrix_data(reports, methods)
    shown = [method for method in methods if any(matrix.method == method for matrix in data)]
    places = [(scenario, method) for scenario in SCENARIOS for method in shown]
    known = {(matrix.scenario, matrix.method): matrix for matrix in data}
    with panels(len(SCENARIOS), len(shown), (1.6 + 2.7 * len(shown), 5.8)) as (figure, axes):
        for ax, place in zip(axes, places, strict=True):
            if place in known:
                image = _draw(ax, known[place])
            else:
                ax.set_axis_off()  # a method that must be told the task has no Class-IL
        figure.colorbar(image, ax=axes, label="accuracy (%)", shrink=0.7)
    return figure, data


def _matrices(reports: Sequence[Report], method: str, scenario: str) -> list[NDArray[np.float64]]:
    served = [r for r in reports if r.accuracy.get(f"{scenario}_matrix") is not None]
    found = [report for report in served if report.method == method]
    return [np.asarray(r.accuracy[f"{scenario}_matrix"], dtype=np.float64) for r in found if r.chip == found[0].chip]


def _draw(ax: "Axes", matrix: AccuracyMatrix) -> "AxesImage":
    image = ax.imshow(matrix.percent, vmin=0, vmax=100, cmap="cividis")
    tasks = range(len(matrix.percent))
    for row in tasks:
        for col in tasks:
            value = matrix.percent[row, col]
            ax.text(col, row, f"{value:.0f}", ha="center", va="center", color="white" if value < 60 else "black")
    ax.set_xticks(tasks, [str(task + 1) for task in tasks])
    ax.set_yticks(tasks, [str(task + 1) for task in tasks])
    ax.set(
        title=f"{matrix.method}\n{SCENARIOS[matrix.scenario]}", xlabel="tested on task", ylabel="after training task"
    )
    ax.grid(visible=False)
    return image
