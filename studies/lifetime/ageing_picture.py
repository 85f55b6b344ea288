"""The figure of accuracy against age."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imcsim.report.style import PALETTE, panels
from studies.lifetime.wear import HYBRID, STEP

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows = Sequence[Mapping[str, Any]]
STYLES: Mapping[str, Any] = {
    "served": {"linestyle": "-", "marker": ""},
    "learned": {"linestyle": "--", "marker": "o", "markersize": 5},
}
SAID = {"served": "served", "learned": "learned again"}
SCENARIOS = {"class-il": "Class-IL", "task-il": "Task-IL"}


def draw_accuracy(rows: Rows) -> "Figure":
    """Return accuracy against tasks, with the band between drawn chips, over dead cells; a column a chip."""
    methods = list(dict.fromkeys(row["method"] for row in rows))
    with panels(2, 2, (12.0, 8.0), sharex=True, sharey="row", height_ratios=(2.2, 1)) as (figure, axes):
        for column, setup in enumerate((STEP, HYBRID)):
            for method in methods:
                colour = PALETTE[methods.index(method) % len(PALETTE)]
                for kind in STYLES:
                    mine = [r for r in rows if (r["method"], r["setup"], r["kind"]) == (method, setup, kind)]
                    if mine:
                        _line(axes[column], axes[column + 2], mine, colour)
            axes[column].set(xscale="log", title=setup)
            axes[column + 2].set(yscale="log", xlabel="age of the chip (tasks)")
        axes[0].set_ylabel("accuracy after the last task (%)")
        axes[2].set_ylabel("dead cells (%)")
        figure.suptitle(
            "Digits, default cell. Line: half of the drawn chips; band: 5 % to 95 % (served: 3 seeds of 8; learned: 3)",
            fontsize=10,
        )
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4)
        return figure


def _line(top: "Axes", bottom: "Axes", rows: Rows, colour: str) -> None:
    tasks = np.array([row["tasks"] for row in rows])
    early, median, late = (
        100 * np.array([row[f"accuracy_{end}"] for row in rows]) for end in ("early", "median", "late")
    )
    first = rows[0]
    label = f"{first['method']}, {SAID[first['kind']]} ({SCENARIOS[first['scenario']]})"
    top.plot(tasks, median, color=colour, label=label, **STYLES[first["kind"]])
    top.fill_between(tasks, early, late, color=colour, alpha=0.15, linewidth=0)
    if first["kind"] == "served":
        bottom.plot(tasks, 100 * np.array([row["dead_share"] for row in rows]), color=colour)
