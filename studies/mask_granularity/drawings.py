"""The two figures of this study, from its rows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imcsim.report.style import MARKERS, colours, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Rows = Sequence[dict[str, Any]]
# transposable and replicate hold the tiles of im2col, and so the same PEs freeze
SHOWN = ("im2col", "kernel_split", "dense_pack", "sparse_skip", "freeze_align")
ORDER = ("element", "kernel", "column", "channel", "pe", "layer")


def by_seed(rows: Rows, column: str, **wanted: Any) -> tuple[float, float]:
    """Return mean and sample standard deviation over seeds of the mean over tasks of ``column``."""
    found = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    seeds = sorted({row["seed"] for row in found})
    means = [float(np.mean([row[column] for row in found if row["seed"] == seed])) for seed in seeds]
    return float(np.mean(means)), float(np.std(means, ddof=1)) if len(means) > 1 else 0.0


def draw_captured(rows: Rows, share: float = 0.5) -> "Figure":
    """Return bars: frozen weights in RRAM PEs by granularity and rule, at one frozen share."""
    with panels(1, 1, (9.0, 4.2)) as (figure, (axis,)):
        for i, (rule, colour) in enumerate(colours(SHOWN).items()):
            stats = [by_seed(rows, "captured", method="er", mask=mask, share=share, rule=rule) for mask in ORDER]
            place = np.arange(len(ORDER)) + (i - (len(SHOWN) - 1) / 2) * 0.16
            heights, errors = (100 * np.array(part) for part in zip(*stats, strict=True))
            axis.bar(place, heights, 0.15, yerr=errors, color=colour, label=rule, error_kw={"elinewidth": 0.8})
        axis.set_xticks(range(len(ORDER)), [_by(mask) for mask in ORDER])
        axis.set_ylabel("frozen weights in RRAM PEs (%)")
        axis.set_ylim(0, 105)
        axis.set_title(f"At most {share:.0%} of the weights frozen: how much of that each rule brings into RRAM")
        axis.grid(axis="x", visible=False)
        figure.legend(loc="outside lower center", ncols=len(SHOWN))
        return figure


def draw_trade(rows: Rows) -> "Figure":
    """Return SRAM PEs against the movement that a mask forbids, one panel for each of two rules."""
    shares = sorted({row["share"] for row in rows if row["method"] == "er"})
    with panels(1, 2, (10.0, 4.4), sharey=True) as (figure, axes):
        for axis, rule in zip(axes, ("im2col", "freeze_align"), strict=True):
            for (mask, colour), marker in zip(colours(ORDER).items(), MARKERS, strict=False):
                chosen = [{"method": "er", "mask": mask, "share": share, "rule": rule} for share in shares]
                lost = [100 * by_seed(rows, "movement_lost", **wanted)[0] for wanted in chosen]
                pes = [by_seed(rows, "sram_pes", **wanted) for wanted in chosen]
                axis.errorbar(
                    lost, [mean for mean, _ in pes], [sd for _, sd in pes], marker=marker, color=colour,
                    label=_by(mask), capsize=2, linewidth=1,
                )  # fmt: skip
            axis.set_title(rule)
            axis.set_xlabel("movement of the weights that the mask forbids (%)")
        axes[0].set_ylabel("PEs that must be SRAM")
        axes[0].set_ylim(bottom=0)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(ORDER))
        figure.suptitle(f"Frozen share {', '.join(f'{share:.0%}' for share in shares)}, left to right")
        return figure


def _by(mask: str) -> str:
    return f"by {'PE' if mask == 'pe' else mask}"
