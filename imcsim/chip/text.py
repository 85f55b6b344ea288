"""A report as plain text of at most 100 columns."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from imcsim.core.cost import Breakdown
from imcsim.core.units import area_mm2, with_prefix
from imcsim.trace.stream_name import stream_title

if TYPE_CHECKING:
    from imcsim.chip.report import Lifetime, Report

_NAME, _VALUE = 46, 14


def text(report: "Report") -> str:
    """Return accuracy, energy by part, time, area, writes, lifetime, horizon and warnings, ending in a newline."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: "Report") -> Iterator[str]:
    yield f"{report.method} on {report.chip}: {report.network}, {stream_title(report.dataset)}, seed {report.seed}"
    yield from _accuracy(report)
    yield from _tree("Training energy, whole stream", report.energy, "J")
    apart = {"deployment": report.deployment, "one task switch": report.task_switch, "one power-up": report.power_up}
    for name, tree in {**apart, "one inference": report.inference}.items():
        yield _line(f"{name} (not in training)", with_prefix(tree.total, "J"))
    yield _line("Training energy of a sample over one inference", _times(report.training_over_inference))
    yield _line("Training of a task over its inferences", _times(report.task_over_inferences))
    yield from _tree("Training time, whole stream", report.latency, "s")
    yield _line("one inference", with_prefix(report.inference_latency.total, "s"))
    yield ""
    yield _line("Area", area_mm2(report.area.total))
    for part, area_m2 in sorted(report.area.by(0).items(), key=lambda item: -item[1]):
        yield _line(f"  {part}", area_mm2(area_m2))
    yield from _writes(report)
    yield ""
    yield "Horizon: what the energies above are spread over"
    for name, value in report.horizon.items():
        unit = {"_j": "J", "_s": "s"}.get(name[-2:], "")
        stem = name[:-2] if unit else name
        yield _line(f"  {stem.replace('_', ' ')}", with_prefix(value, unit))
    for warning in report.warnings:
        yield f"warning: {warning}"


def _accuracy(report: "Report") -> Iterator[str]:
    yield "Accuracy after the last task, mean over tasks; forgetting: best over all checkpoints minus last (Mammoth)"
    for scenario, name in (("class_il", "Class-IL"), ("task_il", "Task-IL")):
        final, lost = report.accuracy[f"{scenario}_final"], report.accuracy.get(f"forgetting_{scenario}_max")
        if final is None:
            yield f"  {name:<10}     -   the method must be told the task of an image"
            continue
        forgetting = "" if lost is None else f"   forgetting {100 * lost:.1f} %"
        yield f"  {name:<10}{100 * final:>6.1f} %{forgetting}"


def _tree(title: str, tree: Breakdown, unit: str) -> Iterator[str]:
    total = tree.total
    yield ""
    yield _line(title, with_prefix(total, unit))
    for part, value in _spent(tree):
        yield _line(f"  {part}", with_prefix(value, unit), value, total)
        inner = _spent(tree.part(part))
        for name, amount in inner if len(inner) > 1 else ():
            yield _line(f"    {name}", with_prefix(amount, unit), amount, total)


def _spent(tree: Breakdown) -> list[tuple[str, float]]:
    """Return the parts that cost anything, the largest first."""
    return sorted(((name, value) for name, value in tree.by(0).items() if value > 0), key=lambda item: -item[1])


def _writes(report: "Report") -> Iterator[str]:
    for memory, writes in report.writes.items():
        yield ""
        yield _line(f"{memory.upper()} programming events, whole stream", with_prefix(writes.total, ""))
        if memory in report.pulses:
            yield _line("  pulses of these events", with_prefix(report.pulses[memory], ""))
        yield _line("  worst cell", f"{writes.worst}")
        yield _line("  mean over used cells", f"{writes.mean:.3g}")
        if memory in report.update_steps:
            yield _line("  update steps that write it", f"{report.update_steps[memory]}")
        yield _line("  deployment, apart", with_prefix(writes.deployment, ""))
        if memory in report.lifetime:
            yield from _life(report.lifetime[memory])


def _life(life: "Lifetime") -> Iterator[str]:
    yield _line("  worst cell a task, switches included", f"{life.worst_writes_per_task:.3g}")
    for name, tasks, years in (
        ("worst cell at guaranteed cycles", life.tasks_guaranteed, life.years_guaranteed),
        ("first cell failed (half of the chips)", life.tasks_first_failure, life.years_first_failure),
    ):
        if tasks is None or years is None:
            yield _line(f"  {name}", "no limit")
        else:
            yield (
                _line(f"  {name}", f"{_large(tasks)} tasks")
                + f"   {_large(years)} years at {life.tasks_per_day:g} tasks a day"
            )


def _times(value: float | None) -> str:
    return "no inference" if value is None else f"{value:.3g} x"


def _large(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else with_prefix(value, "") if value < 1e15 else f"{value:.1e}"


def _line(name: str, value: str, amount: float | None = None, total: float = 0.0) -> str:
    share = f"{100 * amount / total:>8.1f} %" if amount is not None and total > 0 else ""
    return f"{name:<{_NAME}}{value:>{_VALUE}}{share}"
