"""What a task costs does not depend on later tasks, and what RRAM costs not on codes in SRAM, nor the other way round.

Two documented exceptions are left out. Where more trains than SRAM holds, the chip chooses with hindsight what trains
in place. Under write rules that depend on levels, writes in place that share a layer with PEs in SRAM are shared out,
for a trace counts transitions by layer.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imcsim.chip import ChipConfig, Report, price
from imcsim.chip.charged import SI_UNITS
from imcsim.core.sources import Resolved
from imcsim.mapping.masks import expand_pe_mask
from imcsim.testing.traces import Codes, linear_layer, make_trace
from imcsim.trace import Trace
from imcsim.trace.schema import COUNTS, TASK_COUNTS
from tests.chip.hand import ENCODINGS, small_chip

LAYERS = (linear_layer("a", 8, 4, positions=3), linear_layer("b", 5, 3))
TILES = {"a": (1, 2, 2), "b": (1, 2, 2)}
TASKS, TILE = 3, (4, 2)
STEPS = 4  # of a task, two in each of two epochs
BY_COLUMN = {"rram.adc": "adc-neurosim-22nm", "rram.adc_bits": 5}
BY_COLUMN_SAR = {"rram.adc": "adc-28nm", "rram.adc.model": "neurosim"}
LEVELS = {"rram.write_rule": "harmonic"}
HYBRID, RRAM, SRAM = "hybrid-28nm", "all-rram-28nm", "all-sram-28nm"
CHIPS: tuple[tuple[str, dict[str, Any]], ...] = (
    (HYBRID, BY_COLUMN),
    (HYBRID, BY_COLUMN | LEVELS | {"commit": "lazy"}),
    (HYBRID, BY_COLUMN | {"input_gradient": "digital", "gate_columns": True}),
    (HYBRID, BY_COLUMN_SAR | {"input_gradient": "second-copy", "buffer.size_bytes": 4096}),
    (RRAM, BY_COLUMN | LEVELS),
    (RRAM, BY_COLUMN_SAR | {"input_gradient": "digital", "rram.write_policy": "epoch"}),
    (RRAM, {"floor_plan": {"topology": "mesh", "pes_per_router": 2}, "dac_bits": 3}),
    (SRAM, {"buffer.size_bytes": 4096}),
    (SRAM, {"weight_gradient": "sram-array", "input_gradient": "second-copy"}),
    (SRAM, {"sram.pe_count": 5, "oversize": "multiplex"}),
)
Placed = Mapping[str, np.ndarray[Any, Any]]


def chip_with(name: str, more: Mapping[str, Any]) -> Resolved[ChipConfig]:
    return _loaded(name, json.dumps(more))


@cache
def _loaded(name: str, more: str) -> Resolved[ChipConfig]:
    return small_chip(name, json.loads(more))


def history(rng: np.random.Generator, start: Mapping[str, Codes], trains: Placed, tasks: range) -> dict[str, list[Any]]:
    """Walk codes at random through ``tasks`` of two epochs of two steps, in PEs that train."""
    found: dict[str, list[Any]] = {}
    for spec in LAYERS:
        now, paths = start[spec.name], []
        for task in tasks:
            may = expand_pe_mask(trains[spec.name][task], spec.matrix_shape, TILE)
            steps = []
            for _ in range(STEPS):
                now = np.where(may, np.clip(now + rng.integers(-40, 41, now.shape), -127, 127), now)
                steps.append(now)
            paths.append([steps[:2], steps[2:]])
        found[spec.name] = paths
    return found


def amounts(rng: np.random.Generator, tasks: int) -> dict[str, Any]:
    """Draw everything that a trace counts or measures in each of ``tasks``: of what passes and can be kept, a part.

    Of each step's gradients and updates of weights that train, ``parts`` are done.
    """
    shape = (tasks, len(LAYERS))
    positions, inputs = (np.array([getattr(spec, what) for spec in LAYERS]) for what in ("positions", "input_elements"))
    samples, more = rng.integers(STEPS, 50, (tasks, 1)), rng.integers(1, 20, (tasks, 1))
    kept = rng.integers(1, (samples + more) * inputs + 1)
    scored, scored_back = rng.integers(8, 20, shape), rng.integers(1, 8, shape)
    read, written, other, bits = rng.integers(1, (9, 9, 2000, 2000), (tasks, 4)).T
    free = ("digital_parameters", "optimizer_state_values", "mask_bits", "scoring_bytes", "scoring_macs")
    return {
        "counts": {
            "forward_vectors": (samples + more) * positions,
            "input_gradient_vectors": rng.integers(1, samples + 1, shape) * positions,
            "weight_gradient_vectors": rng.integers(STEPS, samples + 1, shape) * positions,
            "dense_gradient_macs": rng.integers(1, 50, shape),
            "scoring_forward_vectors": scored * positions,
            "scoring_input_gradient_vectors": scored_back * positions,
            "scoring_weight_gradient_macs": rng.integers(1, 100, shape),
            "kept_elements": kept,
            "closed_segments": rng.integers(1, 5, shape),
            "skipped_writes": rng.integers(1, 50, shape),
        },
        "task_counts": {
            "samples": samples[:, 0],
            "forward_only_samples": more[:, 0],
            "replay_samples_read": read,
            "replay_bytes_read": read * rng.integers(1, 300, tasks),
            "replay_samples_written": written,
            "replay_bytes_written": written * rng.integers(1, 300, tasks),
            "relu_elements": bits,
            "other_kept_elements": other,
            "peak_kept_elements": rng.integers(1, kept.sum(axis=1) + other + 1),
            "peak_kept_bits": rng.integers(1, bits + 1),
            **{name: rng.integers(1, 2000, tasks) for name in free},
        },
        "parts": {"gradient": rng.random(shape), "update": rng.random(shape)},
        "density": {name: rng.random((*shape, 8)) for name in ("input_density", "error_density")},
    }


def first_codes(rng: np.random.Generator) -> dict[str, Codes]:
    return {spec.name: rng.integers(-127, 128, spec.matrix_shape) for spec in LAYERS}


def build(start: Mapping[str, Codes], paths: Mapping[str, Any], what: Mapping[str, Any], trains: Placed) -> Trace:
    trace = make_trace(
        LAYERS, start, paths, ENCODINGS, counts=what["counts"] | learned(what, trains),
        task_counts=what["task_counts"], placement=dict(trains), pe_tile=TILE,
    )  # fmt: skip
    return replace(trace, **what["density"], cache={})


def learned(what: Mapping[str, Any], trains: Placed) -> dict[str, Any]:
    """Count updates and gradients: weights that train, the part of them that ``what`` says."""
    placed = np.array(
        [[expand_pe_mask(mask, spec.matrix_shape, TILE).sum() for spec, mask in zip(LAYERS, masks, strict=True)]
         for masks in zip(*(trains[spec.name] for spec in LAYERS), strict=True)]
    )  # fmt: skip
    updated = (what["parts"]["update"] * STEPS * placed).astype(int)
    least = updated * [spec.positions for spec in LAYERS]  # a gradient of each weight that was updated
    most = what["counts"]["weight_gradient_vectors"] * placed
    macs = least + (what["parts"]["gradient"] * (most - least)).astype(int)
    return {"updated_weights": updated, "weight_gradient_macs": macs}


def test_whatever_is_counted_is_drawn() -> None:
    rng = np.random.default_rng(0)
    trains = {key: np.ones((TASKS, *shape), bool) for key, shape in TILES.items()}
    what, start = amounts(rng, TASKS), first_codes(rng)
    trace = build(start, history(rng, start, trains, range(TASKS)), what, trains)
    assert [name for name in COUNTS if not trace.counts[name].all()] == []
    assert [name for name in TASK_COUNTS if not trace.task_counts[name].all()] == []


def joined(first: Any, later: Any, at: int) -> Any:
    """Take what is by task from ``first`` before ``at``, from ``later`` after."""
    if isinstance(first, dict):
        return {name: joined(value, later[name], at) for name, value in first.items()}
    return np.concatenate([first[:at], later[at:]])


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10_000), at=st.integers(1, TASKS - 1))
@pytest.mark.parametrize(("name", "more"), CHIPS)
def test_later_tasks_move_no_leaf_of_an_earlier_one(name: str, more: dict[str, Any], seed: int, at: int) -> None:
    rng = np.random.default_rng(seed)
    start, (one, other) = first_codes(rng), (amounts(rng, TASKS), amounts(rng, TASKS))
    placed = [{key: rng.random((TASKS, *shape)) < 0.6 for key, shape in TILES.items()} for _ in range(2)]
    trains = placed[0], joined(placed[0], placed[1], at)
    before = history(rng, start, trains[0], range(at))
    reached = {key: path[-1][-1][-1] for key, path in before.items()}
    traces = []
    for placement, what in zip(trains, (one, joined(one, other, at)), strict=True):
        after = history(rng, reached, placement, range(at, TASKS))
        traces.append(build(start, {key: before[key] + after[key] for key in before}, what, placement))
    reports = [price(trace, chip_with(name, more)) for trace in traces]
    assert reports[0].energy.flat() != reports[1].energy.flat()  # something later is different
    for task in range(at):
        for tree in ("energy_by_task", "latency_by_task"):
            first, second = (getattr(report, tree)[task].flat() for report in reports)
            assert second == pytest.approx(first, rel=1e-12), task
        for memory, writes in reports[0].writes.items():
            assert writes.per_task[task] == reports[1].writes[memory].per_task[task]
    assert reports[1].deployment.flat() == pytest.approx(reports[0].deployment.flat(), rel=1e-12)


def leaves_of(report: Report) -> dict[str, float]:
    return {f"{tree}.{leaf}": value for tree in SI_UNITS for leaf, value in getattr(report, tree).flat().items()}


def of_memory(leaves: Mapping[str, float], memory: str, apart: tuple[str, ...] = ()) -> dict[str, float]:
    """Return the leaves of ``memory``: those below its name, and what is programmed, read or written in it."""
    names = {"rram": ("rram", "rram_program", "rram_read", "read_out"), "sram": ("sram", "sram_write", "sram_read")}
    return {
        leaf: value
        for leaf, value in leaves.items()
        if set(leaf.split(".")) & set(names[memory]) and not leaf.startswith(apart)
    }


# (what is set, leaves that commits move on purpose): with a lazy commit, a PE that always trains never goes to RRAM
HYBRIDS = (
    (BY_COLUMN | {"commit": "lazy"}, ()),
    (BY_COLUMN | LEVELS | {"commit": "lazy", "input_gradient": "second-copy"}, ()),
    (BY_COLUMN_SAR | {"commit": "lazy", "input_gradient": "digital"}, ()),
    (BY_COLUMN, ("energy.migration.rram_program", "inference.")),
)


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 10_000))
@pytest.mark.parametrize(("more", "apart"), HYBRIDS)
def test_codes_in_one_memory_move_no_leaf_of_the_other(more: dict[str, Any], apart: tuple[str, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    start, what = first_codes(rng), amounts(rng, TASKS)
    once = {key: rng.random(shape) < 0.5 for key, shape in TILES.items()}
    once["a"][0, 0], once["b"][0, 0] = [True, False], [True, False]  # some of each layer in each memory
    trains = {key: np.stack([mask] * TASKS) for key, mask in once.items()}
    frozen = {
        spec.name: ~expand_pe_mask(once[spec.name], spec.matrix_shape, TILE) for spec in LAYERS
    }  # fmt: skip
    chip = chip_with(HYBRID, more)

    def leaves(begin: Mapping[str, Codes], walk: int) -> dict[str, float]:
        paths = history(np.random.default_rng(walk), begin, trains, range(TASKS))
        return leaves_of(price(build(begin, paths, what, trains), chip))

    one, trained_otherwise = leaves(start, 1), leaves(start, 2)
    assert of_memory(trained_otherwise, "rram", apart) == pytest.approx(of_memory(one, "rram", apart), rel=1e-12)
    assert of_memory(trained_otherwise, "sram") != of_memory(one, "sram")  # other cells are written
    new = first_codes(rng)
    rested_otherwise = leaves({key: np.where(frozen[key], new[key], codes) for key, codes in start.items()}, 1)
    assert of_memory(rested_otherwise, "sram") == pytest.approx(of_memory(one, "sram"), rel=1e-12)
    assert of_memory(rested_otherwise, "rram") != of_memory(one, "rram")


def test_weights_trained_in_place_move_no_leaf_of_sram() -> None:
    # layer b changes more and takes all four places in SRAM; a trains in RRAM
    chip = small_chip(HYBRID, BY_COLUMN | LEVELS | {"commit": "lazy", "sram.pe_count": 4})
    rng = np.random.default_rng(3)
    start, what = first_codes(rng), amounts(rng, TASKS)
    trains = {key: np.ones((TASKS, *shape), bool) for key, shape in TILES.items()}
    busy = history(rng, start, trains, range(TASKS))["b"]

    def leaves(moved: int, busy: list[Any]) -> dict[str, float]:
        now, quiet = start["a"], []
        for _ in range(TASKS):
            now = now.copy()
            now[0, 0, 0] = (now[0, 0, 0] + moved) % 100
            quiet.append([[now, now], [now, now]])
        return leaves_of(price(build(start, {"a": quiet, "b": busy}, what, trains), chip))

    one, in_rram, in_sram = leaves(1, busy), leaves(5, busy), leaves(1, history(rng, start, trains, range(TASKS))["b"])
    leaks = ("energy.leakage",)  # for the time that training takes, writes in RRAM among it
    assert of_memory(in_rram, "sram", leaks) == pytest.approx(of_memory(one, "sram", leaks), rel=1e-12)
    assert of_memory(in_rram, "rram") != of_memory(one, "rram")
    assert of_memory(in_sram, "rram") == pytest.approx(of_memory(one, "rram"), rel=1e-12)
    assert of_memory(in_sram, "sram") != of_memory(one, "sram")
