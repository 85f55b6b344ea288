"""The floor plan: every PE of a network as a square, coloured by layer, by memory and by utilisation.

PEs lie row by row in their order in the network; a square is no place on a chip, of which nothing is known here.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.mapping.network_map import NetworkMap
from imcsim.mapping.pe_table import Mask, pe_table
from imcsim.report.style import GREY, colours, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MEMORIES = ("RRAM", "SRAM")
"""What the memory is called that keeps its weights without power, and the one that does not, unless a plan says."""
MEMORY_COLOURS = ("#882255", "#88CCEE")
_LEGEND = 12  # layers that get a line in the legend; of more, the largest


@dataclass(frozen=True)
class FloorPlan:
    """PEs of a map, each array (P,): index of the layer, index into ``memories``, share of cells in use."""

    title: str
    layer_names: tuple[str, ...]
    pe: NDArray[np.int64]
    layer: NDArray[np.int64]
    memory: NDArray[np.int64]
    utilisation: NDArray[np.float64]
    memories: tuple[str, str] = MEMORIES

    @property
    def side(self) -> int:
        """PEs in a row of the drawing."""
        return math.ceil(math.sqrt(max(len(self.layer), 1)))

    def squares(self, values: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``values`` (P,) as a square, nan where there is no PE."""
        rows = -(-len(values) // self.side)
        filled = np.full(rows * self.side, np.nan)
        filled[: len(values)] = values
        return filled.reshape(rows, self.side)


def floor_plan(
    network_map: NetworkMap, chip: ChipConfig, title: str, trainable: dict[str, Mask] | None = None
) -> FloorPlan:
    """Return the floor plan of a map on ``chip``.

    On a chip with two memories, PEs that hold a trainable weight are in the one that needs power, the others in the one
    that does not; without ``trainable`` all are where weights rest.
    """
    table = pe_table(network_map, trainable)
    keeps, works = chip.nonvolatile, chip.volatile
    memory = np.full(len(table.pe), keeps is None)
    if keeps is not None and works is not None and trainable is not None:
        memory = table.trains
    called = tuple(
        macro.name.upper() if macro is not None else usual
        for macro, usual in zip((keeps, works), MEMORIES, strict=True)
    )
    names = tuple(spec.name for spec in network_map.layers)
    return FloorPlan(
        title, names, table.pe, table.layer, memory.astype(np.int64), table.utilisation, (called[0], called[1])
    )


def draw_floor_plan(plan: FloorPlan) -> "Figure":
    """Return the three panels as a figure of 13 x 5.9 inches."""
    with panels(1, 3, (13.0, 5.9)) as (figure, axes):
        figure.suptitle(plan.title)
        _draw_layers(axes[0], plan)
        _draw_memory(axes[1], plan)
        image = axes[2].imshow(plan.squares(100 * plan.utilisation), cmap="cividis", vmin=0, vmax=100)
        bar = axes[2].inset_axes((0.0, -0.1, 1.0, 0.05))
        figure.colorbar(image, cax=bar, label="cells in use (%)", orientation="horizontal")
        axes[2].set_title("By utilisation")
        for axis in axes:
            _square(axis, plan)
        return figure


def largest_layers(plan: FloorPlan) -> list[int]:
    """Return the layers that the legend names: those with the most PEs, in order of execution."""
    counts = np.bincount(plan.layer, minlength=len(plan.layer_names))
    return sorted(np.argsort(-counts, kind="stable")[:_LEGEND].tolist())


def layer_colours(plan: FloorPlan) -> list[str]:
    """Return a colour for each layer; past the palette's end it starts again, each time paler."""
    return list(colours([str(index) for index in range(len(plan.layer_names))]).values())


def _draw_layers(axis: "Axes", plan: FloorPlan) -> None:
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    shades, counts = layer_colours(plan), np.bincount(plan.layer, minlength=len(plan.layer_names))
    axis.imshow(plan.squares(plan.layer), cmap=ListedColormap(shades), vmin=-0.5, vmax=len(shades) - 0.5)
    axis.set_title("By layer")
    named = largest_layers(plan)
    handles = [Patch(color=shades[i], label=f"{_short(plan.layer_names[i])} ({counts[i]:,})") for i in named]
    if len(named) < len(shades):
        handles.append(Patch(color="none", label=f"and {len(shades) - len(named)} smaller layers"))
    _legend_below(axis, handles, 2)


def _draw_memory(axis: "Axes", plan: FloorPlan) -> None:
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    shades = list(MEMORY_COLOURS)
    axis.imshow(plan.squares(plan.memory), cmap=ListedColormap(shades), vmin=-0.5, vmax=1.5)
    axis.set_title("By memory")
    counts = np.bincount(plan.memory, minlength=len(shades))
    kinds = zip(plan.memories, shades, counts, strict=True)
    _legend_below(axis, [Patch(color=colour, label=f"{kind} ({count:,} PEs)") for kind, colour, count in kinds], 1)


def _legend_below(axis: "Axes", handles: Sequence[object], columns: int) -> None:
    axis.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.02), ncols=columns, fontsize=8.5)


def _square(axis: "Axes", plan: FloorPlan) -> None:
    axis.set_anchor("N")
    axis.set_xticks([])
    axis.set_yticks([])
    axis.grid(False)
    for spine in axis.spines.values():
        spine.set(visible=True, color=GREY)
    rows = -(-len(plan.layer) // plan.side)
    if plan.side <= 40:  # lines between squares as long as they can be told apart
        axis.set_xticks(np.arange(-0.5, plan.side), minor=True)
        axis.set_yticks(np.arange(-0.5, rows), minor=True)
        axis.grid(True, which="minor", color="white", linewidth=0.8)
        axis.tick_params(which="minor", length=0)


def _short(name: str, length: int = 26) -> str:
    return name if len(name) <= length else f"...{name[3 - length :]}"
