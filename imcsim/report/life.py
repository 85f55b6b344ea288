"""The outlook on a chip's life as plain data and as text of at most 100 columns."""

import math
from typing import NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from imcsim.core.json_text import Json
from imcsim.core.units import DAYS_PER_YEAR, with_prefix
from imcsim.life import Outlook, Tasks
from imcsim.report.accuracy_life import AccuracyRecord
from imcsim.report.life_levers import lever_lines, lever_record

_ROWS = 12  # layers in the table, those most likely to die first; the JSON has all
_PES = 3


class Band(TypedDict):
    """What 5 %, half and 95 % of the chips reach."""

    early: float
    median: float
    late: float


class Span(TypedDict):
    """Tasks and years until something happens, over the chips."""

    tasks: Band
    years: Band


class Point(TypedDict):
    """Tasks and years until something happens for certain."""

    tasks: float
    years: float


class LayerLife(TypedDict):
    """How a layer's cells are written, and when they fail."""

    name: str
    pes: int
    events_per_task: float
    full_window_events_per_task: float
    weak_pulses_per_task: float
    worst_cycles_per_task: float
    first_failure: Span | None
    dies_first_share: float


class PeLife(TypedDict):
    """When a PE's first cell fails, and how likely the chip dies there."""

    pe: int
    layer: str
    first_failure: Point | None
    dies_first_share: float


class EnergyAt(TypedDict):
    """Energy of a task at some age, in J."""

    tasks: float
    years: float
    pulses_factor: float
    programming_j: float
    rotation_j: float
    refresh_j: float
    total_j: float


class LifeRecord(TypedDict):
    """An outlook for JSON; what never happens is None."""

    chip: str
    method: str
    dataset: str
    network: str
    measured_tasks: int
    repeated: bool
    tasks_per_day: float
    options: Json
    cells: int
    worst_cycles_per_task: float
    first_failure: Span | None
    one_percent_failed: Span | None
    spare_limited: Span | None
    guaranteed: Point | None
    margin: Point | None
    first_failure_published_range: list[Point | None] | None
    layers: list[LayerLife]
    pes: list[PeLife]
    energy_per_task: list[EnergyAt]
    area_m2: float
    levers: Json
    notes: list[str]
    accuracy: NotRequired[list[AccuracyRecord]]


def life_record(found: Outlook) -> LifeRecord:
    """Return everything about ``found`` for JSON; what never happens is None."""
    days = found.tasks_per_day * DAYS_PER_YEAR
    return {
        "chip": found.chip, "method": found.method, "dataset": found.dataset, "network": found.network,
        "measured_tasks": found.tasks, "repeated": True, "tasks_per_day": found.tasks_per_day,
        "options": found.options.model_dump(), "cells": found.cells,
        "worst_cycles_per_task": found.worst_cycles_per_task,
        "first_failure": _span(found.first_failure, days), "one_percent_failed": _span(found.one_percent, days),
        "spare_limited": _span(found.spare_limited, days),
        "guaranteed": _point(found.guaranteed_tasks, days), "margin": _point(found.margin_tasks, days),
        "first_failure_published_range": None if found.published_range is None
        else [_point(tasks, days) for tasks in found.published_range],
        "layers": [
            {
                "name": layer.name, "pes": layer.pes, "events_per_task": layer.events_per_task,
                "full_window_events_per_task": layer.full_per_task,
                "weak_pulses_per_task": layer.weak_pulses_per_task,
                "worst_cycles_per_task": layer.worst_cycles_per_task,
                "first_failure": _span(layer.first_failure, days), "dies_first_share": layer.dies_first,
            }
            for layer in found.layers
        ],
        "pes": [
            {"pe": pe, "layer": found.layers[found.pe_layer[pe]].name,
             "first_failure": _point(_finite(found.pe_tasks[pe]), days),
             "dies_first_share": float(found.pe_dies_first[pe])}
            for pe in range(len(found.pe_layer))
        ],
        "energy_per_task": [
            {"tasks": at.tasks, "years": at.tasks / days, "pulses_factor": at.pulses_factor,
             "programming_j": at.programming_j, "rotation_j": at.rotation_j, "refresh_j": at.refresh_j,
             "total_j": at.total_j}
            for at in found.energy
        ],
        "area_m2": found.area_m2, "levers": lever_record(found.levers),
        "notes": list(found.notes),
    }  # fmt: skip


def life_text(found: Outlook) -> str:
    """Return the outlook as text: headline, what dies first, energy along the way, levers, notes."""
    record, memory = life_record(found), found.memory.upper()
    lines = [
        f"{found.method} on {found.chip}: {found.network}, {found.dataset}, at {found.tasks_per_day:g} tasks a day",
        f"{found.tasks} measured tasks, repeated; wear rule '{found.options.wear}', {found.cells:,} {memory} cells, "
        f"the worst takes {found.worst_cycles_per_task:.3g} cycles a task",
        "",
        f"{'':34}{'years (5 % - 95 % of chips)':32}tasks",
        *_headlines(record, found),
        "",
        *_layer_table(record),
        "",
        *_energy_table(record, memory),
        *lever_lines(found.levers),
        "",
        *(f"note: {note}" for note in found.notes),
    ]
    return "\n".join(lines) + "\n"


def _headlines(record: LifeRecord, found: Outlook) -> list[str]:
    never = "never: too few cells are written" if found.endurance is not None else "not known: see the notes"
    lines = [_line("first cell failed", record["first_failure"], never)]
    ends = [at for at in record["first_failure_published_range"] or () if at is not None]
    if ends:
        band = f"{ends[0]['years']:.3g} - {ends[1]['years']:.3g}"
        tasks = f"{ends[0]['tasks']:,.0f} - {ends[1]['tasks']:,.0f}"
        lines.append(f"{'  over published scale and shape':34}{band:32}{tasks}")
    lines.append(_line("1 % of cells failed", record["one_percent_failed"], never))
    if found.spares is not None:
        lines.append(_line("first PE without a spare left", record["spare_limited"], never))
    worst = (
        ("worst cell at guaranteed cycles", record["guaranteed"]),
        ("worst cell without margin", record["margin"]),
    )
    for name, at in worst:
        if at is not None:
            lines.append(f"{name:34}{at['years']:<32.3g}{at['tasks']:,.0f}")
    return lines


def _span(tasks: Tasks | None, days: float) -> Span | None:
    if tasks is None:
        return None
    return {
        "tasks": {"early": tasks.early, "median": tasks.median, "late": tasks.late},
        "years": {"early": tasks.early / days, "median": tasks.median / days, "late": tasks.late / days},
    }


def _point(tasks: float | None, days: float) -> Point | None:
    return None if tasks is None else {"tasks": tasks, "years": tasks / days}


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _line(name: str, span: Span | None, never: str) -> str:
    if span is None:
        return f"{name:34}{never}"
    years, tasks = span["years"], span["tasks"]
    band = f"{years['median']:.3g} ({years['early']:.3g} - {years['late']:.3g})"
    return f"{name:34}{band:32}{tasks['median']:,.0f}"


def _layer_table(record: LifeRecord) -> list[str]:
    layers = sorted(record["layers"], key=lambda layer: -layer["dies_first_share"])
    lines = [f"{'layer':30}{'PEs':>7}{'events/task':>13}{'full/task':>11}{'worst/task':>11}{'years':>10}{'first':>9}"]
    for layer in layers[:_ROWS]:
        span = layer["first_failure"]
        years = "-" if span is None else f"{span['years']['median']:.3g}"
        lines.append(
            f"{layer['name'][-29:]:30}{layer['pes']:7,}{layer['events_per_task']:13,.4g}"
            f"{layer['full_window_events_per_task']:11,.4g}{layer['worst_cycles_per_task']:11,.4g}{years:>10}"
            f"{100 * layer['dies_first_share']:7.3g} %"
        )
    if len(layers) > _ROWS:
        lines.append(f"and {len(layers) - _ROWS} more layers")
    lines.append("years: median to the first failure inside; first: chance that the chip dies there first")
    pes = sorted(record["pes"], key=lambda pe: -pe["dies_first_share"])[:_PES]
    named = [f"{pe['pe']} ({pe['layer']}, {100 * pe['dies_first_share']:.2g} %)" for pe in pes if pe["first_failure"]]
    return [*lines, f"PEs most likely to die first: {', '.join(named)}"] if named else lines


def _energy_table(record: LifeRecord, memory: str) -> list[str]:
    lines = [f"{'energy per task, at years':34}{memory + ' programming':>18}{'all':>12}{'pulses':>10}"]
    for at in record["energy_per_task"]:
        written = at["programming_j"] + at["rotation_j"] + at["refresh_j"]
        write, whole = (with_prefix(joules, "J") for joules in (written, at["total_j"]))
        lines.append(f"{at['years']:<34.3g}{write:>18}{whole:>12}{at['pulses_factor']:>9.3g}x")
    return lines


def pe_years(found: Outlook) -> NDArray[np.float64]:
    """Return (P,) median years to the first failure in each PE, inf where nothing is written."""
    return np.asarray(found.pe_tasks / (found.tasks_per_day * DAYS_PER_YEAR))
