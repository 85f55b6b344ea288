"""The floor plan as a page: the same squares, each telling its layer, memory and utilisation under the pointer."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imcsim.report.floor_plan import MEMORY_COLOURS, FloorPlan, layer_colours
from imcsim.report.html import Page, render
from imcsim.report.tables import TextTable

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


_MOST_NAMED = 12  # layers that a legend can hold; more are told under the pointer


def floor_plan_page(plan: FloorPlan, table: TextTable, question: str) -> str:
    """Return a self-contained HTML page: the floor plan and the table of layers."""
    return render(Page(plan.title, question, [table], {"Floor plan": floor_plan_figure(plan)}, {}, {}, ()))


def floor_plan_figure(plan: FloorPlan) -> "Figure":
    """Return three heat maps that share their axes; the pointer shows what a PE holds."""
    from plotly.subplots import make_subplots

    figure = make_subplots(cols=3, subplot_titles=["By layer", "By memory", "By utilisation"], shared_yaxes=True)
    steps: list[tuple[NDArray[np.int64] | NDArray[np.float64], str | list[list[object]]]] = [
        (plan.layer, _steps(layer_colours(plan))),
        (plan.memory, _steps(list(MEMORY_COLOURS))),
        (100 * plan.utilisation, "Cividis"),
    ]
    texts = _texts(plan)
    for col, (values, scale) in enumerate(steps, start=1):
        top = 100 if col == 3 else max(len(scale) // 2 - 1, 0) + 0.5
        figure.add_heatmap(
            z=plan.squares(values).tolist(), zmin=0 if col == 3 else -0.5, zmax=top, colorscale=scale, text=texts,
            hovertemplate="%{text}<extra></extra>", showscale=col == 3, xgap=1, ygap=1,
            colorbar={"title": "cells in use (%)"}, row=1, col=col,
        )  # fmt: skip
    for kind, shade in zip(plan.memories, MEMORY_COLOURS, strict=True):
        figure.add_scatter(**_square(kind, shade), row=1, col=2)
    if len(plan.layer_names) <= _MOST_NAMED:
        for name, colour in zip(plan.layer_names, layer_colours(plan), strict=True):
            figure.add_scatter(**_square(name, colour), row=1, col=1)
    figure.update_xaxes(showticklabels=False, constrain="domain")
    figure.update_yaxes(showticklabels=False, autorange="reversed", scaleanchor="x", constrain="domain")
    legend = {"orientation": "h", "y": -0.02}
    margin = {"l": 10, "r": 10, "t": 40, "b": 10}
    return figure.update_layout(template="plotly_white", height=560, margin=margin, legend=legend)


def _square(name: str, colour: str) -> dict[str, object]:
    """An entry of the legend that draws nothing in the panels."""
    marker = {"symbol": "square", "size": 12, "color": colour}
    return {"x": [None], "y": [None], "mode": "markers", "marker": marker, "name": name}


def _steps(colours: list[str]) -> list[list[object]]:
    """A scale of plain steps, one per colour."""
    count = len(colours)
    return [[edge / count, colour] for i, colour in enumerate(colours) for edge in (i, i + 1)]


def _texts(plan: FloorPlan) -> list[list[str]]:
    lines = [
        f"PE {pe}: {plan.layer_names[layer]}<br>{plan.memories[memory]}, {used:.0%} of its cells in use"
        for pe, layer, memory, used in zip(plan.pe, plan.layer, plan.memory, plan.utilisation, strict=True)
    ]
    lines += [""] * (-len(lines) % plan.side)
    return [lines[start : start + plan.side] for start in range(0, len(lines), plan.side)]
