"""Figure 3: writes per cell over the stream against the endurance of the cell."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imcsim.chip.report import Report
from imcsim.report.style import GREY, PALETTE, panels
from imcsim.study.points import Chips
from imcsim.study.summary import Stat, statistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEMORIES = {"rram": ("RRAM", PALETTE[1], "o"), "sram": ("SRAM", PALETTE[0], "s")}
_OTHERS = ((PALETTE[2], "D"), (PALETTE[3], "^"), (PALETTE[4], "v"))


def looks(memories: Iterable[str]) -> dict[str, tuple[str, str, str]]:
    """Return name -> (label, colour, marker): of RRAM and SRAM always the same, of others as they come."""
    others = [name for name in dict.fromkeys(memories) if name not in MEMORIES]
    more = {name: (name.upper(), *_OTHERS[index % len(_OTHERS)]) for index, name in enumerate(others)}
    return MEMORIES | more


@dataclass(frozen=True)
class Wear:
    """Programming events per cell over the whole stream: worst cell and mean over used cells, over seeds."""

    chip: str
    method: str
    memory: str
    worst: Stat
    mean: Stat


@dataclass(frozen=True)
class Endurance:
    """A line to compare with: cycles that the cell of ``memory`` on ``chip`` lives, and by what definition."""

    chip: str
    memory: str
    definition: str
    cycles: float


def wear_data(reports: Sequence[Report]) -> list[Wear]:
    """Return wear for each (chip, method, memory) in order of appearance."""
    keys = dict.fromkeys((r.chip, r.method, memory) for r in reports for memory in r.writes)
    return [_wear(reports, *key) for key in keys]


def endurance_data(chips: Chips) -> list[Endurance]:
    """Return the guaranteed cycles, and the Weibull scale, of the cells of each chip that keep their weights."""
    lines = []
    for name, chip in chips.items():
        if (macro := chip.config.nonvolatile) is not None:
            lives = macro.memory.endurance
            lines.append(Endurance(name, macro.name, "guaranteed cycles", lives.guaranteed_cycles))
            if lives.scale is not None:
                lines.append(Endurance(name, macro.name, "Weibull scale", lives.scale))
    return lines


def writes_per_cell(
    reports: Sequence[Report], endurance: Sequence[Endurance]
) -> tuple["Figure", tuple[list[Wear], list[Endurance]]]:
    """Draw worst and mean writes per cell for each method, one panel per chip, with the endurance lines."""
    data = wear_data(reports)
    chips, methods = (list(dict.fromkeys(names)) for names in ((w.chip for w in data), (w.method for w in data)))
    with panels(1, len(chips), (2.2 + 3.4 * len(chips), 5.0), sharey=True) as (figure, axes):
        for ax, chip in zip(axes, chips, strict=True):
            _draw(ax, [wear for wear in data if wear.chip == chip], methods)
            _lines(ax, [line for line in endurance if line.chip == chip])
            ax.set(title=chip, yscale="symlog", ylim=(-0.3, None))
        axes[0].set_ylabel("writes per cell over the stream\n(programming events; linear below 2)")
        _legend(figure, axes)
    return figure, (data, list(endurance))


def _wear(reports: Sequence[Report], chip: str, method: str, memory: str) -> Wear:
    found = [r.writes[memory] for r in reports if (r.chip, r.method) == (chip, method) and memory in r.writes]
    return Wear(chip, method, memory, statistics([w.worst for w in found]), statistics([w.mean for w in found]))


def _draw(ax: "Axes", data: Sequence[Wear], methods: Sequence[str]) -> None:
    look, here = looks(wear.memory for wear in data), list(dict.fromkeys(wear.memory for wear in data))
    for wear in data:
        label, colour, marker = look[wear.memory]
        right = wear.memory == "sram" or here.index(wear.memory) > 0
        place = methods.index(wear.method) + (0.15 if right else -0.15)
        for stat, fill, name in ((wear.worst, colour, "worst cell"), (wear.mean, "white", "mean over used cells")):
            ax.errorbar(
                place, stat.mean or 0.0, yerr=stat.sd, fmt=marker, color=colour, markerfacecolor=fill, markersize=6,
                capsize=2, elinewidth=1, label=f"{label}, {name}",
            )  # fmt: skip
    ax.set_xticks(range(len(methods)), methods, rotation=60, ha="right")


def _lines(ax: "Axes", lines: Sequence[Endurance]) -> None:
    for line in lines:
        style = "-" if line.definition.startswith("guaranteed") else "--"
        ax.axhline(
            line.cycles, color=GREY, linestyle=style, linewidth=1.2, label=f"{line.memory.upper()}, {line.definition}"
        )


def _legend(figure: "Figure", axes: Sequence["Axes"]) -> None:
    named = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(list(named.values()), list(named), loc="outside lower center", ncols=3)
