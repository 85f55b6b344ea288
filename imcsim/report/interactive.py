"""The study's figures for the page, drawn by plotly from the same data as the printed ones."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imcsim.report.accuracy_energy import SCENARIOS, Point, front_of, unique
from imcsim.report.accuracy_matrix import AccuracyMatrix
from imcsim.report.energy_by_task import Bar, parts_of
from imcsim.report.on_chip_accuracy import OnChipLine
from imcsim.report.style import GREY, PLOTLY_MARKERS, colours, markers
from imcsim.report.wear import Endurance, Wear, looks

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def accuracy_energy_page(data: Sequence[Point]) -> "Figure":
    """Return accuracy against training energy, one panel per scenario, and the Pareto fronts."""
    figure = _panels(1, len(SCENARIOS), list(SCENARIOS.values()))
    colour, marker = colours(unique(p.method for p in data)), markers(unique(p.chip for p in data), PLOTLY_MARKERS)
    for col, (scenario, title) in enumerate(SCENARIOS.items(), start=1):
        points = [point for point in data if point.scenario == scenario]
        best = front_of(points)
        figure.add_scatter(
            x=[p.energy_j.mean for p in best], y=[p.accuracy.mean for p in best], mode="lines", name="Pareto front",
            line={"color": GREY, "dash": "dash", "shape": "hv"}, showlegend=col == 1, legendgroup="front",
            row=1, col=col,
        )  # fmt: skip
        for point in points:
            figure.add_scatter(**_dot(point, colour, marker), showlegend=col == 1, row=1, col=col)
        figure.update_xaxes(type="log", title_text="training energy of the whole stream (J)", row=1, col=col)
        figure.update_yaxes(title_text=f"{title} accuracy after the last task (%)", row=1, col=col)
    return figure


def energy_by_task_page(data: Sequence[Bar]) -> "Figure":
    """Return stacked bars of energy by part for each task, one panel per chip."""
    chips, parts = unique(bar.chip for bar in data), parts_of(data)
    figure = _panels(len(chips), 1, chips, height_px=280 * len(chips))
    for row, chip in enumerate(chips, start=1):
        bars = [bar for bar in data if bar.chip == chip]
        place = [[bar.method for bar in bars], [f"task {bar.task + 1}" for bar in bars]]
        for part, colour in colours(parts).items():
            energies = [bar.energy_j.get(part, 0.0) for bar in bars]
            figure.add_bar(
                x=place, y=energies, name=part, marker_color=colour, legendgroup=part, showlegend=row == 1,
                row=row, col=1,
            )  # fmt: skip
        figure.update_yaxes(title_text="training energy (J)", row=row, col=1)
    figure.update_xaxes(title_text="method, task", row=len(chips), col=1)
    return figure.update_layout(barmode="stack")


def writes_page(data: Sequence[Wear], endurance: Sequence[Endurance]) -> "Figure":
    """Return worst and mean writes per cell (log scale: cells never written are left out), and endurance lines."""
    chips = unique(wear.chip for wear in data)
    figure = _panels(1, len(chips), chips)
    for col, chip in enumerate(chips, start=1):
        for memory, look in looks(wear.memory for wear in data).items():
            wears = [wear for wear in data if (wear.chip, wear.memory) == (chip, memory)]
            for kind in ("worst", "mean") if wears else ():  # an empty first panel would hide the legend's entry
                figure.add_scatter(**_writes(wears, look, kind), row=1, col=col)
        for line in endurance:
            if line.chip == chip:
                figure.add_hline(
                    line.cycles,
                    line_dash="dot",
                    annotation_text=f"{line.memory.upper()} {line.definition}",
                    row=1,
                    col=col,
                )
        figure.update_yaxes(type="log", title_text="writes per cell over the stream (events)", row=1, col=col)
        figure.update_xaxes(title_text="method", row=1, col=col)
    names = [trace.name for trace in figure.data]
    for index, trace in enumerate(figure.data):
        trace.showlegend = trace.name not in names[:index]
    return figure


def accuracy_matrix_page(data: Sequence[AccuracyMatrix]) -> "Figure":
    """Return one heat map per method and scenario."""
    methods = unique(matrix.method for matrix in data)
    places = [(scenario, method) for scenario in SCENARIOS for method in methods]
    served = {(matrix.scenario, matrix.method) for matrix in data}
    titles = [f"{method}, {SCENARIOS[scenario]}" if (scenario, method) in served else "" for scenario, method in places]
    figure = _panels(len(SCENARIOS), len(methods), titles, height_px=640)
    for matrix in data:
        row, col = divmod(places.index((matrix.scenario, matrix.method)), len(methods))
        tasks = [str(task + 1) for task in range(len(matrix.percent))]
        figure.add_heatmap(
            z=matrix.percent.tolist(), x=tasks, y=tasks, zmin=0, zmax=100, coloraxis="coloraxis",
            texttemplate="%{z:.0f}", row=row + 1, col=col + 1,
        )  # fmt: skip
        figure.update_xaxes(title_text="tested on task", type="category", row=row + 1, col=col + 1)
        figure.update_yaxes(
            title_text="after training task", type="category", autorange="reversed", row=row + 1, col=col + 1
        )
    axis = {"colorscale": "Cividis", "cmin": 0, "cmax": 100, "colorbar": {"title": "accuracy (%)"}}
    return figure.update_layout(coloraxis=axis)


def on_chip_page(data: Sequence[OnChipLine]) -> "Figure":
    """Return accuracy against age, one panel for each scenario and chip."""
    keys = list(dict.fromkeys((line.scenario, line.chip) for line in data))
    chips, methods = unique(chip for _, chip in keys), unique(line.method for line in data)
    titles = [f"{chip}, {SCENARIOS[scenario]}" for scenario, chip in keys]
    figure = _panels(len(SCENARIOS), len(chips), titles, height_px=640)
    colour = colours(methods)
    for line in data:
        row, col = divmod(keys.index((line.scenario, line.chip)), len(chips))
        figure.add_scatter(
            x=list(line.accuracy), y=[stat.mean for stat in line.accuracy.values()],
            error_y={"array": [stat.sd for stat in line.accuracy.values()]},
            mode="lines+markers", name=line.method, legendgroup=line.method, showlegend=row == col == 0,
            line={"color": colour[line.method]}, row=row + 1, col=col + 1,
        )  # fmt: skip
        figure.update_xaxes(title_text="time since the last commit", row=row + 1, col=col + 1)
        figure.update_yaxes(title_text="accuracy (%)", range=[0, 102], row=row + 1, col=col + 1)
    return figure


def _panels(rows: int, cols: int, titles: Sequence[str], height_px: int = 480) -> "Figure":
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=rows, cols=cols, subplot_titles=list(titles))
    return figure.update_layout(template="plotly_white", height=height_px, margin={"l": 60, "r": 20, "t": 40, "b": 60})


def _dot(point: Point, colour: dict[str, str], marker: dict[str, str]) -> dict[str, object]:
    name = f"{point.method}, {point.chip}"
    return {
        "x": [point.energy_j.mean],
        "y": [point.accuracy.mean],
        "error_x": {"array": [point.energy_j.sd]},
        "error_y": {"array": [point.accuracy.sd]},
        "mode": "markers",
        "name": name,
        "legendgroup": name,
        "marker": {"color": colour[point.method], "symbol": marker[point.chip], "size": 10},
    }


def _writes(wears: Sequence[Wear], look: tuple[str, str, str], kind: str) -> dict[str, object]:
    label, colour, _ = look
    stats = [wear.worst if kind == "worst" else wear.mean for wear in wears]
    name = f"{label}, {'worst cell' if kind == 'worst' else 'mean over used cells'}"
    return {
        "x": [wear.method for wear in wears],
        "y": [stat.mean or None for stat in stats],
        "error_y": {"array": [stat.sd for stat in stats]},
        "mode": "markers",
        "name": name,
        "legendgroup": name,
        "marker": {"color": colour, "symbol": "circle" if kind == "worst" else "circle-open", "size": 9},
    }
