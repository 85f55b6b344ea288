"""Figure 2: training energy by part, task by task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imcsim.chip.report import Report
from imcsim.report.numbers import common_unit
from imcsim.report.style import PALETTE, colours, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMALL = 0.005  # of a bar: less than a line's width


@dataclass(frozen=True)
class Bar:
    """Mean energy (J) over seeds of one task of one method on one chip, by part."""

    chip: str
    method: str
    task: int
    energy_j: Mapping[str, float]

    @property
    def total_j(self) -> float:
        """Height of the bar (J)."""
        return sum(self.energy_j.values())


def energy_by_task_data(reports: Sequence[Report], methods: Sequence[str]) -> list[Bar]:
    """Return the bars of the chosen methods, chip by chip, in the order of ``methods`` and tasks.

    Parts that no eye could see (below :data:`SMALL` of every bar) are summed as "other", so that colours suffice;
    the smallest of the rest join them if there are still more parts than colours.
    """
    chips = dict.fromkeys(report.chip for report in reports)
    bars = []
    for chip in chips:
        for method in methods:
            chosen = [report for report in reports if report.chip == chip and report.method == method]
            tasks = min((len(report.energy_by_task) for report in chosen), default=0)
            bars += [Bar(chip, method, task, _mean_parts(chosen, task)) for task in range(tasks)]
    return _merge_small(bars)


def parts_of(bars: Sequence[Bar]) -> list[str]:
    """Return all parts, the largest in total first."""
    totals: dict[str, float] = {}
    for bar in bars:
        for part, energy_j in bar.energy_j.items():
            totals[part] = totals.get(part, 0.0) + energy_j
    return sorted(totals, key=lambda part: -totals[part])


def energy_by_task(reports: Sequence[Report], methods: Sequence[str]) -> tuple["Figure", list[Bar]]:
    """Draw stacked bars of energy by part for each task, one panel per chip; each panel has its own scale."""
    bars = energy_by_task_data(reports, methods)
    parts, chips = parts_of(bars), list(dict.fromkeys(bar.chip for bar in bars))
    with panels(len(chips), 1, (10.0, 1.2 + 2.6 * len(chips)), sharex=True) as (figure, axes):
        for ax, chip in zip(axes, chips, strict=True):
            _draw(ax, [bar for bar in bars if bar.chip == chip], colours(parts), chip)
        axes[-1].set_xlabel("task (from 1), by method")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles[::-1], labels[::-1], loc="outside right center", title="part of the training energy")
    return figure, bars


def _merge_small(bars: Sequence[Bar]) -> list[Bar]:
    large = [p for p in parts_of(bars) if any(bar.energy_j.get(p, 0.0) >= SMALL * bar.total_j > 0 for bar in bars)]
    kept = set(large[: len(PALETTE) - 1])
    return [replace(bar, energy_j=_merged(bar.energy_j, kept)) for bar in bars]


def _merged(energy_j: Mapping[str, float], kept: set[str]) -> dict[str, float]:
    other = sum(value for part, value in energy_j.items() if part not in kept)
    return {part: value for part, value in energy_j.items() if part in kept} | ({"other": other} if other else {})


def _mean_parts(reports: Sequence[Report], task: int) -> dict[str, float]:
    trees = [report.energy_by_task[task].by(0) for report in reports]
    return {part: sum(tree.get(part, 0.0) for tree in trees) / len(trees) for part in _union(trees)}


def _union(trees: Sequence[Mapping[str, float]]) -> list[str]:
    return list(dict.fromkeys(part for tree in trees for part in tree))


def _draw(ax: "Axes", bars: Sequence[Bar], colour: Mapping[str, str], chip: str) -> None:
    unit, factor = common_unit([bar.total_j for bar in bars], "J")
    places = _places(bars)
    bottom = [0.0] * len(bars)
    for part, shade in colour.items():
        heights = [bar.energy_j.get(part, 0.0) / factor for bar in bars]
        ax.bar(places, heights, bottom=bottom, color=shade, label=part, width=0.85)
        bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
    ax.set(title=chip, ylabel=f"training energy ({unit})")
    ax.set_xticks(places, _labels(bars))
    ax.grid(visible=False, axis="x")


def _places(bars: Sequence[Bar]) -> list[float]:
    methods = list(dict.fromkeys(bar.method for bar in bars))
    return [index + 0.8 * methods.index(bar.method) for index, bar in enumerate(bars)]


def _labels(bars: Sequence[Bar]) -> list[str]:
    """Return task numbers; the middle task of each method carries the method's name below."""
    counts = {method: sum(bar.method == method for bar in bars) for method in {bar.method for bar in bars}}
    return [f"{bar.task + 1}" + (f"\n{bar.method}" if bar.task == counts[bar.method] // 2 else "") for bar in bars]
