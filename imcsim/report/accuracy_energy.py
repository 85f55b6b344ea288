"""Figure 1: accuracy against training energy, spread over seeds, and the Pareto front."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from imcsim.report.style import GREY, colours, markers, panels
from imcsim.study.pareto import front
from imcsim.study.summary import Group, Stat

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDE = 40.0  # points of accuracy between best and worst
_TICKS = (1, 2, 5, 10, 20, 35, 50, 65, 80, 90, 95, 98, 99, 99.5, 99.8, 99.9)
SCENARIOS = {"class_il": "Class-IL", "task_il": "Task-IL"}


@dataclass(frozen=True)
class Point:
    """One (method, chip): accuracy in %, energy in J, and whether no other point beats it in both."""

    scenario: str
    method: str
    chip: str
    accuracy: Stat
    energy_j: Stat
    on_front: bool


def accuracy_energy_data(groups: Sequence[Group]) -> list[Point]:
    """Return the points of both scenarios; the front maximises mean accuracy and minimises mean energy."""
    return [point for scenario in SCENARIOS for point in _scenario(groups, scenario)]


def accuracy_energy(groups: Sequence[Group]) -> tuple["Figure", list[Point]]:
    """Draw accuracy against training energy, one panel per scenario; colour = method, marker = chip."""
    data = accuracy_energy_data(groups)
    methods, chips = unique(p.method for p in data), unique(p.chip for p in data)
    with panels(1, 2, (11.0, 4.8)) as (figure, axes):
        for ax, (scenario, title) in zip(axes, SCENARIOS.items(), strict=True):
            points = [point for point in data if point.scenario == scenario]
            _draw(ax, points, colours(methods), markers(chips))
            _accuracy_axis(ax, points)
            _energy_axis(ax, [p.energy_j.mean for p in points if p.energy_j.mean])
            ax.set_title(title)
            stretched = ", stretched" if ax.get_yscale() == "function" else ""
            ax.set_ylabel(f"{title} accuracy after the last task (%{stretched})")
        handles = _legend(axes[0], colours(methods), markers(chips))
        figure.legend(handles=handles, loc="outside right center")
    return figure, data


def unique(names: Iterable[str]) -> list[str]:
    """Return the names in order of first appearance."""
    return list(dict.fromkeys(names))


def front_of(points: Sequence[Point]) -> list[Point]:
    """Return the points on the front by rising energy."""
    return sorted((p for p in points if p.on_front), key=lambda p: p.energy_j.mean or 0.0)


def _scenario(groups: Sequence[Group], scenario: str) -> list[Point]:
    served = [g for g in groups if g.mean(scenario) is not None]  # others must be told the task of an image
    found = [(g, _percent(g.stats[scenario]), g.stats["energy_j"]) for g in served]
    means = [(accuracy.mean or 0.0, energy.mean or 0.0) for _, accuracy, energy in found]
    best = set(front(means, (True, False)))
    return [Point(scenario, g.method, g.chip, a, e, i in best) for i, (g, a, e) in enumerate(found)]


def _percent(stat: Stat) -> Stat:
    return Stat(None if stat.mean is None else 100 * stat.mean, 100 * stat.sd, stat.n)


def _draw(ax: "Axes", points: Sequence[Point], colour: dict[str, str], marker: dict[str, str]) -> None:
    best = front_of(points)
    ax.plot(*_steps(best), color=GREY, linestyle="--", linewidth=1.2, zorder=1)
    for p in points:
        if p.energy_j.mean is None or p.accuracy.mean is None:
            continue
        ax.errorbar(
            p.energy_j.mean, p.accuracy.mean, xerr=p.energy_j.sd, yerr=p.accuracy.sd, fmt=marker[p.chip],
            color=colour[p.method], markersize=7, capsize=2, elinewidth=1, markeredgecolor="white", zorder=2,
        )  # fmt: skip


def _accuracy_axis(ax: "Axes", points: Sequence[Point]) -> None:
    """Stretch the axis towards 100 % (logit) where a learner that forgets everything would squeeze all others."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    means = [p.accuracy.mean for p in points if p.accuracy.mean is not None]
    if not means or max(means) - min(means) < _WIDE or not 0 < min(means) <= max(means) < 100:
        return
    low, high = 0.7 * min(means), 100 - 0.5 * (100 - max(means))
    scale = (
        (lambda y: np.log(np.clip(y, 0.01, 99.99) / (100 - np.clip(y, 0.01, 99.99)))),
        (lambda z: 100 / (1 + np.exp(-z))),
    )
    ax.set_yscale("function", functions=scale)
    ax.yaxis.set_major_locator(FixedLocator([t for t in _TICKS if low <= t <= high]))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_ylim(low, high)


def _energy_axis(ax: "Axes", means: Sequence[float]) -> None:
    from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

    span = max(means) / min(means) if means else 1.0
    ticks = (1.0, 2.0, 3.0, 5.0, 7.0) if span < 8 else (1.0, 2.0, 5.0) if span < 50 else (1.0,)
    ax.set(xscale="log", xlabel="training energy of the whole stream (J, log scale)")
    ax.xaxis.set_major_locator(LogLocator(subs=ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(EngFormatter(unit="J"))


def _steps(best: Sequence[Point]) -> tuple[list[float], list[float]]:
    """Return the corners of the staircase: what each joule buys at most."""
    xs: list[float] = []
    ys: list[float] = []
    for point in best:
        xs += [point.energy_j.mean or 0.0] * (2 if ys else 1)
        ys += [*ys[-1:], point.accuracy.mean or 0.0]
    return xs, ys


def _legend(ax: "Axes", colour: dict[str, str], marker: dict[str, str]) -> list[object]:
    from matplotlib.lines import Line2D

    def line(label: str, **look: object) -> Line2D:
        return Line2D([], [], label=label, **{"linestyle": "", "markersize": 7, **look})  # type: ignore[arg-type]

    return [
        *(line(method, marker="o", color=c) for method, c in colour.items()),
        *(line(chip, marker=m, color=GREY) for chip, m in marker.items()),
        line("Pareto front", linestyle="--", color=GREY),
    ]
