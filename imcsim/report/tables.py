"""The headline table of a study: at most 100 columns on a terminal, or Markdown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table

from imcsim.report.numbers import common_unit, plus_minus, short
from imcsim.study.summary import Group, Stat

WIDTH = 100
FORGETTING = (
    "Forgetting: Class-IL, mean over old tasks of the best accuracy over all checkpoints minus the last (Mammoth)."
)
NOTES = (
    "Mean ± sample standard deviation over seeds. Accuracy: mean over all tasks after the last one.",
    FORGETTING,
    "Energy and time: training the whole stream. Writes: programming events of the worst RRAM cell over the stream.",
    "Life: guaranteed life, tasks until the worst RRAM cell has its guaranteed cycles. -: no RRAM, or no writes.",
)


IDLE = (
    "*: in some run the method never did what it is known for, so that it stands for a plainer one: see the warnings."
)


@dataclass(frozen=True)
class TextTable:
    """A table as text: headers (name, unit), rows, and notes to print below."""

    title: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def headline(groups: Sequence[Group], title: str) -> TextTable:
    """Return the headline table: accuracy per scenario, forgetting, energy, time, worst writes, life.

    Parameters
    ----------
    groups
        One for each (method, chip); columns as in :meth:`imcsim.chip.report.Report.row`.
    title
        Stands above the table: study, data set, number of seeds.
    """
    energy_unit, energy = common_unit(_means(groups, "energy_j"), "J")
    time_unit, time = common_unit(_means(groups, "latency_s"), "s")
    cells: list[tuple[str, str, Callable[[Group], str]]] = [
        ("Method", "", method_name),
        ("Chip", "", lambda g: g.chip),
        ("Class-IL", "%", lambda g: _percent(g, "class_il")),
        ("Task-IL", "%", lambda g: _percent(g, "task_il")),
        ("Forgetting", "%", lambda g: _percent(g, "forgetting_class_il_max")),
        ("Energy", energy_unit, lambda g: _scaled(g, "energy_j", energy)),
        ("Time", time_unit, lambda g: _alone(g, "latency_s", time)),
        ("Writes", "per cell", lambda g: _short(g, _worst(g))),
        ("Life", "tasks", lambda g: _short(g, "lifetime_tasks")),
    ]
    rows = tuple(tuple(cell(group) for _, _, cell in cells) for group in groups)
    worst = dict.fromkeys(_worst(group).removesuffix("_worst_writes").upper() for group in groups)
    others = [name for name in worst if name != "RRAM"]
    notes = tuple(note.replace("RRAM", " or ".join(["RRAM", *others])) for note in NOTES)
    return TextTable(title, tuple((name, unit) for name, unit, _ in cells), rows, notes + idle_note(groups))


def _worst(group: Group) -> str:
    """Return the column of the most written cell: of RRAM, or of the other memory that keeps its weights."""
    others = (name for name in group.stats if name.endswith("_worst_writes") and name != "rram_worst_writes")
    return next((name for name in others if group.mean(name) is not None), "rram_worst_writes")


def method_name(group: Group) -> str:
    """Return the method's label, with an asterisk if an act of the method never happened in one of its runs."""
    return f"{group.method} *" if group.mean("idle_acts") else group.method


def idle_note(groups: Sequence[Group]) -> tuple[str, ...]:
    """Return the note that explains the asterisk; none where no group has one."""
    return (IDLE,) if any(group.mean("idle_acts") for group in groups) else ()


def to_rich(table: TextTable) -> Table:
    """Return ``table`` for a terminal of :data:`WIDTH` columns; a line parts the methods."""
    shown = Table(title=table.title, box=box.SIMPLE_HEAD, padding=0, pad_edge=False, title_justify="left")
    for index, (name, unit) in enumerate(table.columns):
        shown.add_column(f"{name}\n{unit}", justify="left" if index < 2 else "right", no_wrap=index > 1)
    for row, following in zip(table.rows, [*table.rows[1:], None], strict=True):
        shown.add_row(*row, end_section=following is not None and following[0] != row[0])
    return shown


def to_markdown(table: TextTable) -> str:
    """Return ``table`` as Markdown, the notes as a list below."""
    head = [f"{name} ({unit})" if unit else name for name, unit in table.columns]
    rule = ["---" if index < 2 else "---:" for index in range(len(head))]
    lines = [f"**{table.title}**", "", *(_line(row) for row in (head, rule, *table.rows)), ""]
    return "\n".join([*lines, *(f"- {note}" for note in table.notes)]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _means(groups: Sequence[Group], column: str) -> list[float]:
    return [mean for group in groups if (mean := group.mean(column)) is not None]


def _stat(group: Group, column: str) -> Stat:
    return group.stats.get(column, Stat(None, 0.0, 0))


def _scaled(group: Group, column: str, factor: float) -> str:
    stat = _stat(group, column)
    return "-" if stat.mean is None else plus_minus(stat.mean / factor, stat.sd / factor, stat.n)


def _percent(group: Group, column: str) -> str:
    stat = _stat(group, column)
    return "-" if stat.mean is None else plus_minus(100 * stat.mean, 100 * stat.sd, stat.n, decimals=1)


def _alone(group: Group, column: str, factor: float) -> str:
    stat = _stat(group, column)
    return "-" if stat.mean is None else plus_minus(stat.mean / factor, 0.0, 1)


def _short(group: Group, column: str) -> str:
    mean = group.mean(column)
    return "-" if not mean else short(mean)
