"""Energy of reading PEs: vectors forward, errors back, weights read whole.

Shape letters: F placement phases, P PEs of the network, L mapped layers, b bits.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

from tests.oracle.cells import Memory, Pe, up
from tests.oracle.facts import Array
from tests.oracle.lines import lines, replicas_of
from tests.oracle.periphery import conversion_j, conversion_s, line_j, sum_j
from tests.oracle.scene import Leaves, Scene


@dataclass(frozen=True)
class Line:
    """One input line for one vector: how often it switches, its digits (of the largest), read cycles."""

    switches: float
    digits: float
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
    switches = digits = 0.0
    cycles = [ones[start : start + dac_bits] for start in range(0, len(ones), dac_bits)]
    for bits in cycles:
        most = 2 ** len(bits) - 1
        for drawn in product((0, 1), repeat=len(bits)):  # every digit that can come, and its chance
            chance, digit = 1.0, 0
            for place, (bit, one) in enumerate(zip(drawn, bits, strict=True)):
                chance *= one if bit else 1 - one
                digit += bit * 2**place
            switches += chance * (digit > 0)
            digits += chance * digit / most
    return Line(float(switches), float(digits), len(cycles))


def conductance_s(memory: Memory, pe: Pe, entry: int) -> float:
    """Return the conductance of all cells of a PE together, with entry ``entry`` of the codes in them."""
    cell = memory.part.cell
    step = (cell.conductance_max_s - cell.conductance_min_s) / (memory.level_count - 1)
    raised = int(pe.of(memory.levels[pe.layer][entry]).sum())
    return float(memory.cells(pe) * cell.conductance_min_s + raised * step)


PARTS = {
    "rram": ("driver", "cells", "adc", "shift_add"),
    "sram": ("driver", "product", "adder_tree", "accumulator"),
}
EVALUATED = ("adc", "clamp", "shift_add", "product", "adder_tree", "accumulator")
"""What works for each column segment, and rests where a mask closes it."""


def passes(scene: Scene, way: Way, in_sram: Array) -> Leaves:
    """Return joules of ``way`` by memory and component, each PE read in the memory in which it stands."""
    found: Leaves = {}
    for kind, memory, one_vector in (("rram", scene.rram, _rram), ("sram", scene.sram, _sram)):
        if memory is None:
            continue
        parts = PARTS[kind] if way.transposed else (*PARTS[kind], "accumulate")
        found |= {f"{kind}.{part}": scene.zeros() for part in parts}
        if kind == "rram" and _clamped(memory.part):
            found["rram.clamp"] = scene.zeros()
        if memory.part.control_share:
            found[f"{kind}.control"] = scene.zeros()
        for f in scene.phase_count():
            lines = [line_of(way.density[f, index], scene.chip.dac_bits) for index in range(len(scene.facts.layers))]
            for p, pe in enumerate(memory.pes):
                vectors = float(way.vectors[f, pe.layer])
                if not vectors or bool(in_sram[f, p]) != (kind == "sram"):
                    continue
                open_ = 1.0 if way.open is None else float(way.open[f, pe.layer])
                for part, joules in one_vector(scene, memory, pe, lines[pe.layer], way, f).items():
                    spent = vectors * joules * (open_ if part in EVALUATED else 1.0)
                    found[f"{kind}.{part}"][f] += spent
                    if memory.part.control_share:
                        found[f"{kind}.control"][f] += spent * memory.part.control_share
    return found


def _rram(scene: Scene, memory: Memory, pe: Pe, line: Line, way: Way, f: int) -> dict[str, float]:
    """One vector through one analog PE: lines driven, cells conducting, every sensed line converted once a cycle."""
    chip, part = scene.chip, memory.part
    if way.transposed:  # columns driven, rows sensed; a weight's slices share a row and take passes of their own
        driven, conversions, across, past = (
            memory.columns(pe),
            pe.height * memory.slices,
            chip.array.rows,
            chip.array.cols,
        )
    else:  # in turn, open_rows rows at a time, each pass converts every line
        passes = up(pe.height, part.open_rows) if part.open_rows else 1
        driven, conversions, across = pe.height, lines(memory, pe.width) * passes, chip.array.cols
        past = _summed(chip, part)
    bits = (part.transposed_adc_bits if way.transposed else 0) or part.adc_bits
    siemens = conductance_s(memory, pe, f + way.entry)
    replica = replicas_of(memory, chip.array.cols)
    if replica is not None:  # code 0 beside the columns of each converter; for errors, a pair of rows in the top slice
        siemens += replica.siemens * (pe.width if way.transposed else replica.used(pe.width) * pe.height)
        conversions += 2 if way.transposed else 2 * replica.used(pe.width) * passes
        across += 2 if way.transposed else 2 * replica.pairs
    on_line = siemens * line.switches / conversions / line.cycles  # a mean sensed line in a mean cycle
    conversions *= line.cycles
    found = {
        "driver": driven * line.switches * line_j(chip, across, chip.dac_bits),
        "cells": sensing_j(chip, part, siemens, line, bits, past)
        if part.sensing != "dc-free"
        else charging_j(scene, memory, pe, line.cycles, transposed=way.transposed),
        "adc": conversions * conversion_j(part.adc, bits, chip.supply_v, on_line),
        "shift_add": conversions * chip.shift_add.energy_j,
    }
    if _clamped(part):  # each sensed line's clamp draws its own current while the line settles and is converted
        seconds = part.cell.read_time_s + conversion_s(part.adc, bits, past)
        found["clamp"] = conversions * part.clamp_current_a * chip.supply_v * seconds
    less = pe.width * chip.shift_add.energy_j if replica is not None else 0.0
    return found if way.transposed else found | {"accumulate": _joining(scene.chip, pe) + less}


def _summed(chip: Any, part: Any) -> int:
    return int(min(chip.array.rows, part.open_rows or chip.array.rows))


def _clamped(part: Any) -> bool:
    return bool(getattr(part, "clamp_current_a", 0.0)) and part.sensing == "current-clamp"


def sensing_j(chip: Any, part: Any, siemens: float, line: Line, bits: int, length: int) -> float:
    """Return what the cells take: each conducts while its line settles and is converted, in every cycle.

    A clamp holds the line at the read voltage, so that the supply gives the current. A line that floats takes what
    flows between driven rows and those that are not: with a share p of rows driven, p (1 - p) of the conductance.
    """
    volt, comparators = part.cell.read_voltage_v, 1
    seconds = part.cell.read_time_s + conversion_s(part.adc, bits, length)
    if part.sensing == "voltage":
        share = line.digits / line.cycles
        return float(siemens * line.cycles * share * (1 - share) * volt**2 * seconds)
    if part.adc.model == "flash" or (
        part.adc.model == "sense-amp" and part.adc.sense_amp.at_once
    ):  # one copy of the column's current for each comparator
        comparators = 2**bits - 1
    return float(siemens * line.digits * volt * chip.supply_v * seconds * comparators)


def charging_j(scene: Scene, memory: Memory, pe: Pe, cycles: int, *, transposed: bool) -> float:
    """Return what lines that are charged, and cut off from the supply, take of it: each past all cells it crosses.

    Replica columns are lines of one column; replica rows, there for errors, lengthen columns, replica columns rows.
    """
    chip, part = scene.chip, memory.part
    replica = replicas_of(memory, chip.array.cols)
    if transposed:
        charged, length = pe.height * memory.slices, chip.array.cols
        if replica is not None:
            charged, length = charged + 2, length + 2 * replica.pairs
    else:
        columns = part.joined_columns * (2 if part.sign == "differential" and part.pair == "subtracted" else 1)
        charged, length = lines(memory, pe.width) * columns, chip.array.rows
        if replica is not None:
            charged += 2 * replica.used(pe.width)
            length += 2 if chip.input_gradient == "transposable" else 0
        charged *= up(pe.height, part.open_rows) if part.open_rows else 1
    farad = length * chip.driver.wire_capacitance_per_cell_f
    return float(charged * cycles * farad * part.cell.read_voltage_v * chip.supply_v)


def _sram(scene: Scene, memory: Memory, pe: Pe, line: Line, way: Way, _: int) -> dict[str, float]:
    """One vector through one digital PE: lines driven, one tree evaluated for each output and cycle."""
    chip, part = scene.chip, memory.part
    signs = memory.per_weight // memory.slices
    trees, inputs, at_once = pe.width * signs, pe.height, up(chip.array.rows, part.weight_sets)
    driven, across = pe.height, chip.array.cols
    if way.transposed:  # trees on the rows add up outputs
        trees, inputs, at_once = pe.height, pe.width * signs, memory.outs_per_pe * signs
        driven, across = memory.columns(pe), chip.array.rows
    found = {"driver": driven * line.switches * line_j(chip, across, chip.dac_bits)}
    for name, joules in sum_j(part.adder_tree, inputs, at_once, memory.slices, (chip.dac_bits, line.cycles)).items():
        found[name] = trees * line.cycles * joules
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
                leaf[f] += times * in_sram * sram_pe_j(scene, pe)
    return found


def whole_pe_j(scene: Scene, memory: Memory, pe: Pe, entry: int) -> float:
    """Return joules of reading an RRAM PE row by row: every cell conducts once, every line of a row is converted."""
    chip, part, siemens = scene.chip, memory.part, conductance_s(memory, pe, entry)
    conversions = pe.height * lines(memory, pe.width)
    conversion = conversion_j(part.adc, part.adc_bits, chip.supply_v, siemens / conversions)
    read = sensing_j(chip, part, siemens, Line(1.0, 1.0, 1), part.adc_bits, _summed(chip, part))
    replica = replicas_of(memory, chip.array.cols)
    length = chip.array.cols + (0 if replica is None else 2 * replica.pairs)
    joules = read + conversions * conversion + pe.height * line_j(chip, length)
    return float(joules * (1 + part.control_share))


def sram_pe_j(scene: Scene, pe: Pe) -> float:
    """Return joules of reading the weights of an SRAM PE through its port."""
    part, bits = scene.chip.sram, pe.weights * scene.chip.weight_bits
    return float(bits * part.cell.read_energy_j * (1 + part.control_share))


def open_share(scene: Scene, memory: Memory) -> Array:
    """Return (F, L): share of column segments (the rows of one PE of one output) that no mask closes."""
    segments = [sum(pe.width for pe in memory.pes if pe.layer == i) for i in range(len(scene.facts.layers))]
    share: Array = 1 - scene.facts.count["closed_segments"] / segments
    return share
