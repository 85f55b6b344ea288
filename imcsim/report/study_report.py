"""Everything a study leaves for people: table, figures (PNG, PDF) and the page, in the study's results folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imcsim.chip.report import Report
from imcsim.core.files import write_atomic
from imcsim.report.accuracy_energy import accuracy_energy
from imcsim.report.accuracy_matrix import accuracy_matrix
from imcsim.report.countings_table import countings_table
from imcsim.report.energy_by_task import energy_by_task
from imcsim.report.horizon_table import horizon_table
from imcsim.report.html import Page, render
from imcsim.report.interactive import (
    accuracy_energy_page,
    accuracy_matrix_page,
    energy_by_task_page,
    on_chip_page,
    writes_page,
)
from imcsim.report.on_chip_accuracy import on_chip_accuracy
from imcsim.report.on_chip_table import on_chip_ages, on_chip_table
from imcsim.report.style import save
from imcsim.report.tables import TextTable, headline, to_markdown
from imcsim.report.wear import endurance_data, writes_per_cell
from imcsim.study.run import StudyResult
from imcsim.study.sensitivity import Spread, spreads
from imcsim.study.spec import StudySpec
from imcsim.study.summary import Group
from imcsim.trace.stream_name import stream_title

if TYPE_CHECKING:
    import plotly.graph_objects
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Written:
    """What was written: the tables (headline first), and the files."""

    tables: tuple[TextTable, ...]
    files: tuple[Path, ...]


def write_report(result: StudyResult) -> Written:
    """Write ``table.md``, ``figures/*.png|pdf`` and ``report.html``.

    Raises
    ------
    StorageError
        If the disk refuses; what was there before stays whole.
    """
    tables, drawings = _tables(result), _draw(result)
    figures = [path for d in drawings for path in save(d.printed, result.folder / "figures" / d.name)]
    page = Page(
        title=result.spec.title,
        question=result.spec.question,
        tables=tables,
        figures={d.caption: d.interactive for d in drawings},
        settings=result.stamp["chips"],
        stamp=result.stamp,
        warnings=distinct_warnings(result.reports),
    )
    markdown = "\n".join(to_markdown(table) for table in tables)
    texts = {"table.md": markdown, "report.html": render(page)}
    for name, text in texts.items():
        write_atomic(result.folder / name, text)
    return Written(tables, (*figures, *(result.folder / name for name in texts)))


def _tables(result: StudyResult) -> tuple[TextTable, ...]:
    found = [study_table(result.spec, result.groups), horizon_table(result.groups), countings_table(result.groups)]
    if on_chip_ages(result.groups):
        found.insert(1, on_chip_table(result.groups))
    if result.sensitivity:
        reference = result.spec.reference
        found.append(sensitivity_table(spreads(result.sensitivity, reference), reference))
    return tuple(found)


@dataclass(frozen=True)
class _Drawing:
    name: str
    caption: str
    printed: "Figure"
    interactive: "plotly.graph_objects.Figure"


def _draw(result: StudyResult) -> list[_Drawing]:
    shown = result.spec.shown
    figure, dots = accuracy_energy(result.groups)
    drawings = [_Drawing("accuracy_energy", "Accuracy against training energy", figure, accuracy_energy_page(dots))]
    if on_chip_ages(result.groups):
        figure, lines = on_chip_accuracy(result.groups, shown)
        drawings.append(_Drawing("on_chip_accuracy", "Accuracy on the arrays", figure, on_chip_page(lines)))
    figure, bars = energy_by_task(result.reports, shown)
    caption = "Training energy by part, task by task"
    drawings.append(_Drawing("energy_by_task", caption, figure, energy_by_task_page(bars)))
    figure, (wear, endurance) = writes_per_cell(result.reports, endurance_data(result.chips))
    caption = "Writes per cell against endurance"
    drawings.append(_Drawing("writes_per_cell", caption, figure, writes_page(wear, endurance)))
    figure, matrices = accuracy_matrix(result.reports, shown)
    drawings.append(_Drawing("accuracy_matrix", "Accuracy matrix", figure, accuracy_matrix_page(matrices)))
    return drawings


def study_table(spec: StudySpec, groups: Sequence[Group]) -> TextTable:
    """Return the headline table of a study."""
    seeds = len({seed for group in groups for seed in group.seeds})
    title = f"{spec.title}: {spec.network.title} on {stream_title(spec.stream.title)}, {spec.stream.tasks} tasks"
    return headline(groups, f"{title}, {seeds} {'seed' if seeds == 1 else 'seeds'}")


def distinct_warnings(reports: Sequence[Report]) -> list[str]:
    """Return every warning once, with the chips whose runs carry it and how many do."""
    chips = dict.fromkeys(report.chip for report in reports)
    runs = {chip: sum(report.chip == chip for report in reports) for chip in chips}
    found: dict[str, dict[str, int]] = {}
    for report in reports:
        for warning in dict.fromkeys(report.warnings):
            counts = found.setdefault(warning, {})
            counts[report.chip] = counts.get(report.chip, 0) + 1
    return [f"{_carriers(counts, runs)}: {warning}" for warning, counts in found.items()]


def _carriers(counts: Mapping[str, int], runs: Mapping[str, int]) -> str:
    if len(set(counts.values())) == 1 and len(counts) == len(runs) > 1:
        chip, count = next(iter(counts.items()))
        return f"each chip, {count} of {runs[chip]} runs"
    return ", ".join(f"{chip}, {count} of {runs[chip]} runs" for chip, count in counts.items())


def sensitivity_table(spreads: Sequence[Spread], reference: str) -> TextTable:
    """Return one row per method and chip: energy relative to ``reference`` as stated, and its extremes by variant."""
    rows = tuple(
        (
            spread.method,
            spread.chip,
            f"{spread.stated:.2f}",
            f"{spread.lowest:.2f}",
            spread.lowest_variant,
            f"{spread.highest:.2f}",
            spread.highest_variant,
        )
        for spread in spreads
    )
    columns = ("Method", "Chip", "Stated", "Lowest", "where", "Highest", "where")
    notes = (
        f"Training energy over that of {reference}, means over seeds: above 1, {reference} takes less.",
        "Lowest and highest over the study's variants, each of which sets published or stated values on every chip.",
    )
    title = f"Sensitivity: training energy relative to {reference}"
    return TextTable(title, tuple((name, "") for name in columns), rows, notes)
