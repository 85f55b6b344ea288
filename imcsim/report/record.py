"""A whole report as plain data, for JSON."""

from dataclasses import asdict

from imcsim.chip.report import Report
from imcsim.core.cost import Breakdown

_TREES_J = ("energy", "deployment", "task_switch", "power_up", "inference")
_TREES_S = ("latency", "inference_latency")


def record(report: Report) -> dict[str, object]:
    """Return everything that ``report`` holds: trees as ``{"total": ..., "leaves": {"a.b": ...}}``, units in names."""
    return {
        "row": report.row(),
        "dataset": report.dataset,
        "network": report.network,
        **{f"{name}_j": _tree(getattr(report, name)) for name in _TREES_J},
        "energy_by_task_j": [_tree(tree) for tree in report.energy_by_task],
        **{f"{name}_s": _tree(getattr(report, name)) for name in _TREES_S},
        "latency_by_task_s": [_tree(tree) for tree in report.latency_by_task],
        "area_m2": _tree(report.area),
        "training_over_inference": {
            "sample": report.training_over_inference,
            "task_at_horizon": report.task_over_inferences,
        },
        "writes": {memory: _writes(report, memory) for memory in report.writes},
        "lifetime": {memory: asdict(life) for memory, life in report.lifetime.items()},
        "horizon": dict(report.horizon),
        "placement": {name: counts.tolist() for name, counts in report.placement.items()},
        "accuracy": dict(report.accuracy),
        "idle_acts": list(report.idle_acts),
        "warnings": list(report.warnings),
        "origins": {path: asdict(origin) for path, origin in report.origins.items()},
    }


def _writes(report: Report, memory: str) -> dict[str, object]:
    """Events and worst cell, with the other two countings: pulses and update steps."""
    more = {"pulses": report.pulses.get(memory), "update_steps": report.update_steps.get(memory)}
    return asdict(report.writes[memory]) | more


def _tree(tree: Breakdown) -> dict[str, object]:
    return {"total": tree.total, "leaves": tree.flat()}
