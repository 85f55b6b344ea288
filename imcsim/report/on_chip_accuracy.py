"""Figure 5: accuracy on the arrays, from exact codes to a day after the last commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imcsim.report.accuracy_energy import SCENARIOS
from imcsim.report.on_chip_table import on_chip_ages, on_chip_column
from imcsim.report.style import colours, markers, panels
from imcsim.study.summary import Group, Stat

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class OnChipLine:
    """One method on one chip: accuracy in %, ideal and at each age, over seeds."""

    scenario: str
    chip: str
    method: str
    accuracy: Mapping[str, Stat]


def on_chip_data(groups: Sequence[Group], methods: Sequence[str]) -> list[OnChipLine]:
    """Return the lines of the chosen methods, scenario by scenario and chip by chip."""
    ages = (None, *on_chip_ages(groups))
    return [
        OnChipLine(scenario, group.chip, group.method, {age or "ideal": _stat(group, scenario, age) for age in ages})
        for scenario in SCENARIOS
        for chip in dict.fromkeys(group.chip for group in groups)
        for method in methods
        for group in groups
        if (group.chip, group.method) == (chip, method)
    ]


def on_chip_accuracy(groups: Sequence[Group], methods: Sequence[str]) -> tuple["Figure", list[OnChipLine]]:
    """Draw accuracy against age, one panel for each scenario (rows) and chip (columns); a line for each method."""
    data = on_chip_data(groups, methods)
    chips = list(dict.fromkeys(line.chip for line in data))
    with panels(len(SCENARIOS), len(chips), (2.4 + 2.9 * len(chips), 6.4), sharex=True, sharey=True) as (figure, axes):
        keys = [(scenario, chip) for scenario in SCENARIOS for chip in chips]
        for ax, (scenario, chip) in zip(axes, keys, strict=True):
            _draw(ax, [line for line in data if (line.scenario, line.chip) == (scenario, chip)], methods)
            ax.set_title(f"{chip}, {SCENARIOS[scenario]}")
            ax.set_ylim(0, 102)
        for row in range(len(SCENARIOS)):
            axes[row * len(chips)].set_ylabel("accuracy after the last task (%)")
        for ax in axes[-len(chips) :]:
            ax.set_xlabel("time since the last commit")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", title="method")
    return figure, data


def _draw(ax: "Axes", lines: Sequence[OnChipLine], methods: Sequence[str]) -> None:
    colour, marker = colours(methods), markers(methods)
    for place, line in enumerate(lines):
        shown = [(age, stat) for age, stat in line.accuracy.items() if stat.mean is not None]
        aside = 0.04 * (place - (len(lines) - 1) / 2)  # error bars stand beside one another
        ax.errorbar(
            [index + aside for index in range(len(shown))],
            [stat.mean or 0.0 for _, stat in shown],
            yerr=[stat.sd for _, stat in shown],
            color=colour[line.method],
            marker=marker[line.method],
            markersize=5,
            capsize=2,
            linewidth=1.2,
            label=line.method,
        )
        ax.set_xticks(range(len(shown)), [age for age, _ in shown])


def _stat(group: Group, scenario: str, age: str | None) -> Stat:
    found = group.stats.get(on_chip_column(scenario, age), Stat(None, 0.0, 0))
    return Stat(None if found.mean is None else 100 * found.mean, 100 * found.sd, found.n)
