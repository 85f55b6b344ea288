"""A consolidation cut short, one panel for each scheme: rows that were done, torn and never begun, PE by PE."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from imcsim.core.errors import ConfigError
from imcsim.events.consolidate import Crash
from imcsim.report.crash import lost_tasks
from imcsim.report.gantt import merged
from imcsim.report.style import GREY, PALETTE, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GAP = 1e-4  # of the width: below a pixel
_COLOURS = {
    "done": PALETTE[2],
    "torn": PALETTE[1],
    "not begun": "#DDDDDD",
    "read back": PALETTE[4],
    "record, mark": PALETTE[0],
}


def draw_crash(crashes: Sequence[Crash]) -> "Figure":
    """Return the picture, 10 inches wide, a panel for each scheme on one time axis.

    A line for each PE in the order in which they are written. Bars before the cut are done; those that it meets are
    torn (drawn wide enough to be seen); grey ones are never begun. Two copies have record and mark in the topmost line.

    Raises
    ------
    ConfigError
        If no cut was asked for.
    """
    if any(one.at_share is None for one in crashes):
        raise ConfigError("the picture shows one cut: say at which share of the consolidation")
    work = crashes[0].found.work
    longest = max(one.schedule.makespan_s for one in crashes)
    with panels(len(crashes), 1, (10.0, 0.8 + 3.2 * len(crashes)), sharex=True) as (figure, axes):
        figure.suptitle(f"{work.trace.meta.method} on {work.chip.name}: commit of task {work.task}")
        for axis, one in zip(axes, crashes, strict=True):
            _panel(axis, one, longest)
        axes[-1].set_xlabel("time since the commit began (µs)")
        _legend(axes[0])
        return figure


def spans_by_state(one: Crash) -> dict[str, dict[int, list[tuple[float, float]]]]:
    """Return state -> line -> (start, end) in seconds of what the panel of ``one`` draws; line 0 is record and mark."""
    cut = (one.at_share or 0.0) * one.schedule.makespan_s
    start, end, found = one.schedule.start_s, one.schedule.end_s, one.found
    lines = {int(pe): line + 1 for line, pe in enumerate(np.unique(found.rows.pe))}
    states: dict[str, dict[int, list[tuple[float, float]]]] = {name: {} for name in _COLOURS}
    for index, task in enumerate(found.graph.tasks):
        if task.phase == "row write":
            line = lines[task.priority]
            state = "done" if end[index] <= cut else "torn" if start[index] < cut else "not begun"
        elif task.phase == "read back":
            line, state = lines[int(task.name.split()[1])], "read back"
        elif task.phase in {"record", "mark"} and task.resource is not None:
            line, state = 0, "record, mark"
        else:
            continue
        if start[index] >= cut:
            state = "not begun"
        states[state].setdefault(line, []).append((float(start[index]), float(end[index])))
    return states


def _panel(axis: "Axes", one: Crash, longest_s: float) -> None:
    for state, lines in spans_by_state(one).items():
        for line, spans in lines.items():
            least = 0.004 * longest_s if state == "torn" else 0.0
            bars = [(a * 1e6, max(b - a, least) * 1e6) for a, b in merged(spans, longest_s * _GAP)]
            axis.broken_barh(bars, (line - 0.45, 0.9), color=_COLOURS[state], linewidth=0, snap=False)
    cut = (one.at_share or 0.0) * one.schedule.makespan_s * 1e6
    axis.axvline(cut, color="black", linewidth=1.2, linestyle="--")
    axis.set_xlim(0, longest_s * 1e6)
    axis.set_ylim(len(np.unique(one.found.rows.pe)) + 0.6, -0.6)
    axis.set_ylabel("PEs, as they are written")
    axis.grid(False, axis="y")
    axis.set_title(f"{one.found.scheme.name}: {_outcome(one)}", loc="left")


def _outcome(one: Crash) -> str:
    shown = one.shown
    if shown is None:
        return ""
    said = {
        "old": "the codes of the last commit, bit for bit",
        "new": "the new codes, bit for bit",
        "neither": f"codes of no commit, lost: {lost_tasks(shown.tasks_lost)}",
    }
    return f"after power-up {said[shown.whole]}"


def _legend(axis: "Axes") -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Patch | Line2D] = [Patch(color=colour, label=name) for name, colour in _COLOURS.items()]
    handles.append(Line2D([], [], color="black", linestyle="--", label="power cut"))
    axis.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.1), ncols=6, labelcolor=GREY)
