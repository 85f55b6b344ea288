"""The leaderboard as Markdown: accuracies in one table, costs in another."""

from collections.abc import Sequence
from dataclasses import dataclass

from imcsim.report.numbers import plain, plus_minus
from imcsim.report.tables import TextTable, idle_note, method_name, to_markdown
from imcsim.study.summary import Group, Stat


@dataclass(frozen=True)
class Column:
    """A column: title, unit, the statistic it shows, how many of that statistic's units make one of the shown unit."""

    title: str
    unit: str
    name: str
    scale: float = 1.0


ACCURACY = (
    Column("Task-IL", "%", "task_il", 0.01),
    Column("on the chip", "%", "on_chip_task_il_1s_final", 0.01),
    Column("Forgetting Task-IL, max", "%", "forgetting_task_il_max", 0.01),
    Column("Class-IL", "%", "class_il", 0.01),
    Column("on the chip, Class-IL", "%", "on_chip_class_il_1s_final", 0.01),
    Column("Forgetting Class-IL, max", "%", "forgetting_class_il_max", 0.01),
)
COST = (
    Column("Task-IL", "%", "task_il", 0.01),
    Column("Energy", "mJ", "energy_j", 1e-3),
    Column("Time", "s", "latency_s"),
    Column("FLOPs", "G", "flops", 1e9),
    Column("RRAM writes", "k", "rram_writes", 1e3),
    Column("worst RRAM cell", "writes", "rram_worst_writes"),
    Column("SRAM writes", "M", "sram_writes", 1e6),
    Column("worst SRAM cell", "writes", "sram_worst_writes"),
    Column("SRAM in use", "mm2", "sram_area_m2", 1e-6),
    Column("Masks", "bytes a task", "mask_bytes"),
    Column("Switch", "nJ", "task_switch_j", 1e-9),
    Column("Switch", "cells", "switch_rewritten_cells"),
    Column("Switch", "RRAM cells", "switch_rram_cells"),
)
NOTES = (
    "Mean ± sample standard deviation over seeds (costs: means), best Task-IL first. Accuracy: mean over all tasks "
    "after the last one; on the chip: programmed at each commit and read a second later, fewer test images. "
    "-: the learner must be told the task.",
    "Forgetting, max: mean over old tasks of the best accuracy over all checkpoints minus the last (Mammoth). "
    "leaderboard.csv also has right after learning minus the last (Avalanche).",
    "Energy, time, FLOPs and writes: training the whole stream. A backbone trained before deployment is in none.",
    "Switch: mean over switches between consecutive tasks, there and back.",
)


def markdown(title: str, groups: Sequence[Group]) -> str:
    """Return both tables for groups in the order given."""
    seeds = max((len(group.seeds) for group in groups), default=0)
    head = f"{title}, {seeds} {'seed' if seeds == 1 else 'seeds'}"
    tables = (_table(f"{head}: accuracy", ACCURACY, groups, ()), _table(f"{head}: cost", COST, groups, NOTES))
    return "\n".join(to_markdown(table) for table in tables)


def _table(title: str, columns: Sequence[Column], groups: Sequence[Group], notes: tuple[str, ...]) -> TextTable:
    heads = (("Learner", ""), ("Chip", ""), *((column.title, column.unit) for column in columns))
    rows = tuple((method_name(group), group.chip, *(_cell(group, column) for column in columns)) for group in groups)
    return TextTable(title, heads, rows, notes + (idle_note(groups) if notes else ()))


def _cell(group: Group, column: Column) -> str:
    stat = group.stats.get(column.name, Stat(None, 0.0, 0))
    if stat.mean is None:
        return "-"
    mean, sd = stat.mean / column.scale, stat.sd / column.scale
    return plus_minus(mean, sd, stat.n, decimals=1) if column.unit == "%" else plain(mean)
