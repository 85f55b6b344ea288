"""The Gantt picture of a schedule: a row for each resource, bars by phase, the critical path on top."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from imcsim.events import Schedule
from imcsim.report.style import GREY, PALETTE, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROWS = 22  # resources that get a row; of more, those that are held longest
_GAP = 1e-5  # of the width: far below a pixel
_SCALES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def rows_of(schedule: Schedule) -> list[str]:
    """Return the resources that the picture shows, in the order of the graph: those that are held longest."""
    held = schedule.utilisation
    names = [name for name in held if held[name] > 0]
    kept = set(sorted(names, key=lambda name: -held[name])[:_ROWS])
    return [name for name in names if name in kept]


def draw_gantt(schedule: Schedule, title: str) -> "Figure":
    """Return the picture, 11 inches wide and as high as it has rows.

    Bars last as long as the resource is held, those of several units lie over one another; the share beside a row is
    the part of its capacity that is held. Bars thinner than a pixel look as pale as they are short. On top is the
    critical path: what the latency consists of.
    """
    rows = rows_of(schedule)
    scale, unit = next((s for s in _SCALES if schedule.makespan_s >= s[0]), _SCALES[-1])
    with panels(1, 1, (11.0, 2.0 + 0.27 * (len(rows) + 1))) as (figure, (axis,)):
        figure.suptitle(title)
        phases = _phases(schedule)
        for phase, colour in phases.items():
            _bars(axis, schedule, rows, phase, colour, scale)
        _labels(axis, schedule, rows)
        axis.set_xlabel(f"time ({unit})")
        axis.set_xlim(0, max(schedule.makespan_s / scale, 1e-9))
        _legend(axis, phases)
        return figure


def merged(spans: Iterable[tuple[float, float]], gap: float) -> list[tuple[float, float]]:
    """Return (start, end) spans in order, those that overlap or leave at most ``gap`` between them as one."""
    found: list[tuple[float, float]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1] + gap:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _phases(schedule: Schedule) -> dict[str, str]:
    seen = dict.fromkeys(task.phase or "task" for task in schedule.graph.tasks if task.resource is not None)
    return {phase: PALETTE[i % len(PALETTE)] for i, phase in enumerate(seen)}


def _bars(axis: "Axes", schedule: Schedule, rows: list[str], phase: str, colour: str, scale: float) -> None:
    place = {name: i + 1 for i, name in enumerate(rows)}
    on_path = set(schedule.critical_path)
    spans: dict[int, list[tuple[float, float]]] = {}
    for index, task in enumerate(schedule.graph.tasks):
        if task.resource is None or (task.phase or "task") != phase or task.service_s == 0:
            continue
        start, until = schedule.start_s[index], index if task.until is None else task.until
        if task.resource in place:
            spans.setdefault(place[task.resource], []).append((start / scale, schedule.end_s[until] / scale))
        if index in on_path:
            spans.setdefault(0, []).append((start / scale, schedule.end_s[index] / scale))
    gap = schedule.makespan_s / scale * _GAP
    for row, found in spans.items():
        bars = [(start, end - start) for start, end in merged(found, gap)]
        # no snapping to pixels: many thin bars then look as dense as they are
        axis.broken_barh(bars, (row - 0.4, 0.8), color=colour, linewidth=0, snap=False)


def _labels(axis: "Axes", schedule: Schedule, rows: list[str]) -> None:
    axis.set_yticks(np.arange(len(rows) + 1), ["critical path", *(_short(name) for name in rows)])
    axis.set_ylim(len(rows) + 0.6, -0.6)
    axis.grid(False, axis="y")
    axis.axhline(0.5, color=GREY, linewidth=0.8)
    for row, name in enumerate(rows, start=1):
        share = f"{100 * schedule.utilisation[name]:.0f} %"
        axis.annotate(share, (1.01, row), xycoords=("axes fraction", "data"), va="center", fontsize=8.5, color=GREY)
    hidden = sum(held > 0 for held in schedule.utilisation.values()) - len(rows)
    if hidden > 0:
        axis.annotate(f"and {hidden} more", (1.01, 0), xycoords=("axes fraction", "data"), va="center", fontsize=8.5)


def _legend(axis: "Axes", phases: dict[str, str]) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=phase.replace("_", " ")) for phase, colour in phases.items()]
    axis.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=min(len(handles), 6))


def _short(name: str, length: int = 34) -> str:
    return name if len(name) <= length else f"...{name[3 - length :]}"
