"""The conformance suite of mapping rules in training: what a trace counts under a rule equals a recount by loops.

Traces, chips and placements are drawn: memories whose PEs hold different numbers of weights, tiles of either.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.assign import trainable_units
from imcsim.chip.config import ChipConfig, load_chip
from imcsim.chip.layout import in_pes
from imcsim.chip.layouts import trainable, zeros
from imcsim.chip.placed import Bank, Placed, place
from imcsim.chip.writes import Writes, Written, writes_of
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.layer import LayerSpec
from imcsim.mapping.masks import expand_pe_mask
from imcsim.mapping.network_map import NetworkMap, map_network
from imcsim.mapping.rule import MAPPING_RULES, MappingRule, rule_name
from imcsim.testing.traces import make_trace
from imcsim.testing.training_counts import Recount, recount
from imcsim.trace.trace import Trace

_PLENTY = 10_000  # PEs: room is not what is tested


class TrainingCountError(AssertionError):
    """A count of training differs from its recount; the text says which, in which memory, and the seed of the case."""


def check_training_counts(rule: str | MappingRule, cases: int = 20, seed: int = 0) -> None:
    """Prove on ``cases`` drawn traces and chips that training counts what the rule's map says.

    By PE and phase: cells and rows in use, outputs, level sums, level changes of every step and of a task, row writes
    of a commit, what trains; by memory: PEs in use, cells written in place, loaded and committed.

    Parameters
    ----------
    rule
        A registered name, or the rule itself.
    seed
        Where the drawing starts; a failure names the seed of its case.

    Raises
    ------
    TrainingCountError
        At the first count that differs.
    """
    function = MAPPING_RULES.get(rule) if isinstance(rule, str) else rule
    name = rule if isinstance(rule, str) else rule_name(rule)
    for case in range(seed, seed + cases):
        fault = next(_faults(function, case), None)
        if fault is not None:
            raise TrainingCountError(f"{name}: {fault} (case of seed {case})")


def _faults(rule: MappingRule, seed: int) -> Iterator[str]:
    generator = np.random.default_rng(seed)
    chip = drawn_chip(generator)
    trace = drawn_trace(generator, chip)
    network_map = map_of(trace, chip, rule)
    chip = _read_as(chip, network_map)
    placed = place(trace, chip, rule)
    if chip.home.name != placed.home.name:
        yield "weights should rest in the home memory"
    counted = {bank.name: recount(trace, network_map, bank.macro.geometry) for bank in placed.banks}
    for bank in placed.banks:
        yield from _pe_faults(placed, bank, counted[bank.name])
    yield from _write_faults(placed, writes_of(placed), counted)


def map_of(trace: Trace, chip: ChipConfig, rule: MappingRule) -> NetworkMap:
    """Return the one map of all tasks: on the home memory, or by ``im2col`` in tiles that the method froze."""
    unit = chip.home.geometry
    if rule is MAPPING_RULES.get("im2col") and trace.placement:
        unit = next(macro.geometry for macro in chip.macros if _tile(macro.geometry) == trace.meta.pe_tile)
    given = {"zeros": zeros(trace), "trainable": trainable(trace)}
    return map_network(trace.meta.layers, unit, rule, pe_budget=chip.home.room, **given)


def _read_as(chip: ChipConfig, network_map: NetworkMap) -> ChipConfig:
    reads = {tile.read for layer in network_map.maps for tile in layer.tiles}
    return chip.model_copy(update={"input_gradient": "second-copy"}) if "backward" in reads else chip


def _pe_faults(placed: Placed, bank: Bank, counted: Recount) -> Iterator[str]:
    name, profile, grid = bank.name, bank.profile, bank.grid
    if bank.layout.pe_count != counted.count:
        yield f"{name} should use {counted.count} PEs, but {bank.layout.pe_count} are counted"
    trains = trainable_units(placed.home.profile)[:, bank.layout.unit]
    task, step = profile.policy("task"), profile.policy("step")
    each = (grid.layer, grid.cells, grid.rows, grid.outputs)
    table = np.vstack([*each, profile.level_sums, task.changes, step.changes, task.row_events, trains])
    found, expected = sorted(map(tuple, np.rint(table.T).astype(np.int64).tolist())), counted.figures()
    wanted = [tuple(int(value) for value in figures) for figures in expected]
    if found != wanted:
        apart = [pair for pair in zip(found, wanted, strict=False) if pair[0] != pair[1]]
        has, should = apart[0] if apart else (len(found), len(wanted))
        yield f"a PE of {name} should count {should}, but counts {has}"
    merged = in_pes(bank.layout, task.changes)
    if merged.shape[1] != counted.count or not np.array_equal(merged.sum(axis=1), task.changes.sum(axis=1)):
        yield f"level changes of PEs of {name} should add up to those of its layers"


def _by_reason(writes: Writes) -> dict[str, tuple[Written, ...]]:
    return {"in place": writes.in_place, "load": writes.loaded, "commit": writes.committed}


def _write_faults(placed: Placed, writes: Writes, counted: dict[str, Recount]) -> Iterator[str]:
    """Every PE has room: what trains does so in the volatile memory, and is committed at the end of each task."""
    if placed.volatile is None or placed.nonvolatile is None:
        return
    home, away = counted[placed.nonvolatile.name].pes.values(), counted[placed.volatile.name].pes.values()
    for phase in range(placed.phases):
        before = [pe.trains[phase - 1] if phase else False for pe in away]
        written, expected = (
            _by_reason(writes),
            {
                "in place": sum(pe.step_changes[phase] for pe in away if pe.trains[phase]),
                "load": sum(pe.cells for pe, was in zip(away, before, strict=True) if pe.trains[phase] and not was),
                "commit": sum(pe.changes[phase] for pe in home if pe.trains[phase]),
            },
        )
        for reason, events in expected.items():
            found = sum(int(one.count[phase]) for one in written[reason])
            if found != events * placed.copies:
                yield f"phase {phase} should write {events * placed.copies} cells ({reason}), but {found} are counted"
        needed = len({key for key, pe in counted[placed.volatile.name].pes.items() if pe.trains[phase]})
        shared = len({key[2] for key, pe in counted[placed.volatile.name].pes.items() if pe.trains[phase]})
        if int(placed.volatile.training_pes[phase]) != shared:
            yield f"phase {phase} should train in {shared} PEs ({needed} parts of layers)"


def drawn_chip(generator: np.random.Generator) -> ChipConfig:
    """Return a hybrid of small PEs that hold 1 to 5 outputs, mostly not as many in one memory as in the other."""
    bits = int(generator.choice([1, 2, 3]))
    values: dict[str, Any] = {
        "array.rows": int(generator.integers(2, 7)),
        "array.cols": int(generator.integers(16, 45)),
        "rram.cell_bits": bits,
        "rram.pe_count": _PLENTY,
        "sram.pe_count": _PLENTY,
    }
    return load_chip("hybrid-28nm", values).config


def drawn_trace(generator: np.random.Generator, chip: ChipConfig) -> Trace:
    """Return a trace of one to three small layers: codes walk at random, some are zero all along, PEs are frozen."""
    layers = [_layer(generator, index) for index in range(int(generator.integers(1, 4)))]
    phases = int(generator.integers(1, 4))
    tile = _tile(generator.choice(np.array(chip.macros, dtype=object)).geometry) if generator.random() < 0.7 else None
    placement, initial, history = {}, {}, {}
    for spec in layers:
        shape = spec.matrix_shape
        moves = np.ones((phases, *shape), dtype=bool)
        if tile is not None:
            grid = (phases, shape[0], -(-shape[1] // tile[0]), -(-shape[2] // tile[1]))
            placement[spec.name] = generator.random(grid) < 0.6
            moves = expand_pe_mask(placement[spec.name], shape, tile)
        live = _live(generator, shape)
        initial[spec.name] = generator.integers(-127, 128, shape) * live
        history[spec.name] = _walk(generator, initial[spec.name], moves & live)
    encodings = [macro.geometry.encoding for macro in chip.macros]
    return make_trace(layers, initial, history, encodings, placement=placement, pe_tile=tile)


def _tile(geometry: PeGeometry) -> tuple[int, int]:
    return geometry.weight_rows, geometry.weight_cols


def _layer(generator: np.random.Generator, index: int) -> LayerSpec:
    side, groups, positions = (int(generator.integers(1, high)) for high in (3, 3, 5))
    inputs, outputs = (int(generator.integers(1, 5)) * groups for _ in range(2))
    return LayerSpec(
        name=f"layer{index}", kind="conv2d", in_features=inputs, out_features=outputs, kernel=(side, side),
        groups=groups, positions=positions, input_elements=inputs * positions, output_elements=outputs * positions,
    )  # fmt: skip


def _live(generator: np.random.Generator, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    """(G, D, N): all weights, some, or only some whole rows and outputs."""
    kind = generator.random()
    if kind < 0.4:
        return np.ones(shape, dtype=bool)
    if kind < 0.7:
        return generator.random(shape) < 0.5
    return (generator.random(shape[:2]) < 0.5)[..., None] & (generator.random((shape[0], 1, shape[2])) < 0.7)


def _walk(
    generator: np.random.Generator, start: NDArray[np.int64], moves: NDArray[np.bool_]
) -> list[list[list[NDArray[np.int64]]]]:
    """Return codes after each of two steps of each phase."""
    codes, found = start, []
    for mask in moves:
        steps = []
        for _ in range(2):
            hit = mask & (generator.random(codes.shape) < 0.6)
            codes = np.clip(codes + hit * generator.integers(-9, 10, codes.shape), -127, 127)
            steps.append(codes)
        found.append([steps])
    return found
