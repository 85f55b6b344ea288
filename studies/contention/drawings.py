"""The two figures of this study, from its rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from imcsim.report.style import GREY, MARKERS, PALETTE, colours, panels
from studies.contention.grid import AXES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows = Sequence[dict[str, Any]]
OWN_DRAM = 5.12e10  # the chips' own value: the row of the chips as they are
PARTS = ("forward", "input_gradient", "weight_gradient", "update", "dram", "buffer")


def over_seeds(rows: Rows, column: str, **wanted: Any) -> tuple[float, float]:
    """Return mean and sample standard deviation over seeds of ``column`` where the rows are as ``wanted``."""
    found = [row[column] for row in rows if all(row[key] == value for key, value in wanted.items())]
    return float(np.mean(found)), float(np.std(found, ddof=1)) if len(found) > 1 else 0.0


def draw_axes(rows: Rows) -> "Figure":
    """Return one panel per axis: closed form / events - 1 (%) for each chip (colour) and method (line), first seed."""
    from matplotlib.ticker import NullFormatter

    rows = [row for row in rows if row["seed"] == min(row["seed"] for row in rows)]
    chips, methods = _names(rows, "chip"), _names(rows, "method")
    with panels(2, 4, (14.0, 6.6), sharey=True) as (figure, axes):
        for axis, panel in zip(AXES, axes, strict=True):
            for chip, colour in colours(chips).items():
                for method, line in zip(methods, ("-", "--"), strict=False):
                    _line(panel, rows, axis.name, {"chip": chip, "method": method}, colour, line)
            panel.axhline(0, color=GREY, linewidth=0.8)
            panel.set_xscale("log", base=2 if axis.values[-1] < 2**21 else 10)
            panel.xaxis.set_minor_formatter(NullFormatter())
            panel.set_xlabel(axis.label)
        for panel in axes[::4]:
            panel.set_ylabel("closed form / events - 1 (%)")
        _legend(figure, chips, methods)
        return figure


def draw_phases(phases: Rows, rows: Rows) -> "Figure":
    """Return stacked bars of one step (ms): closed form, events one after the other, and events with overlap."""
    chips, methods = _names(phases, "chip"), _names(phases, "method")
    with panels(1, len(methods), (11.0, 4.4)) as (figure, axes):
        for panel, method in zip(axes, methods, strict=True):
            for i, chip in enumerate(chips):
                here = {"chip": chip, "method": method}
                for side, column in ((-0.27, "closed_s"), (0.0, "serial_s")):
                    _stack(panel, phases, here, column, i + side)
                total, sd = over_seeds(rows, "events_s", axis="dram_bits_per_s", value=OWN_DRAM, **here)
                panel.bar(i + 0.27, 1e3 * total, 0.25, yerr=1e3 * sd, color=GREY, ecolor="black")
            panel.set_xticks(range(len(chips)), chips)
            panel.set_title(method)
            panel.set_ylabel("time of one step (ms)")
        _phase_legend(figure)
        return figure


def _line(panel: "Axes", rows: Rows, axis: str, wanted: dict[str, Any], colour: str, line: str) -> None:
    mine = [row for row in rows if row["axis"] == axis and all(row[key] == value for key, value in wanted.items())]
    values = sorted({row["value"] for row in mine})
    if values:
        off = [100 * over_seeds(mine, "off", value=value)[0] for value in values]
        panel.plot(values, off, color=colour, linestyle=line, marker=MARKERS[0 if line == "-" else 1], markersize=4)


def _stack(panel: "Axes", phases: Rows, here: dict[str, Any], column: str, x: float) -> None:
    bottom = 0.0
    for part, colour in zip(PARTS, PALETTE, strict=False):
        height = 1e3 * over_seeds(phases, column, part=part, **here)[0]
        panel.bar(x, height, 0.25, bottom=bottom, color=colour)
        bottom += height


def _legend(figure: "Figure", chips: Sequence[str], methods: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=colour, label=chip) for chip, colour in colours(chips).items()]
    lines: tuple[Literal["-", "--"], ...] = ("-", "--")
    for method, line, marker in zip(methods, lines, MARKERS, strict=False):
        handles.append(Line2D([], [], color=GREY, linestyle=line, marker=marker, markersize=4, label=method))
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))


def _phase_legend(figure: "Figure") -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=c, label=part.replace("_", " ")) for part, c in zip(PARTS, PALETTE, strict=False)]
    handles.append(Patch(color=GREY, label="events with overlap"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    figure.suptitle("left: closed form; middle: events, one part after the other; right: events with overlap")


def _names(rows: Rows, column: str) -> list[str]:
    return list(dict.fromkeys(row[column] for row in rows))
