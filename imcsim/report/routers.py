"""Routers of a chip with a floor plan: which layer each serves, and over how many hops a layer's bits travel.

Shape letters: L mapped layers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.floor_plan import Routers, layer_hops, routers
from imcsim.core.errors import ConfigError
from imcsim.mapping.lines import pe_lines
from imcsim.mapping.network_map import NetworkMap
from imcsim.report.floor_plan import FloorPlan, floor_plan, layer_colours
from imcsim.report.style import GREY, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_UNUSED = "#EEEEEE"


@dataclass(frozen=True)
class RouterPlan:
    """Routers of a chip, the layer with most PEs at each (-1: none), hops (L,) of the layers, and the topology."""

    topology: str
    pes_per_router: int
    routers: Routers
    layer: NDArray[np.int64]
    hops: NDArray[np.float64]

    @property
    def used(self) -> int:
        """Routers that serve a PE of the network."""
        return int((self.layer >= 0).sum())


def router_plan(network_map: NetworkMap, chip: ChipConfig, plan: FloorPlan) -> RouterPlan:
    """Return the routers of ``chip`` with the PEs of ``plan`` on them.

    Raises
    ------
    ConfigError
        If the chip has no [floor_plan].
    """
    if chip.floor_plan is None:
        raise ConfigError(
            f"chip '{chip.name}' has no [floor_plan]; add one, or give "
            """--set 'floor_plan={topology="mesh",pes_per_router=16}'"""
        )
    found = routers(chip, chip.floor_plan)
    at = np.minimum(plan.pe // chip.floor_plan.pes_per_router, found.count - 1)
    count = np.zeros((found.count, len(plan.layer_names)), dtype=np.int64)
    np.add.at(count, (at, plan.layer), 1)
    layer = np.where(count.any(axis=1), count.argmax(axis=1), -1)
    return RouterPlan(
        chip.floor_plan.topology, chip.floor_plan.pes_per_router, found, layer, _hops(network_map, chip)
    )  # fmt: skip


def routers_of(network_map: NetworkMap, chip: ChipConfig) -> RouterPlan | None:
    """Return the routers of ``chip`` with a network's PEs on them; None without a [floor_plan]."""
    if chip.floor_plan is None:
        return None
    return router_plan(network_map, chip, floor_plan(network_map, chip, chip.name))


def router_record(found: RouterPlan, names: Sequence[str]) -> dict[str, object]:
    """Return what :func:`router_sentence` says, for JSON: hops by layer, routers, pitch (m)."""
    return {
        "topology": found.topology,
        "pes_per_router": found.pes_per_router,
        "routers": found.routers.count,
        "routers_used": found.used,
        "pitch_m": found.routers.pitch_m,
        "hops": {name: float(hop) for name, hop in zip(names, found.hops, strict=True)},
    }


def router_sentence(found: RouterPlan, names: Sequence[str]) -> str:
    """Say how far bits travel: routers in use, distance of neighbours, and the layers nearest and farthest."""
    near, far = int(found.hops.argmin()), int(found.hops.argmax())
    way = f"a bit travels {found.hops[near]:.3g} hops ({names[near]}) to {found.hops[far]:.3g} ({names[far]})"
    if found.hops[near] == found.hops[far]:
        way = f"every bit travels {found.hops[near]:.3g} hops"
    what = "mesh" if found.topology == "mesh" else "H-tree"
    return (
        f"On its {what} of {found.routers.count} routers ({found.pes_per_router} PEs each, "
        f"{1e3 * found.routers.pitch_m:.2g} mm wide) the network uses {found.used}; {way}."
    )


def draw_routers(found: RouterPlan, plan: FloorPlan) -> "Figure":
    """Return the routers on their grid, coloured by layer, and the hops of each layer, 10 x 5 inches."""
    with panels(1, 2, (10.0, 5.0)) as (figure, axes):
        figure.suptitle(plan.title)
        _draw_grid(axes[0], found, layer_colours(plan))
        _draw_hops(axes[1], found, plan)
        return figure


def _hops(network_map: NetworkMap, chip: ChipConfig) -> NDArray[np.float64]:
    lines = [pe_lines(layer) for layer in network_map.maps]
    return layer_hops(chip, [part.pe + first for part, first in zip(lines, network_map.first_pes, strict=True)])


def _draw_grid(axis: "Axes", found: RouterPlan, colours: list[str]) -> None:
    from matplotlib.colors import ListedColormap

    column, row = router_grid(found.routers, found.topology)
    grid = np.full((int(row.max()) + 1, int(column.max()) + 1), np.nan)
    grid[row, column] = found.layer
    axis.imshow(np.where(np.isnan(grid), np.nan, 0.0), cmap=ListedColormap([_UNUSED]))
    shown = np.where(grid >= 0, grid, np.nan)
    axis.imshow(shown, cmap=ListedColormap(colours), vmin=-0.5, vmax=len(colours) - 0.5)
    height, width = grid.shape
    at = (-1.1, (height - 1) // 2) if found.topology == "mesh" else (width / 2 - 0.5, height / 2 - 0.5)
    axis.plot(*at, marker="s", color="black", markersize=9, clip_on=False)
    axis.annotate("buffer", at, xytext=(0, 9), textcoords="offset points", ha="right", va="bottom", fontsize=9)
    axis.set_title("Routers by layer (grey: not used)")
    axis.set_xlim(-2.6 if found.topology == "mesh" else -0.6, width - 0.4)
    axis.grid(False)
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)


def router_grid(found: Routers, topology: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (columns, rows) at which routers are drawn: each level of an H-tree halves the chip, across and down."""
    if topology == "mesh":
        return found.column, found.row
    leaf, levels = found.column, int(found.hops[0])
    column, row = np.zeros_like(leaf), np.zeros_like(leaf)
    for level in range(levels):
        bit = (leaf >> (levels - 1 - level)) & 1
        if level % 2 == 0:
            column = 2 * column + bit
        else:
            row = 2 * row + bit
    return column, row


def _draw_hops(axis: "Axes", found: RouterPlan, plan: FloorPlan) -> None:
    place = np.arange(len(found.hops))
    axis.barh(place, found.hops, color=layer_colours(plan), height=0.8)
    axis.invert_yaxis()
    axis.set_yticks(place if len(place) <= 24 else [], plan.layer_names if len(place) <= 24 else [], fontsize=8)
    axis.set_xlabel("hops between buffer and PEs, mean over a layer")
    axis.set_title("Hops by layer, first at the top")
    axis.axvline(float(found.hops.mean()), color=GREY, linewidth=1.0, linestyle="--")
