"""Traces and chips that together charge every leaf that a shipped chip or one of its options can."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations, product
from types import UnionType
from typing import Any, Literal, get_args, get_origin

import numpy as np
from pydantic import BaseModel

from imcsim.chip import ChipConfig, Report, load_chip, price
from imcsim.core.errors import ConservationError, ImcsimError
from imcsim.core.sources import Resolved
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace import Trace
from imcsim.trace.schema import COUNTS, TASK_COUNTS, WEAR_COUNTS
from tests.chip.hand import small_chip, told

Leaves = dict[str, float]
TREES = (
    "energy", "latency", "area", "deployment", "task_switch", "power_up", "inference", "inference_latency",
)  # fmt: skip
HYBRID, RRAM, SRAM = "hybrid-28nm", "all-rram-28nm", "all-sram-28nm"
LAYERS = (linear_layer("a", 10, 5, positions=4), linear_layer("b", 5, 3))
TASKS = 2
FORWARD = ("forward_vectors", "scoring_forward_vectors")
BACK = ("input_gradient_vectors", "weight_gradient_vectors", "scoring_input_gradient_vectors")
FOLLOW = (
    "closed_segments", "trainable_weights", "active_weights", "peak_active_weights", "weight_gradient_macs",
    "updated_weights",
)  # fmt: skip
"""Counts that follow where all weights exist and train."""


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
    positions = np.array([spec.positions for spec in LAYERS])
    forward, back = 7 * positions, 5 * positions  # seven images, two of them only forward
    counts: dict[str, Any] = {name: 7 for name in COUNTS if name not in FOLLOW}
    counts |= dict.fromkeys(FORWARD, forward) | dict.fromkeys(BACK, back)
    task_counts = dict.fromkeys((name for name in TASK_COUNTS if name not in ("optimizer_steps", "epochs")), 900) | {
        "samples": 5, "forward_only_samples": 2, "replay_samples_read": 3, "replay_samples_written": 3,
        "digital_parameters": 9000,  # their updates outlast the arrays: the buffer adds time
    }  # fmt: skip
    task_counts |= dict.fromkeys(("other_kept_elements", "peak_kept_elements"), chip.buffer.size_bytes * 2)
    trace = make_trace(
        LAYERS,
        {name: path[0] for name, path in paths.items()},
        {name: [[[codes]] for codes in path[1:]] for name, path in paths.items()},
        [geometry.encoding for geometry in geometries],
        counts=counts,
        task_counts=task_counts,
    )
    changes: dict[str, Any] = {"input_bits": chip.input_bits, "error_bits": chip.error_bits}
    if own:
        trace = told(trace, switched_layers=("b",), resident_layers=("b",) if own == "resident" else ())
    if wear and chip.rram is not None:
        policy = "commit" if chip.sram is not None else chip.rram.write_policy
        changes["config"] = {"wear": {"policy": policy, "encoding": chip.geometry.encoding.name}}
    shape = (TASKS, len(LAYERS))
    return replace(
        trace,
        meta=trace.meta.model_copy(update=changes),
        input_density=np.full((*shape, chip.input_bits), 0.5),
        error_density=np.full((*shape, chip.error_bits), 0.5),
        wear_counts={name: np.full(shape, 3) for name in WEAR_COUNTS} if wear else {},
        cache={},
    )


PAIRS: tuple[tuple[str, dict[str, Any], str, bool], ...] = (
    (RRAM, {}, "switched", True),
    (RRAM, {"input_gradient": "second-copy"}, "", False),
    (RRAM, {"input_gradient": "digital"}, "", False),
    (SRAM, {}, "switched", False),
    (SRAM, {"input_gradient": "second-copy"}, "", False),
    (SRAM, {"input_gradient": "digital"}, "", False),
    (SRAM, {"weight_gradient": "sram-array"}, "", False),
    (SRAM, {"oversize": "multiplex"}, "", False),
    (SRAM, {"master_copy.location": "dram"}, "", False),
    (HYBRID, {}, "resident", True),
    (HYBRID, {"commit": "lazy"}, "", False),
)
"""Chip, what is set, whether layer ``b`` is a task's own, whether cells died: together they charge every leaf."""


def charged_leaves() -> set[str]:
    """Return the leaves that :data:`PAIRS` charge more than nothing."""
    found: set[str] = set()
    for name, choice, own, wear in PAIRS:
        chip = chip_with(name, choice)
        if chip is not None:
            found |= _charged(chip, own, wear)
    return found


def every_leaf(names: tuple[str, ...], *, two: bool = False) -> set[str]:
    """Return every leaf that is charged more than nothing on chips ``names`` with each option set.

    ``two``: and with each two of those that no part has, but the chip.
    """
    choices = [{}, *options()]
    if two:
        own = [choice for choice in options() if "." not in next(iter(choice))]
        choices += [one | other for one, other in combinations(own, 2) if not one.keys() & other.keys()]
    found: set[str] = set()
    for name in names:
        for choice in choices:
            chip = chip_with(name, choice)
            if chip is not None:
                kinds = product(("", "switched", "resident"), (False, True))
                found |= set().union(*(_charged(chip, own, wear) for own, wear in kinds))
    return found


def options() -> Iterator[dict[str, Any]]:
    """Yield every choice of a chip file that is a name or yes or no, alone: dotted field -> value."""
    yield from _options(ChipConfig, "")


def _options(model: type[BaseModel], prefix: str) -> Iterator[dict[str, Any]]:
    for name, info in model.model_fields.items():
        for kind in get_args(info.annotation) if get_origin(info.annotation) is UnionType else (info.annotation,):
            if kind is bool or get_origin(kind) is Literal:
                values = (True, False) if kind is bool else get_args(kind)
                yield from ({f"{prefix}{name}": value} for value in values)
            elif isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _options(kind, f"{prefix}{name}.")


def chip_with(name: str, choice: Mapping[str, Any]) -> Resolved[ChipConfig] | None:
    """Return chip ``name``, a small one of those of 28 nm, with ``choice``; None where that contradicts itself."""
    room = {"sram.pe_count": 6} if choice.get("oversize") == "multiplex" else {}
    try:
        if name in (HYBRID, RRAM, SRAM):
            rooms = {f"{part}.pe_count": 64 for part in ("rram", "sram") if part in name or name == HYBRID}
            return small_chip(name, rooms | room | dict(choice))
        return load_chip(name, dict(choice))
    except ImcsimError:
        return None


def _charged(chip: Resolved[ChipConfig], own: str, wear: bool) -> set[str]:
    try:
        report = price(charged_trace(chip.config, own=own, wear=wear), chip)
    except ConservationError:
        raise
    except ImcsimError:  # it does not fit: nothing is charged
        return set()
    return {leaf for leaf, value in leaves_of(report).items() if value > 0}
