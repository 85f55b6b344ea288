"""The figures of this study: where each energy claim is true, and memory by claim."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imcsim.report.style import GREY, PALETTE, panels
from studies.claims.compare import EVERY_CELL, GATED, INFERENCES, RRAM, WRITES, pessimistic_event_j
from studies.claims.energy import Line, ratio

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows = Sequence[Mapping[str, Any]]
EVENT_J = np.logspace(-13, -7, 121)
COUNT = np.logspace(0, 6, 121)
STYLES: tuple[Any, ...] = (":", "-.", "--")  # of the cells that are marked
LEVELS = (0.5, 1, 1.5, 2, 3, 4.3, 6, 10, 20, 50, 100)
# (claim, base, account, chip) of each panel, row by row
PANELS = (
    ("xbm-energy", "piggyback", "switch", RRAM),
    ("xbm-energy", "piggyback", "switch", GATED),
    ("xma-energy", "piggyback", "switch", RRAM),
    ("xma-energy", EVERY_CELL, "switch", RRAM),
    ("xbm-energy", "piggyback", "training", RRAM),
    ("xma-energy", "piggyback", "training", RRAM),
    ("sparcl-energy", "derpp", "training", RRAM),
    ("sparcl-energy", "derpp", "training", "hybrid-28nm"),
)
NAMES = {
    "piggyback": "Piggyback", "derpp": "dense DER++", EVERY_CELL: "every cell rewritten",
    "xbm-energy": "XBM", "xma-energy": "XMA", "sparcl-energy": "SparCL, s = 0.95",
}  # fmt: skip
ACCOUNTS = {"switch": "switch, inferences", "training": "training, switch, inferences"}


def draw_regions(rows: Rows) -> "Figure":
    """Return E_base / E_method over write energy and inferences, one panel a claim; the claim's line is drawn."""
    with panels(2, 4, (15.0, 7.6), sharex=True, sharey=True) as (figure, axes):
        filled = None
        for axis, wanted in zip(axes, PANELS, strict=True):
            row = next(r for r in rows if tuple(r[key] for key in _KEYS) == wanted)
            filled = _panel(axis, row)
        for axis in axes[4:]:
            axis.set_xlabel("energy of a programming event (J)")
        for axis in (axes[0], axes[4]):
            axis.set_ylabel("inferences until the next task")
        if filled is not None:
            figure.colorbar(filled, ax=axes, label="energy of the other side / energy of the method", ticks=LEVELS)
        figure.legend(*_marks(), loc="outside lower center", ncols=5)
        return figure


def draw_memory(rows: Rows) -> "Figure":
    """Return how many times less training memory each learner keeps than full finetuning, beside the claims."""
    shown = [row for row in rows if row["learner"] not in ("er", "derpp", "finetune")]
    place = np.arange(len(shown))
    with panels(1, 1, (9.0, 5.6)) as (figure, (axis,)):
        for k, (column, label) in enumerate(
            (("activations_less", "kept activations"), ("total_less", "with parameters"))
        ):
            axis.barh(place - 0.2 + 0.4 * k, [row[column] for row in shown], 0.38, color=PALETTE[k], label=label)
        axis.axvspan(19, 37, color=PALETTE[3], alpha=0.35, label="DA3, arXiv v3: 19-37x")
        axis.axvline(5, color=GREY, linestyle="--", label="DA3, CVPRW: from 5x")
        axis.axvline(6.16, color=PALETTE[5], linestyle=":", label="LightCL: up to 6.16x")
        axis.set_yticks(place, [row["learner"] for row in shown])
        axis.invert_yaxis()
        axis.set_xscale("log")
        axis.set_xticks([0.5, 1, 2, 5, 10, 20, 50], ["0.5", "1", "2", "5", "10", "20", "50"])
        axis.minorticks_off()
        axis.set_xlabel("training memory of full finetuning / of the learner")
        axis.set_title(f"ResNet-18 at 32 x 32, batch {shown[0]['batch']}: bytes by Rep-Net's model")
        axis.grid(axis="y", visible=False)
        figure.legend(loc="outside lower center", ncols=3)
        return figure


def _panel(axis: "Axes", row: Mapping[str, Any]) -> Any:
    base, method = (Line(*(row[f"{side}_{part}"] for part in _PARTS)) for side in ("base", "method"))
    found = ratio(base, method, EVENT_J[None, :], COUNT[:, None])
    from matplotlib.colors import LogNorm

    norm = LogNorm(LEVELS[0], LEVELS[-1])
    filled = axis.contourf(EVENT_J, COUNT, found, LEVELS, norm=norm, cmap="cividis", extend="both")
    target = row["target"]
    if found.min() < target < found.max():
        axis.contour(EVENT_J, COUNT, found, [target], colors="white", linewidths=2.5)
    else:
        where = "everywhere" if found.min() >= target else "nowhere here"
        axis.text(0.5, 0.5, f"true {where}", transform=axis.transAxes, ha="center", color="white", fontsize=11)
    axis.set(xscale="log", yscale="log")
    axis.plot(row["event_j"], INFERENCES, "*", color="white", markeredgecolor="black", markersize=14)
    for joules, style in zip(_cells().values(), STYLES, strict=True):
        axis.axvline(joules, color="white", linestyle=style, linewidth=1)
    axis.grid(visible=False)
    name, claim = NAMES[row["claim"]], f"{target:.3g}x" if target != 1 / 0.6 else "1.67x (40 %)"
    axis.set_title(
        f"{name} against {NAMES[row['base']]}: {claim}\n{ACCOUNTS[row['account']]}\n{row['chip']}", fontsize=10
    )
    return filled


_KEYS = ("claim", "base", "account", "chip")
_PARTS = ("fixed_j", "events", "inference_j")


def _marks() -> tuple[list[Any], list[str]]:
    """Return the legend's handles and labels: those of the panels are white, which the page is, too."""
    from matplotlib.lines import Line2D

    star = Line2D([], [], color="white", linestyle="none", marker="*", markersize=14, markeredgecolor="black")
    cells = [Line2D([], [], color=GREY, linestyle=style) for style in STYLES]
    edge = Line2D([], [], color=GREY, linewidth=2.5)
    return [edge, star, *cells], ["edge of the claim: true to its right and below", "preset", *_cells()]


def _cells() -> dict[str, float]:
    return {**WRITES, "40 nm pessimistic": pessimistic_event_j()}
