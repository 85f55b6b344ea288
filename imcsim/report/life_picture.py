"""The PEs of a chip coloured by the years they have left, and the layers that die first."""

import math
from typing import TYPE_CHECKING

import numpy as np

from imcsim.chip.life import Outlook
from imcsim.report.life import pe_years
from imcsim.report.style import GREY, PALETTE, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_UNWRITTEN = "#EEEEEE"
_BARS = 12


def draw_life(found: Outlook, chip: ChipConfig | None = None) -> "Figure":
    """Return the PEs in the order of the network, row by row, and the layers' chances to die first, 10 x 5 inches."""
    with panels(1, 2, (10.0, 5.0)) as (figure, axes):
        figure.suptitle(
            f"{found.method} on {found.chip}: {found.network}, {found.dataset}, at {found.tasks_per_day:g} tasks a day"
        )
        _draw_pes(figure, axes[0], found)
        _draw_layers(axes[1], found)
        return figure


def _draw_pes(figure: "Figure", axis: "Axes", found: Outlook) -> None:
    from matplotlib.colors import ListedColormap, LogNorm

    years = pe_years(found)
    side = math.ceil(math.sqrt(len(years)))
    rows = -(-len(years) // side)
    square = np.full((rows, side), np.nan)
    square.reshape(-1)[: len(years)] = years
    axis.imshow(np.where(np.isnan(square), np.nan, 0.0), cmap=ListedColormap([_UNWRITTEN]))
    written = np.where(np.isfinite(square), square, np.nan)
    if np.isfinite(written).any():
        low, high = np.nanmin(written), np.nanmax(written)
        norm = LogNorm(low, high if high > low else 1.01 * low)
        image = axis.imshow(written, cmap="cividis", norm=norm)
        label = "years to the first failed cell in the PE, median"
        bar = figure.colorbar(image, ax=axis, label=label, orientation="horizontal", shrink=0.9, pad=0.05)
        ticks = np.geomspace(norm.vmin or low, norm.vmax or high, 5)
        bar.set_ticks(ticks.tolist(), labels=[_tick(tick) for tick in ticks])
        bar.minorticks_off()
    first = int(np.argmax(found.pe_dies_first))
    if found.pe_dies_first[first] > 0:
        axis.plot(first % side, first // side, "o", markersize=9, markerfacecolor="none", color=PALETTE[1], mew=2)
    axis.set_title("PEs in the order of the network\n(circle: most likely to die first; grey: not written)")
    axis.grid(False)
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set(visible=True, color=GREY)


def _tick(years: float) -> str:
    if years >= 1e5:
        return f"{years:.1e}"
    return f"{years:,.0f}" if years >= 100 else f"{years:.3g}"


def _draw_layers(axis: "Axes", found: Outlook) -> None:
    likely = sorted(range(len(found.layers)), key=lambda i: -found.layers[i].dies_first)[:_BARS]
    shown = sorted(likely)  # in order of execution
    place = np.arange(len(shown))
    axis.barh(place, [100 * found.layers[i].dies_first for i in shown], color=PALETTE[0], height=0.7)
    axis.invert_yaxis()
    axis.set_yticks(place, [found.layers[i].name[-24:] for i in shown], fontsize=8)
    axis.set_xlabel("chance that the chip's first failed cell lies there (%)")
    axis.set_title("Layers, first at the top" if len(shown) == len(found.layers) else f"The {_BARS} likeliest layers")
