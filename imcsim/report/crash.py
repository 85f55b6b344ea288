"""Power cuts in a consolidation as plain data and as text of at most 100 columns, one column for each scheme."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict, TypeVar

from imcsim.chip.placed import Placed
from imcsim.chip.report import Report
from imcsim.core.units import area_mm2, with_prefix
from imcsim.events.consolidate import DEPLOYMENT, PE_STATES, Crash, RecordCost, Recovered

Column = TypeVar("Column")

_LABEL, _COLUMN = 44, 28

NOTES = (
    "a cut empties SRAM, buffer and DRAM; RRAM has no place for biases and batch-norm in the chip model",
    "a task is lost if a weight that it uses is not the committed one; its accuracy may be near or far",
    "a torn row is written cell by cell; a cell whose pulses were cut counts as not written",
)


class CutRecord(TypedDict):
    """What one cut leaves."""

    whole: str
    tasks_lost: list[int]
    train_again: bool
    wrong_weights: int
    torn_weights: int
    pes: dict[str, int]
    recovery_time_s: float
    recovery_energy_j: float


class SlotRecord(TypedDict):
    """What the records of valid copies take."""

    slots: int
    cells: int
    events_per_commit: float
    worst_events_per_commit: float
    tasks_guaranteed: float | None
    tasks_first_failure: float | None


class YearRecord(TypedDict):
    """Chances in a year of power cuts."""

    power_cuts: float
    in_consolidation_chance: float
    committed_lost_chance: float
    tasks_trained_again: float


class ExtraArea(TypedDict):
    """Area of the second copies (m2), by what is built for them."""

    cells_and_row_drivers: float
    whole_pes: float


class Spent(TypedDict):
    """Time (s) and energy (J)."""

    time_s: float
    energy_j: float


class SchemeRecord(TypedDict):
    """A scheme of consolidation: its course, its outcomes, its cost."""

    time_s: float
    energy_j: float
    energy_by_phase_j: Mapping[str, float]
    row_writes: int
    cuts: int
    old_share: float
    new_share: float
    neither_share: float
    wrong_weights_mean: float
    tasks_lost_most: list[int]
    at_share: float | None
    cut: CutRecord | None
    committed_pes: int
    weight_cells: int
    commits: int
    events_per_commit: float
    programming_j_per_commit: float
    worst_events: int
    worst_events_per_task: float
    tasks_guaranteed: float | None
    tasks_first_failure: float | None
    second_deployment_j: float
    extra_area_m2: ExtraArea
    power_up: Spent
    records: SlotRecord | None
    yearly: YearRecord | None


class CrashRecord(TypedDict):
    """The schemes at one commit, beside the chip's price."""

    chip: str
    method: str
    dataset: str
    network: str
    task: int
    tasks: int
    tasks_per_day: float
    train_again: Spent
    chip_area_m2: float
    training_energy_per_task_j: float
    unused_rram_pes: int
    resident_pes: int
    schemes: dict[str, SchemeRecord]
    notes: list[str]


def _notes(placed: Placed) -> list[str]:
    """Return the notes, of a chip's own memories."""
    names = {"RRAM": placed.nonvolatile, "SRAM": placed.volatile}
    lost = NOTES[0]
    for usual, bank in names.items():
        lost = lost if bank is None else lost.replace(usual, bank.name.upper())
    return [lost, *NOTES[1:]]


def crash_record(crashes: Sequence[Crash], priced: Report) -> CrashRecord:
    """Return everything about ``crashes``, the schemes at one commit, beside the chip's price."""
    work = crashes[0].found.work
    task, home = work.task, work.placed.home
    unused = home.memory.pe_count - len(crashes[0].found.pes)
    return {
        "chip": work.chip.name, "method": work.trace.meta.method, "dataset": work.trace.meta.dataset,
        "network": work.trace.meta.network, "task": task, "tasks": work.trace.meta.tasks,
        "tasks_per_day": work.chip.horizon.tasks_per_day,
        "train_again": {"energy_j": priced.energy_by_task[task].total, "time_s": priced.latency_by_task[task].total},
        "chip_area_m2": priced.area.total, "training_energy_per_task_j": priced.energy.total / work.trace.meta.tasks,
        "unused_rram_pes": unused,
        "resident_pes": int(home.pes(work.where.resident).sum()),
        "schemes": {one.found.scheme.name: _scheme(one) for one in crashes},
        "notes": _notes(work.placed),
    }  # fmt: skip


def crash_text(crashes: Sequence[Crash], priced: Report) -> str:
    """Return the record as text: outcomes, one cut in full, cost, what is trained again, notes."""
    record, first = crash_record(crashes, priced), crashes[0]
    schemes = list(record["schemes"].values())
    again = record["train_again"]
    lines = [
        f"{record['method']} on {record['chip']}: {record['network']}, {record['dataset']}, commit of task "
        f"{record['task']} ({int(first.found.pes.sum())} of {len(first.found.pes)} PEs)",
        "",
        _row("", list(record["schemes"])),
        *_outcome_rows(schemes),
        *_cut_rows(first, schemes),
        "",
        *_cost_rows(schemes, record),
        "",
        f"lost before the commit is done, under any scheme: task {record['task']}, to be trained again for "
        f"{with_prefix(again['energy_j'], 'J')}",
        f"and {with_prefix(again['time_s'], 's')}",
        *_yearly_rows(schemes),
        *(f"note: {note}" for note in record["notes"]),
    ]
    if record["unused_rram_pes"] >= first.cost.pes:
        home = first.found.work.placed.home.name.upper()
        unused = f"{record['unused_rram_pes']:,} {home} PEs without weights"
        lines.append(f"note: the chip has {unused}, enough for the second copies without more area")
    if record["resident_pes"]:
        lines.append(f"note: {record['resident_pes']} resident PEs come from DRAM at power-up, outside every scheme")
    return "\n".join(lines) + "\n"


def _scheme(one: Crash) -> SchemeRecord:
    cost, outcomes = one.cost, one.outcomes
    return {
        "time_s": one.schedule.makespan_s, "energy_j": one.schedule.energy_j,
        "energy_by_phase_j": one.energy_by_phase_j,
        "row_writes": one.found.rows.count,
        "cuts": outcomes.cuts, "old_share": outcomes.old, "new_share": outcomes.new, "neither_share": outcomes.neither,
        "wrong_weights_mean": outcomes.wrong_weights, "tasks_lost_most": list(outcomes.most_lost),
        "at_share": one.at_share, "cut": None if one.shown is None else _cut(one.shown),
        "committed_pes": cost.pes, "weight_cells": cost.cells, "commits": cost.commits,
        "events_per_commit": cost.events, "programming_j_per_commit": cost.programming_j,
        "worst_events": cost.worst, "worst_events_per_task": cost.life.worst_writes_per_task,
        "tasks_guaranteed": cost.life.tasks_guaranteed, "tasks_first_failure": cost.life.tasks_first_failure,
        "second_deployment_j": cost.deployment_j,
        "extra_area_m2": {"cells_and_row_drivers": cost.area_m2[0], "whole_pes": cost.area_m2[1]},
        "power_up": {"time_s": cost.power_up[0], "energy_j": cost.power_up[1]},
        "records": None if cost.records is None else _records(cost.records),
        "yearly": None if one.yearly is None else {
            "power_cuts": one.yearly.cuts, "in_consolidation_chance": one.yearly.in_consolidation,
            "committed_lost_chance": one.yearly.committed_lost, "tasks_trained_again": one.yearly.tasks_again,
        },
    }  # fmt: skip


def _cut(shown: Recovered) -> CutRecord:
    return {
        "whole": shown.whole, "tasks_lost": list(shown.tasks_lost), "train_again": shown.train_again,
        "wrong_weights": shown.wrong_weights, "torn_weights": shown.torn_weights,
        "pes": {state: shown.pes(state) for state in PE_STATES},
        "recovery_time_s": shown.time_s, "recovery_energy_j": shown.energy_j,
    }  # fmt: skip


def _records(found: RecordCost) -> SlotRecord:
    return {
        "slots": found.slots, "cells": found.cells, "events_per_commit": found.events_per_commit,
        "worst_events_per_commit": found.worst_per_commit, "tasks_guaranteed": found.life.tasks_guaranteed,
        "tasks_first_failure": found.life.tasks_first_failure,
    }  # fmt: skip


def lost_tasks(tasks: Sequence[int]) -> str:
    """Return committed tasks as words: "none", "deployment", "task 2", "tasks 0-3"."""
    if not tasks:
        return "none"
    if list(tasks) == [DEPLOYMENT]:
        return "deployment"
    if len(tasks) == 1:
        return f"task {tasks[0]}"
    if list(tasks) == list(range(tasks[0], tasks[-1] + 1)):
        return f"tasks {tasks[0]}-{tasks[-1]}"
    return f"tasks {', '.join(map(str, tasks))}"


def _outcome_rows(schemes: list[SchemeRecord]) -> list[str]:
    return [
        _row("time of the consolidation", schemes, lambda s: with_prefix(s["time_s"], "s")),
        _row("its energy", schemes, lambda s: with_prefix(s["energy_j"], "J")),
        _row(f"{schemes[0]['cuts']} cuts spread over it: old codes", schemes, lambda s: f"{s['old_share']:.1%}"),
        _row("   new codes", schemes, lambda s: f"{s['new_share']:.1%}"),
        _row("   neither", schemes, lambda s: f"{s['neither_share']:.1%}"),
        _row("   committed tasks lost at most", schemes, lambda s: lost_tasks(s["tasks_lost_most"])),
        _row("   wrong weights, mean where neither", schemes, lambda s: f"{s['wrong_weights_mean']:,.0f}"),
    ]


def _cut_rows(first: Crash, schemes: list[SchemeRecord]) -> list[str]:
    if first.at_share is None:
        return []
    cuts = [scheme["cut"] for scheme in schemes if scheme["cut"] is not None]
    title = f"a cut at {first.at_share:.3g} of it leaves codes"
    return [
        _row(title, cuts, lambda cut: {"old": "old", "new": "new", "neither": "of neither"}[cut["whole"]]),
        _row("   PEs old / new / torn", cuts, lambda cut: " / ".join(str(cut["pes"][k]) for k in PE_STATES[1:])),
        _row("   wrong weights, of them torn", cuts, lambda cut: f"{cut['wrong_weights']:,}, {cut['torn_weights']:,}"),
        _row("   committed tasks lost", cuts, lambda cut: lost_tasks(cut["tasks_lost"])),
        _row("   recovery", cuts, lambda cut: _pair(cut["recovery_time_s"], cut["recovery_energy_j"])),
    ]


def _cost_rows(schemes: list[SchemeRecord], record: CrashRecord) -> list[str]:
    whole = record["chip_area_m2"]
    rows = [
        _row("programming events per commit", schemes, lambda s: f"{s['events_per_commit']:,.0f}"),
        _row("programming energy per commit", schemes, lambda s: with_prefix(s["programming_j_per_commit"], "J")),
        _row(f"worst weight cell in {record['tasks']} tasks", schemes, lambda s: _count(s["worst_events"])),
        _row("   tasks to its guaranteed cycles", schemes, lambda s: _tasks(s["tasks_guaranteed"])),
        _row("   to a failed cell, all as the worst", schemes, lambda s: _tasks(s["tasks_first_failure"])),
        _row("deployment of the second copy", schemes, lambda s: with_prefix(s["second_deployment_j"], "J")),
        _row(
            "area (of chip): cells and row drivers",
            schemes,
            lambda s: _area(s["extra_area_m2"]["cells_and_row_drivers"], whole),
        ),
        _row("   as whole PEs", schemes, lambda s: _area(s["extra_area_m2"]["whole_pes"], whole)),
        _row("each power-up reads", schemes, lambda s: _pair(s["power_up"]["time_s"], s["power_up"]["energy_j"])),
    ]  # fmt: skip
    records = [scheme["records"] for scheme in schemes]
    if any(records):
        rows += [
            _row("record slots, cells", records, lambda r: "none" if r is None else f"{r['slots']}, {r['cells']:,}"),
            _row("   tasks to a mark's guaranteed cycles", records,
                 lambda r: "none" if r is None else _tasks(r["tasks_guaranteed"])),
        ]  # fmt: skip
    return rows


def _yearly_rows(schemes: list[SchemeRecord]) -> list[str]:
    years = [scheme["yearly"] for scheme in schemes if scheme["yearly"] is not None]
    if not years:
        return ["(give --cuts-per-year for chances per year)", ""]
    return [
        "",
        _row(
            f"per year, {years[0]['power_cuts']:g} power cuts: one hits a commit",
            years,
            lambda year: f"{year['in_consolidation_chance']:.3g}",
        ),
        _row("   committed tasks lost", years, lambda year: f"{year['committed_lost_chance']:.3g}"),
        _row("   tasks to be trained again", years, lambda year: f"{year['tasks_trained_again']:.3g}"),
        "",
    ]


def _row(label: str, schemes: Sequence[Column], told: Callable[[Column], str] = str) -> str:
    return f"{label:<{_LABEL}}" + "".join(f"{told(scheme):>{_COLUMN}}" for scheme in schemes)


def _pair(seconds: float, joules: float) -> str:
    return f"{with_prefix(seconds, 's')}, {with_prefix(joules, 'J')}"


def _count(events: int) -> str:
    return f"{events:,} event{'' if events == 1 else 's'}"


def _tasks(tasks: float | None) -> str:
    return "never written" if tasks is None else f"{tasks:,.0f}"


def _area(area_m2: float, whole_m2: float) -> str:
    return f"{area_mm2(area_m2)} ({area_m2 / whole_m2:.2%})" if area_m2 else "none"
