"""What one conversion, one line, one evaluation of an adder tree and one bit of the buffer cost."""

import math
from typing import Any

from tests.oracle.tables import between, power_law


def conversion_j(adc: Any, bits: int, supply_v: float, column_s: float) -> float:
    """Return the energy of one conversion; ``column_s`` is the conductance of the column as it is read."""
    if adc.model == "macro-fit":
        return float((adc.macro_fit.linear_f * bits + adc.macro_fit.exponential_f * 4**bits) * supply_v**2)
    if adc.model == "survey":
        return between(bits, adc.survey.bits, adc.survey.energy_j)
    if adc.model == "table":
        return float(adc.table.energy_j[list(adc.table.bits).index(bits)])
    if adc.model in ("flash", "sense-amp"):
        return float(_comparisons(adc, bits)[0] * _comparator(adc).comparator_f * supply_v * supply_v)
    if adc.model == "integrating":
        fit = adc.integrating
        flips = sum(bin(k ^ (k + 1)).count("1") * (2**bits - 1 - k) for k in range(2**bits - 1)) / 2**bits
        joules = fit.bias_a * supply_v * conversion_s(adc, bits, 1)
        return float(joules + flips * fit.counter_bit_f * supply_v * supply_v)
    nodes = _sar_nodes(adc.neurosim, bits, column_s) if adc.model == "neurosim" else _mlsa_nodes(adc, bits, column_s)
    fit = adc.neurosim if adc.model == "neurosim" else adc.neurosim_mlsa
    return power_law(adc.feature_size_m, fit.feature_sizes_m, nodes)


def _comparator(adc: Any) -> Any:
    """Return the table of a converter that is made of comparators."""
    return adc.flash if adc.model == "flash" else adc.sense_amp


def _comparisons(adc: Any, bits: int) -> tuple[int, int, int]:
    """Return the comparisons of a conversion, those of them that wait for one another, and the comparators."""
    if adc.model == "flash" or adc.sense_amp.at_once:
        return 2**bits - 1, 1, 2**bits - 1
    return bits, bits, 1


def _sar_nodes(fit: Any, bits: int, column_s: float) -> list[float]:
    """Energy at each node of a SAR converter: power by bit, offset, and what the column's resistance draws."""
    found = []
    for i in range(len(fit.feature_sizes_m)):
        watts = fit.power_per_bit_w[i] * bits + fit.power_offset_w[i]
        watts += _resistive(fit.power_resistive_w[i], fit.resistive_slope[i], column_s)
        found.append(watts * (bits + 1) * fit.time_per_bit_s)
    return found


def _mlsa_nodes(adc: Any, bits: int, column_s: float) -> list[float]:
    """Energy at each node of a multilevel sense amplifier: power by reference, and what the column draws."""
    fit, found = adc.neurosim_mlsa, []
    for i in range(len(fit.feature_sizes_m)):
        watts = fit.power_per_reference_w[i] * (2**bits - 1)
        watts += _resistive(fit.power_resistive_w[i], fit.resistive_slope[i], column_s)
        found.append(watts * fit.time_s)
    return found


def _resistive(watts: float, slope: float, column_s: float) -> float:
    """P exp(-k log10 R) of a column; nothing where no cell conducts."""
    return watts * math.exp(-slope * math.log10(1 / column_s)) if column_s > 0 else 0.0


def conversion_s(adc: Any, bits: int, lines: int) -> float:
    """Return the time of one conversion behind ``lines`` driven lines."""
    if adc.model == "macro-fit":
        return float(bits * (adc.macro_fit.time_per_bit_and_row_s * lines + adc.macro_fit.time_per_bit_s))
    if adc.model == "survey":
        return float(1 / adc.survey.rate_hz)
    if adc.model == "table":
        return float(adc.table.time_s[list(adc.table.bits).index(bits)])
    if adc.model in ("flash", "sense-amp"):
        return float(_comparisons(adc, bits)[1] * _comparator(adc).compare_s)
    if adc.model == "integrating":
        stated = dict(zip(adc.integrating.stated_bits, adc.integrating.stated_times_s, strict=True))
        return float(stated[bits] if bits in stated else 2**bits * adc.integrating.step_s)
    return float((bits + 1) * adc.neurosim.time_per_bit_s if adc.model == "neurosim" else adc.neurosim_mlsa.time_s)


def converter_m2(adc: Any, bits: int) -> float:
    """Return the area of one converter; NeuroSim's two state none and take the macro fit's."""
    if adc.model == "table":
        return float(adc.table.area_m2[list(adc.table.bits).index(bits)])
    if adc.model in ("flash", "sense-amp"):
        return float(_comparisons(adc, bits)[2] * _comparator(adc).comparator_m2)
    if adc.model == "integrating":
        return float(adc.integrating.integrator_m2 + bits * adc.integrating.counter_bit_m2)
    if adc.model == "survey":
        fit, joules = adc.survey, between(bits, adc.survey.bits, adc.survey.energy_j)
        logarithm = fit.area_ln_offset_um2 + fit.area_ln_per_ln_nm * math.log(adc.feature_size_m / 1e-9)
        logarithm += fit.area_ln_per_ln_hz * math.log(fit.rate_hz) + fit.area_ln_per_ln_pj * math.log(joules / 1e-12)
        return math.exp(logarithm) * 1e-12
    return float(10 ** (adc.macro_fit.area_log10_slope * bits + adc.macro_fit.area_log10_offset_um2) * 2**bits * 1e-12)


def line_j(chip: Any, cells: int, bits: int = 1) -> float:
    """Return the energy of switching one line past ``cells`` cells; a digit of several bits needs a converter."""
    farad = cells * (chip.driver.wire_capacitance_per_cell_f + chip.driver.gate_capacitance_per_cell_f)
    if bits > 1:
        farad += chip.driver.dac_capacitance_per_bit_f * bits
    return float(farad * chip.supply_v**2)


def full_adders(inputs: int, bits: int, kind: str = "tree") -> int:
    """Return the full adders of a tree, N (b + 1) - (b + log2 N + 1), log2 rounded up; in a chain N whole sums."""
    if kind == "chain":
        return inputs * (bits + levels(inputs)) if inputs > 1 else 0
    return inputs * (bits + 1) - (bits + levels(inputs) + 1)


def levels(inputs: int) -> int:
    """Return the levels of a tree: how often its inputs are halved until one is left."""
    count = 0
    while inputs > 1:
        inputs, count = (inputs + 1) // 2, count + 1
    return count


def sum_j(tree: Any, inputs: int, at_once: int, weight_bits: int, cycles: tuple[int, int]) -> dict[str, float]:
    """Return the energy of summing ``inputs`` products, ``at_once`` at a time, by component.

    ``cycles``: bits of an input in a cycle, and cycles of an input; the accumulator holds the sum of all of them.
    """
    bits, count = cycles
    gates = adders = width = 0
    for start in range(0, inputs, at_once):
        of = min(at_once, inputs - start)
        gates += of * bits * weight_bits
        joined = weight_bits + bits if bits > 1 else weight_bits
        adders += full_adders(of, joined, tree.kind) + of * (bits - 1) * weight_bits
        width += weight_bits + bits * count + levels(at_once)
    adder_j = tree.full_adder_energy_j * tree.activity
    return {
        "product": gates * tree.product_energy_j * tree.activity,
        "adder_tree": adders * adder_j,
        "accumulator": width * (adder_j + tree.flip_flop_energy_j),
    }


def sum_s(chip: Any, inputs: int, weight_bits: int, vector_bits: int) -> float:
    """Return the time of all evaluations that share a tree: the longest path, not faster than the clock.

    Product gate (and adders that join several input bits), levels of the tree, the carry along the sum, and the carry
    along the accumulator, which a register may part from the tree.
    """
    part = chip.sram
    tree, bits, xor_s = part.adder_tree, chip.dac_bits, part.adder_tree.full_adder_delay_s / 2
    wide = weight_bits + bits if bits > 1 else weight_bits
    first_s = tree.product_delay_s + (bits - 1) * tree.full_adder_delay_s
    if inputs > 1:
        steps = inputs if tree.kind == "chain" else levels(inputs)
        first_s += (steps - 1) * 2 * xor_s + xor_s + (wide + levels(inputs) - 1) * tree.carry_delay_s
    second_s = xor_s + (weight_bits + vector_bits + levels(inputs)) * tree.carry_delay_s
    path_s = max(first_s, second_s) if tree.pipelined else first_s + second_s
    return float(part.weight_sets * part.weights_per_tree * max(path_s, 1 / chip.clock_hz))


def buffer_read_j(chip: Any) -> float:
    """Return the energy of reading one bit of a buffer of this size."""
    return power_law(chip.buffer.size_bytes, chip.buffer.table_bytes, chip.buffer.read_table_j)


def buffer_write_j(chip: Any) -> float:
    """Return the energy of writing one bit of a buffer of this size."""
    return power_law(chip.buffer.size_bytes, chip.buffer.table_bytes, chip.buffer.write_table_j)


def buffer_w(chip: Any) -> float:
    """Return the leakage of the whole buffer."""
    bits = 8 * int(chip.buffer.size_bytes)
    return power_law(chip.buffer.size_bytes, chip.buffer.table_bytes, chip.buffer.leakage_table_w) * bits


def buffer_m2(chip: Any) -> float:
    """Return the area of the whole buffer."""
    bits = 8 * int(chip.buffer.size_bytes)
    return power_law(chip.buffer.size_bytes, chip.buffer.table_bytes, chip.buffer.area_table_m2) * bits
