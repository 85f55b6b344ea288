"""The picture of this study: accuracy against training energy, one panel for each stream."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imcsim.report.style import GREY, PALETTE, panels
from imcsim.study.pareto import front
from imcsim.study.summary import Group

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = {"serves Class-IL too": PALETTE[0], "must be told the task (Task-IL alone)": PALETTE[1]}
TICKS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.97, 0.98, 0.99)
SMALLEST, LARGEST = 18.0, 300.0  # points squared


@dataclass(frozen=True)
class Board:
    """One stream: its name (of the results' folder), its title, and a group for each learner."""

    name: str
    title: str
    groups: tuple[Group, ...]


def draw(boards: Sequence[Board]) -> "Figure":
    """Draw the boards: colour tells whether a learner serves Class-IL, area grows with the log of its RRAM writes."""
    with panels(1, len(boards), (7.0 * len(boards), 6.4)) as (figure, axes):
        for axis, board in zip(axes, boards, strict=True):
            _panel(axis, board)
        figure.legend(handles=_legend(), loc="outside lower center", ncols=3)
        return figure


def area_of(writes: float) -> float:
    """Return a marker's area in points squared: grows with the log of the RRAM writes from a thousand to a million."""
    return SMALLEST + (LARGEST - SMALLEST) * min(max(math.log10(1 + writes) / 3 - 1, 0.0), 1.0)


def kind_of(group: Group) -> str:
    """Return which kind of learner it is: one that serves Class-IL shares its weights among tasks."""
    shared, own = KINDS
    return own if group.mean("class_il") is None else shared


def _panel(axis: "Axes", board: Board) -> None:
    from matplotlib.ticker import EngFormatter, FixedLocator, FuncFormatter, LogLocator, NullLocator

    points = [(g.mean("task_il") or 0.0, g.mean("energy_j") or 0.0) for g in board.groups]
    best = sorted(front(points, (True, False)), key=lambda index: points[index][1])
    axis.step([points[i][1] for i in best], [points[i][0] for i in best], where="post", color=GREY, ls="--", lw=1)
    for index, (group, (accuracy, energy)) in enumerate(zip(board.groups, points, strict=True)):
        area = area_of(group.mean("rram_writes") or 0.0)
        axis.scatter(energy, accuracy, s=area, color=KINDS[kind_of(group)], alpha=0.55, edgecolors="white", zorder=2)
        axis.errorbar(energy, accuracy, group.stats["task_il"].sd, color=KINDS[kind_of(group)], lw=0.7, zorder=1)
        side = 1 if index % 2 else -1  # neighbours in accuracy put their names on different sides
        axis.annotate(
            group.method, (energy, accuracy), (side * (3 + math.sqrt(area) / 2), 0), textcoords="offset points",
            fontsize=7, va="center", ha="left" if side > 0 else "right", zorder=3,
        )  # fmt: skip
    axis.set(xscale="log", xlabel="training energy of the whole stream (J, log scale)", title=board.title)
    axis.set_ylabel("Task-IL accuracy after the last task (%, stretched)")
    axis.set_yscale("logit")  # most learners crowd near 100 % on the easier stream
    axis.yaxis.set_major_locator(FixedLocator(TICKS))
    axis.yaxis.set_minor_locator(NullLocator())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f}"))
    axis.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(EngFormatter(unit="J"))


def _legend() -> list[object]:
    from matplotlib.lines import Line2D

    def dot(label: str, colour: str, area: float) -> Line2D:
        return Line2D([], [], ls="", marker="o", label=label, color=colour, markersize=math.sqrt(area), alpha=0.7)

    kinds = [dot(label, colour, 60.0) for label, colour in KINDS.items()]
    sizes = [
        dot(f"{text} RRAM writes", GREY, area_of(count)) for text, count in (("1k", 1e3), ("30k", 3e4), ("1M", 1e6))
    ]
    return [*kinds, Line2D([], [], color=GREY, ls="--", label="no other is better in both"), *sizes]
