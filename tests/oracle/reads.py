"""Energy of reading PEs: vectors forward, errors back, weights read whole.

Shape letters: F placement phases, P PEs of the network, L mapped layers, b bits.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

from tests.oracle.cells import Memory, Pe, up
from tests.oracle.facts import Array
from tests.oracle.periphery import conversion_j, line_j, tree_j
from tests.oracle.scene import Leaves, Scene


@dataclass(frozen=True)
class Line:
    """One input line for one vector: how often it switches, the squared digits (of the largest), read cycles."""

    switches: float
    power: float
    cycles: int


@dataclass(frozen=True)
class Way:
    """Vectors (F, L) that pass the arrays one way, and the ones per bit plane (F, L, b) of each.

    ``entry``: which codes stand in the arrays, 0 those at a phase's start, 1 those at its end. ``open``: (F, L) share
    of column segments that are evaluated.
    """

    vectors: Array
    density: Array
    transposed: bool = False
    entry: int = 0
    open: Array | None = None


def line_of(ones: Array, dac_bits: int) -> Line:
    """Return how busy a line is: digits of ``dac_bits`` bits each, every bit a one with its own chance, alone."""
    switches = power = 0.0
    cycles = [ones[start : start + dac_bits] for start in range(0, len(ones), dac_bits)]
    for bits in cycles:
        most = 2 ** len(bits) - 1
        for drawn in product((0, 1), repeat=len(bits)):  # every digit that can come, and its chance
            chance, digit = 1.0, 0
            for place, (bit, one) in enumerate(zip(drawn, bits, strict=True)):
                chance *= one if bit else 1 - one
                digit += bit * 2**place
            switches += chance * (digit > 0)
            power += chance * (digit / most) ** 2
    return Line(float(switches), float(power), len(cycles))


def conductance_s(memory: Memory, pe: Pe, entry: int) -> float:
    """Return the conductance of all cells of a PE together, with entry ``entry`` of the codes in them."""
    cell = memory.part.cell
    step = (cell.conductance_max_s - cell.conductance_min_s) / (memory.level_count - 1)
    raised = int(pe.of(memory.levels[pe.layer][entry]).sum())
    return float(memory.cells(pe) * cell.conductance_min_s + raised * step)


PARTS = {"rram": ("driver", "cells", "adc", "shift_add"), "sram": ("driver", "adder_tree", "shift_add")}
EVALUATED = ("adc", "adder_tree", "shift_add")
"""What works for each column segment, and rests where a mask closes it."""


def passes(scene: Scene, way: Way, in_sram: Array) -> Leaves:
    """Return joules of ``way`` by memory and component, each PE read in the memory in which it stands."""
    found: Leaves = {}
    for kind, memory, one_vector in (("rram", scene.rram, _rram), ("sram", scene.sram, _sram)):
        if memory is None:
            continue
        parts = PARTS[kind] if way.transposed else (*PARTS[kind], "accumulate")
        found |= {f"{kind}.{part}": scene.zeros() for part in parts}
        for f in scene.phase_count():
            lines = [line_of(way.density[f, index], scene.chip.dac_bits) for index in range(len(scene.facts.layers))]
            for p, pe in enumerate(memory.pes):
                vectors = float(way.vectors[f, pe.layer])
                if not vectors or bool(in_sram[f, p]) != (kind == "sram"):
                    continue
                open_ = 1.0 if way.open is None else float(way.open[f, pe.layer])
                for part, joules in one_vector(scene, memory, pe, lines[pe.layer], way, f).items():
                    found[f"{kind}.{part}"][f] += vectors * joules * (open_ if part in EVALUATED else 1.0)
    return found


def _rram(scene: Scene, memory: Memory, pe: Pe, line: Line, way: Way, f: int) -> dict[str, float]:
    """One vector through one analog PE: lines driven, cells conducting, every sensed line converted once a cycle."""
    chip, cell = scene.chip, memory.part.cell
    driven, sensed = pe.height, memory.columns(pe)
    across = chip.array.cols
    if way.transposed:  # columns driven, rows sensed; a weight's slices share a row and take passes of their own
        driven, sensed, across = memory.columns(pe), pe.height * memory.slices, chip.array.rows
    siemens = conductance_s(memory, pe, f + way.entry)
    replica = replicas_of(memory, chip.array.cols)
    if replica is not None:  # code 0 beside the columns of each converter; for errors, a pair of rows in the top slice
        pairs, pair_s = replica
        used = up(pe.width, max(1, memory.part.columns_per_adc // memory.per_weight))
        siemens += pair_s * (pe.width if way.transposed else used * pe.height)
        sensed += 2 if way.transposed else 2 * used
        across += 2 if way.transposed else 2 * pairs
    on_line = siemens * line.switches / sensed / line.cycles  # a mean sensed line in a mean cycle
    conversions = sensed * line.cycles
    found = {
        "driver": driven * line.switches * line_j(chip, across, chip.dac_bits),
        "cells": siemens * line.power * cell.read_voltage_v**2 * cell.read_time_s,
        "adc": conversions * conversion_j(memory.part.adc, memory.part.adc_bits, chip.supply_v, on_line),
        "shift_add": conversions * chip.shift_add.energy_j,
    }
    less = pe.width * chip.shift_add.energy_j if replica is not None else 0.0
    return found if way.transposed else found | {"accumulate": _joining(scene.chip, pe) + less}


def replicas_of(memory: Memory, cols: int) -> tuple[int, float] | None:
    """Return the pairs of replica columns of a PE, and the siemens of a pair in one row; None where it has none.

    One of the two cells of a row holds the top digit of 2^(b - 1), the other is lowest; one pair for each converter.
    """
    part, cell = memory.part, memory.part.cell
    if part.sign != "offset" or part.reference != "replica":
        return None
    bits = memory.weight_bits
    digit = 2 ** (bits - 1) // 2 ** (part.cell_bits * (memory.slices - 1))
    step = (cell.conductance_max_s - cell.conductance_min_s) / (memory.level_count - 1)
    pairs = up(cols // memory.per_weight, max(1, part.columns_per_adc // memory.per_weight))
    return pairs, 2 * cell.conductance_min_s + digit * step


def _sram(scene: Scene, memory: Memory, pe: Pe, line: Line, way: Way, _: int) -> dict[str, float]:
    """One vector through one digital PE: lines driven, one tree evaluated for each sensed line and cycle."""
    chip = scene.chip
    driven, sensed, inputs, across = pe.height, memory.columns(pe), pe.height, chip.array.cols
    if way.transposed:  # trees on the rows add up outputs, slice after slice
        driven, sensed, inputs, across = memory.columns(pe), pe.height * memory.slices, pe.width, chip.array.rows
    evaluations = sensed * line.cycles
    found = {
        "driver": driven * line.switches * line_j(chip, across, chip.dac_bits),
        "adder_tree": evaluations * tree_j(memory.part.adder_tree, inputs, chip.dac_bits),
        "shift_add": evaluations * chip.shift_add.energy_j,
    }
    return found if way.transposed else found | {"accumulate": _joining(chip, pe)}


def _joining(chip: Any, pe: Pe) -> float:
    """This PE's share of adding n row tiles up: n - 1 additions an output."""
    return float(pe.width * (pe.row_tiles - 1) / pe.row_tiles * chip.shift_add.energy_j)


def forward(scene: Scene, vectors: Array) -> Leaves:
    """Return joules of training vectors forward."""
    return passes(scene, Way(vectors, scene.facts.input_density), scene.place.in_sram)


def backward(scene: Scene, vectors: Array, *, scoring: bool = False) -> Leaves:
    """Return joules of error vectors back: through the arrays, a transposed copy, or the digital unit."""
    chip, facts = scene.chip, scene.facts
    if chip.input_gradient == "digital":
        return _digital(scene, vectors, scoring=scoring)
    if chip.input_gradient == "transposable":
        return passes(scene, Way(vectors, facts.error_density, transposed=True), scene.place.in_sram)
    vectors = vectors.copy()
    for index, layer in enumerate(facts.layers):  # a copy of N x D weights, read forward
        there, back = (
            scene.home.tiles(*sides) for sides in ((layer.outputs, layer.fan_in), (layer.fan_in, layer.outputs))
        )
        vectors[:, index] *= there / back
    return passes(scene, Way(vectors, facts.error_density), scene.place.in_sram)


def _digital(scene: Scene, vectors: Array, *, scoring: bool) -> Leaves:
    """All weights of a layer that errors pass are read out once a step (once for scoring), and multiplied."""
    chip, facts, found = scene.chip, scene.facts, {"mac": scene.zeros()}
    for f in scene.phase_count():
        for index, layer in enumerate(facts.layers):
            found["mac"][f] += vectors[f, index] * layer.weights * chip.mac.gradient_energy_j
        for p, pe in enumerate(scene.home.pes):
            times = (1.0 if scoring else float(facts.total["optimizer_steps"][f])) * (vectors[f, pe.layer] > 0)
            in_sram = bool(scene.place.in_sram[f, p])
            if scene.rram is not None:
                leaf = found.setdefault("read_out", scene.zeros())
                leaf[f] += times * (not in_sram) * whole_pe_j(scene, scene.rram, pe, f)
            if scene.sram is not None:
                leaf = found.setdefault("sram_read", scene.zeros())
                leaf[f] += times * in_sram * pe.weights * chip.weight_bits * chip.sram.cell.read_energy_j
    return found


def whole_pe_j(scene: Scene, memory: Memory, pe: Pe, entry: int) -> float:
    """Return joules of reading an RRAM PE row by row: every cell conducts once and is converted once."""
    chip, cell, siemens = scene.chip, memory.part.cell, conductance_s(memory, pe, entry)
    cells = memory.cells(pe)
    conversion = conversion_j(memory.part.adc, memory.part.adc_bits, chip.supply_v, siemens / cells)
    read = siemens * cell.read_voltage_v**2 * cell.read_time_s
    replica = replicas_of(memory, chip.array.cols)
    length = chip.array.cols + (0 if replica is None else 2 * replica[0])
    return float(read + cells * conversion + pe.height * line_j(chip, length))


def open_share(scene: Scene, memory: Memory) -> Array:
    """Return (F, L): share of column segments (the rows of one PE of one output) that no mask closes."""
    segments = [sum(pe.width for pe in memory.pes if pe.layer == i) for i in range(len(scene.facts.layers))]
    share: Array = 1 - scene.facts.count["closed_segments"] / segments
    return share
