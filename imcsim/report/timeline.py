"""Simulated training steps as plain data and as a table: latency, critical path, utilisation, what would help."""

import math
from collections.abc import Mapping
from typing import TypedDict

from imcsim.core.json_text import Json
from imcsim.events import LongRun, Schedule, Work, closed_form_s
from imcsim.events.options import StepOptions

_ROWS = 12  # resources in the table; the JSON has all


class CriticalPath(TypedDict):
    """How many tasks the critical path has, and its seconds by resource and by phase."""

    tasks: int
    by_resource_s: Mapping[str, float]
    by_phase_s: Mapping[str, float]


class ResourceRecord(TypedDict):
    """How a resource was used; a capacity without limit is None."""

    name: str
    capacity: float | None
    utilisation: float
    busy_s: float
    waited_s: float
    critical_s: float


class LongRecord(TypedDict):
    """A long run of which the schedule is the beginning."""

    steps: int
    latency_s: float
    error: float
    repeats: bool
    closed_form_s: float


class TimelineRecord(TypedDict):
    """Simulated steps for JSON."""

    chip: str
    method: str
    network: str
    task: int
    options: Json
    vectors_per_task: int
    tasks: int
    simulated_steps: int
    latency_s: float
    closed_form_s: float
    unlimited_s: float
    energy_j: float
    leakage_j: float
    critical_path: CriticalPath
    resources: list[ResourceRecord]
    speedup_if_doubled: dict[str, float]
    long_run: LongRecord | None


def timeline_record(
    schedule: Schedule, work: Work, options: StepOptions, portion: int, speedups: Mapping[str, float],
    long_run: LongRun | None = None,
) -> TimelineRecord:  # fmt: skip
    """Return everything about ``schedule``; a capacity without limit is None.

    Parameters
    ----------
    schedule, work, options
        What was simulated.
    portion
        Vectors that passed as one task.
    speedups
        What :func:`imcsim.events.doubled` returns.
    long_run
        If ``schedule`` is but the beginning of a long run: that run.
    """
    steps = options.steps if long_run is None else long_run.simulated_steps
    capacities = {resource.name: resource.capacity for resource in schedule.graph.resources}
    critical = schedule.critical_s()
    return {
        "chip": work.chip.name,
        "method": work.trace.meta.method,
        "network": work.trace.meta.network,
        "task": work.task,
        "options": options.model_dump(),
        "vectors_per_task": portion,
        "tasks": len(schedule.graph.tasks),
        "simulated_steps": steps,
        "latency_s": schedule.makespan_s,
        "closed_form_s": closed_form_s(work, steps, once=options.once),
        "unlimited_s": schedule.graph.critical_path_s,
        "energy_j": schedule.energy_j,
        "leakage_j": work.leakage_w() * schedule.makespan_s,
        "critical_path": {"tasks": len(schedule.critical_path), "by_resource_s": critical,
                          "by_phase_s": schedule.critical_phases_s()},
        "resources": [
            {
                "name": name, "capacity": None if math.isinf(capacity) else capacity,
                "utilisation": schedule.utilisation[name], "busy_s": schedule.busy_s[name],
                "waited_s": schedule.waited_s[name], "critical_s": critical.get(name, 0.0),
            }
            for name, capacity in capacities.items()
        ],
        "speedup_if_doubled": dict(speedups),
        "long_run": None if long_run is None else _long(long_run, work),
    }  # fmt: skip


def timeline_text(record: TimelineRecord) -> str:
    """Return the record as text of at most 100 columns."""
    steps, latency = record["simulated_steps"], record["latency_s"]
    lines = [
        f"{record['method']} on {record['chip']}: {record['network']}, task {record['task']}, {_count(steps, 'step')}",
        f"latency {_ms(latency)}; closed form {_ms(record['closed_form_s'])}; "
        f"without any limit {_ms(record['unlimited_s'])}",
        f"energy {record['energy_j'] * 1e6:.4g} uJ, leakage {record['leakage_j'] * 1e6:.4g} uJ; "
        f"{record['tasks']:,} tasks, {_count(record['vectors_per_task'], 'vector')} each",
        *_long_text(record["long_run"]),
        "",
        "The critical path, by phase: " + _shares(record["critical_path"]["by_phase_s"], latency),
        "",
        f"{'resource':44}{'utilisation':>12}{'critical':>10}{'tasks waited for it':>22}",
    ]
    rows = sorted(record["resources"], key=lambda row: (-row["critical_s"], -row["utilisation"]))
    for row in rows[:_ROWS]:
        part = row["critical_s"] / latency if latency else 0.0
        lines.append(f"{_cut(row['name'], 43):44}{row['utilisation']:>12.1%}{part:>10.1%}{_ms(row['waited_s']):>22}")
    if len(rows) > _ROWS:
        lines.append(f"and {len(rows) - _ROWS} more")
    helps = sorted(record["speedup_if_doubled"].items(), key=lambda item: -item[1])
    shown = [f"{_cut(name, 60):62}{speedup:>8.3f}x" for name, speedup in helps[:5] if speedup > 1.0005]
    lines += ["", "What would help, if there were twice as much of it:", *(shown or ["nothing alone"])]
    return "\n".join(lines) + "\n"


def _long(found: LongRun, work: Work) -> LongRecord:
    return {
        "steps": found.steps,
        "latency_s": found.latency_s,
        "error": found.error,
        "repeats": found.repeats,
        "closed_form_s": closed_form_s(work, found.steps, once=False),
    }


def _long_text(found: LongRecord | None) -> list[str]:
    if found is None:
        return []
    how = "the last steps repeat task by task" if found["repeats"] else f"within {found['error']:.2%}"
    return [
        f"all {_count(found['steps'], 'step')}: latency {_ms(found['latency_s'])} ({how}); "
        f"closed form {_ms(found['closed_form_s'])}"
    ]


def _shares(parts: Mapping[str, float], whole: float) -> str:
    ordered = sorted(parts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {part / whole:.1%}" for name, part in ordered if whole and part / whole >= 0.0005)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.5g} ms"


def _cut(name: str, length: int) -> str:
    return name if len(name) <= length else f"{name[: length - 3]}..."
