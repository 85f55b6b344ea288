"""Traces and chips that together charge every leaf that a shipped chip or one of its options can."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any, Literal, get_args, get_origin

import numpy as np

from imcsim.chip import ChipConfig, Report, load_chip, price
from imcsim.core.errors import ImcsimError
from imcsim.core.sources import Resolved
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace import Trace
from imcsim.trace.schema import COUNTS, TASK_COUNTS, WEAR_COUNTS
from tests.chip.hand import small_chip

Leaves = dict[str, float]
TREES = (
    "energy", "latency", "area", "deployment", "task_switch", "power_up", "inference", "inference_latency",
)  # fmt: skip
HYBRID, RRAM, SRAM = "hybrid-28nm", "all-rram-28nm", "all-sram-28nm"
LAYERS = (linear_layer("a", 10, 5, positions=4), linear_layer("b", 5, 3))
TASKS = 2


def leaves_of(report: Report) -> Leaves:
    """Return what a report says in J, s and m2, and its horizon, by dotted path."""
    found = {f"{tree}.{leaf}": value for tree in TREES for leaf, value in getattr(report, tree).flat().items()}
    return found | {f"horizon.{name}": value for name, value in report.horizon.items()}


def charged_trace(chip: ChipConfig, *, own: str = "", wear: bool = False) -> Trace:
    """Return a trace in which whatever can be counted has been, for the encodings of ``chip``.

    ``own``: layer ``b`` holds other weights for each task, ``"switched"`` or, stored with the masks, ``"resident"``.
    """
    rng = np.random.default_rng(1)
    geometries = [geometry for geometry in (chip.rram_geometry, chip.sram_geometry) if geometry is not None]
    most = 2 ** (chip.weight_bits - 1) - 1
    paths = {spec.name: rng.integers(-most, most + 1, (TASKS + 1, *spec.matrix_shape)) for spec in LAYERS}
    step, epoch = ("step", "epoch") if chip.sram is None else ("commit", "commit")
    trace = make_trace(
        LAYERS,
        {name: path[0] for name, path in paths.items()},
        {name: [[[codes]] for codes in path[1:]] for name, path in paths.items()},
        [geometry.encoding for geometry in geometries],
        counts={name: 7 for name in COUNTS if name not in ("closed_segments", "trainable_weights")},
        task_counts={name: 900 for name in TASK_COUNTS if name not in ("optimizer_steps", "epochs")}
        | {"peak_kept_elements": chip.buffer.size_bytes * 2},
    )
    changes: dict[str, Any] = {"input_bits": chip.input_bits, "error_bits": chip.error_bits}
    changes |= {"switched_layers": ("b",)} if own else {}
    changes |= {"resident_layers": ("b",)} if own == "resident" else {}
    if wear and chip.rram is not None:
        policy = "commit" if chip.sram is not None else chip.rram.write_policy
        changes["config"] = {"wear": {"policy": policy, "encoding": chip.geometry.encoding.name}}
    del step, epoch
    return _with(trace, chip, changes, wear)


def _with(trace: Trace, chip: ChipConfig, changes: Mapping[str, Any], wear: bool) -> Trace:
    from dataclasses import replace

    shape = (TASKS, len(LAYERS))
    return replace(
        trace,
        meta=trace.meta.model_copy(update=dict(changes)),
        input_density=np.full((*shape, chip.input_bits), 0.5),
        error_density=np.full((*shape, chip.error_bits), 0.5),
        wear_counts={name: np.full(shape, 3) for name in WEAR_COUNTS} if wear else {},
        cache={},
    )


def options() -> Iterator[dict[str, Any]]:
    """Yield every choice of a chip file that is a name or yes or no, alone: field -> value."""
    for name, info in ChipConfig.model_fields.items():
        kind = info.annotation
        values = (True, False) if kind is bool else get_args(kind) if get_origin(kind) is Literal else ()
        yield from ({name: value} for value in values)


def reached(trace_kinds: bool, chip: Resolved[ChipConfig]) -> Leaves:
    """Return the leaves that ``chip`` charges, each with the largest value over the kinds of traces."""
    found: Leaves = {}
    for own in ("", "switched", "resident") if trace_kinds else ("",):
        for wear in (False, True):
            try:
                report = price(charged_trace(chip.config, own=own, wear=wear), chip)
            except ImcsimError:  # does not fit: charges nothing
                continue
            for leaf, value in leaves_of(report).items():
                found[leaf] = max(found.get(leaf, 0.0), value)
    return found


def all_leaves(pairs: bool = False, names: tuple[str, ...] = (HYBRID, RRAM, SRAM)) -> set[str]:
    """Return every leaf that is charged more than nothing on chips ``names`` with one option set, or two."""
    alone = list(options())
    chosen = [{}, *alone]
    if pairs:
        chosen += [one | two for one, two in combinations(alone, 2) if not one.keys() & two.keys()]
    found: set[str] = set()
    for name in names:
        for choice in chosen:
            chip = _chip(name, choice)
            if chip is not None:
                found |= {leaf for leaf, value in reached(True, chip).items() if value > 0}
    return found


def _chip(name: str, choice: Mapping[str, Any]) -> Resolved[ChipConfig] | None:
    room = {"sram.pe_count": 6} if choice.get("oversize") == "multiplex" else {}
    small = name in (HYBRID, RRAM, SRAM)
    try:
        if small:
            rooms = {f"{part}.pe_count": 64 for part in ("rram", "sram") if part in name or name == HYBRID}
            return small_chip(name, rooms | room | dict(choice))
        eight = {"weight_bits": 8, "input_bits": 8, "error_bits": 8}
        return load_chip(name, eight | dict(choice))
    except ImcsimError:
        return None
