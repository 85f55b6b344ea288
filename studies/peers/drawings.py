"""The figure of this study: steps to the peer's set-up, and our energy over the peer's for every run."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from imcsim.report.style import GREY, MARKERS, colours, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows = Sequence[dict[str, Any]]
GROUPS = {"energy_adc": "sensing", "energy_accumulation": "accumulation", "energy_other": "buffers, links, rest"}
STAGES = {"our_units": "our unit figures", "peer_units": "the peer's", "peer_form": "and its way of counting"}
SHOWN = "v14-vgg8-rram"


def draw(steps: Rows, beside: Rows) -> "Figure":
    """Return stacked energy of VGG-8 by step beside what NeuroSim printed, and the ratio of energies of every run."""
    with panels(1, 2, (11.0, 4.6), gridspec_kw={"width_ratios": [1.1, 1.0]}) as (figure, axes):
        _draw_steps(axes[0], steps, beside)
        _draw_ratios(axes[1], beside)
        return figure


def _draw_steps(axis: "Axes", steps: Rows, beside: Rows) -> None:
    ours = [row for row in steps if row["run"] == SHOWN]
    theirs = {row["item"]: row["measured"] for row in beside if row["run"] == SHOWN}
    names = [*(row["step"] for row in ours), "NeuroSim V1.4"]
    bottom = [0.0] * len(names)
    for group, colour in colours(list(GROUPS)).items():
        heights = [1e6 * value for value in (*(row[group] for row in ours), theirs[group])]
        axis.bar(range(len(names)), heights, 0.65, bottom=bottom, color=colour, label=GROUPS[group])
        bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
    for place, total in enumerate(bottom):
        axis.annotate(f"{total:.3g}", (place, total), (0, 2), textcoords="offset points", ha="center", fontsize=8)
    axis.set_xticks(range(len(names)), [name.replace(" ", "\n") for name in names], fontsize=8)
    axis.set_ylabel("energy of one image (uJ)")
    axis.set_title("VGG-8 in RRAM, 22 nm: each step adds one change", fontsize=10)
    axis.grid(axis="x", visible=False)
    axis.legend()


def _draw_ratios(axis: "Axes", beside: Rows) -> None:
    rows = [row for row in beside if row["item"] == "energy" and row["measured"] and row["peer_form"] is not None]
    for (stage, colour), marker in zip(colours(list(STAGES)).items(), MARKERS, strict=False):
        ratios = [row[stage] / row["measured"] for row in rows]
        axis.plot(ratios, range(len(rows)), marker, color=colour, label=STAGES[stage], markersize=7)
    axis.axvline(1.0, color=GREY, linewidth=1)
    axis.set_xscale("log")
    axis.set_yticks(range(len(rows)), [row["run"] for row in rows], fontsize=8)
    axis.invert_yaxis()
    axis.set_xlabel("energy of one image: imcsim / peer")
    axis.set_title("Inference runs at the peer's array, bits and network", fontsize=10)
    axis.legend(loc="upper left")
