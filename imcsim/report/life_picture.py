"""The PEs of a chip coloured by the years they have left, and the layers that die first.

On a chip with a floor plan, PEs lie in the squares of their routers; without one, in the order of the network.
"""

from typing import TYPE_CHECKING

import numpy as np

from imcsim.chip.config import ChipConfig
from imcsim.core.errors import ConfigError
from imcsim.life import Outlook
from imcsim.report.life import pe_years
from imcsim.report.pe_places import PePlaces, in_order, pe_places
from imcsim.report.style import GREY, PALETTE, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_UNWRITTEN = "#EEEEEE"
_BARS = 12


def draw_life(found: Outlook, chip: ChipConfig | None = None) -> "Figure":
    """Return the PEs by years left, and the layers' chances to die first, 10 x 5 inches.

    PEs lie on the floor plan of ``chip``, if it has one; else in the order of the network, row by row.

    Raises
    ------
    ConfigError
        If when cells fail is not known.
    """
    if found.endurance is None:
        raise ConfigError(
            f"a picture of PEs by remaining life needs the distribution of the cycles to failure, and '{found.chip}' "
            f"states none for its {found.memory.upper()} cells"
        )
    with panels(1, 2, (10.0, 5.0)) as (figure, axes):
        figure.suptitle(
            f"{found.method} on {found.chip}: {found.network}, {found.dataset}, at {found.tasks_per_day:g} tasks a day"
        )
        places = in_order(len(found.pe_layer)) if chip is None else pe_places(chip, len(found.pe_layer))
        _draw_pes(figure, axes[0], found, places)
        _draw_layers(axes[1], found)
        return figure


def _draw_pes(figure: "Figure", axis: "Axes", found: Outlook, places: PePlaces) -> None:
    from matplotlib.colors import ListedColormap, LogNorm

    years = pe_years(found)
    square = np.full(places.shape, np.nan)
    square[places.row, places.column] = years
    background = np.where(np.isnan(square), np.nan, 0.0)
    if places.routers:
        background = np.where(places.blocks, 0.0, np.nan)
    axis.imshow(background, cmap=ListedColormap([_UNWRITTEN]))
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
        at = places.column[first], places.row[first]
        axis.plot(*at, "o", markersize=9, markerfacecolor="none", color=PALETTE[1], mew=2)
    if places.buffer is not None:
        axis.plot(*places.buffer, marker="s", color="black", markersize=8, clip_on=False)
        at, side = ((0, 8), "center") if places.buffer[0] < 0 else ((8, -3), "left")
        axis.annotate("buffer", places.buffer, at, textcoords="offset points", fontsize=9, ha=side)
    what = f"PEs at their routers ({places.routers})" if places.routers else "PEs in the order of the network"
    axis.set_title(f"{what}\n(circle: most likely to die first; grey: not written)")
    axis.grid(False)
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set(visible=not places.routers, color=GREY)


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
