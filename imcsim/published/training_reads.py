"""Energy of chips that train: a MAC of an array, both read directions, a processor's MAC, training over inference.

Each function asks a chip for the facts that it needs and yields nothing where they are not stated.
"""

from collections.abc import Iterator
from functools import partial

from imcsim.published.training_facts import TrainingChip
from imcsim.published.training_macro import base_chip, gate_factor, read_energy, stated_range, write_energy_j
from imcsim.published.training_prediction import Prediction, assumed, over

OPS_PER_MAC = 2.0
_FORMATS = {"int8": "mac.vector_energy_j", "fp16": "mac.gradient_energy_j", "fp32": "mac.update_energy_j"}
_TINY_V = 1e-9  # of a read voltage: the cells of an array take nothing, its converters and drivers are left


def array_macs(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield the energy of one MAC of a digital array in both read directions, at each point whose bits are stated."""
    names = ("input_bits", "weight_bits", "summed_lines", "activity")
    if not chip.has("priced_as", "node", "array_cols"):
        return
    for point in chip.points("efficiency"):
        if not chip.has(*names, point=point):
            continue
        fact, spans = chip.fact("efficiency", point), {name: chip.span(name, point) for name in names}
        for direction in ("forward", "transposed"):
            stated = fact if direction == "forward" else None
            yield Prediction(
                chip.chip_id, f"energy of a MAC, {direction} read ({point})", "J",
                *over(partial(_array_mac_j, chip, point, direction), spans),
                None if stated is None else OPS_PER_MAC / stated.low,
                "a full PE's read, logic at its node and supply; circuits beside the arrays are not in it", stated,
                assumed(chip, *names, point=point),
            )  # fmt: skip


def _array_mac_j(
    chip: TrainingChip, point: str, direction: str, *,
    input_bits: float, weight_bits: float, summed_lines: float, activity: float,
) -> float:  # fmt: skip
    """Joules of a MAC; a supply that its point does not state is the fastest one."""
    supply_v = chip.value("supply", point if chip.has("supply", point=point) else "fast")
    sets = {
        "array.rows": int(summed_lines), "array.cols": int(chip.value("array_cols")), "weight_bits": int(weight_bits),
        "sram.adder_tree.activity": activity,
    }  # fmt: skip
    one = base_chip(chip, sets)
    found = read_energy(one.config.home, int(input_bits))
    joules = found.forward_j if direction == "forward" else found.transposed_j
    return joules * gate_factor(one, chip.value("node"), supply_v)


def read_directions(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield the energy of a MAC read backward over one read forward, converters and drivers alone."""
    forward = [point for point in chip.points("efficiency") if point.startswith("forward")]
    if not forward or not chip.has("priced_as") or not chip.has("summed_lines", point="backward"):
        return
    back = chip.fact("efficiency", "backward")
    for point in forward:
        fact = chip.fact("efficiency", point)
        bits = int(chip.value("weight_bits", point)) if chip.has("weight_bits", point=point) else 2
        lines = int(chip.value("summed_lines", "forward"))

        def ratio(summed_lines: float, bits: int = bits, lines: int = lines) -> float:
            return _directions(chip, lines, int(summed_lines), bits)

        spans = {"summed_lines": chip.span("summed_lines", "backward")}
        yield Prediction(
            chip.chip_id, f"backward over forward energy of a MAC ({point})", "", *over(ratio, spans),
            fact.low / back.low, "conversions, drivers and shift-adds of both reads, lines summed at once as stated",
            back, assumed(chip, "summed_lines", point="backward"),
        )  # fmt: skip


def processor_macs(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield the energy of one MAC of a processor: the arithmetic of imcsim's digital unit at its node."""
    for point, path in _FORMATS.items():
        if not chip.has("priced_as", "node") or (("efficiency", point) not in chip.facts):
            continue
        fact, one = chip.fact("efficiency", point), base_chip(chip)
        factor = gate_factor(one, chip.value("node"))
        low, high = stated_range(one, path)
        yield Prediction(
            chip.chip_id, f"energy of a MAC ({point})", "J", low * factor, high * factor, OPS_PER_MAC / fact.low,
            "arithmetic alone; fetching instructions and operands, which a processor pays, is not in it", fact,
            ("supply",),
        )  # fmt: skip


def digital_macs(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield the energy of one MAC of a digital chip whose weights come from RRAM beside it."""
    names = ("macs_per_weight", "weight_bits", "supply", "read_energy_per_bit")
    if not chip.has("priced_as", "node", "energy_efficiency", *names):
        return
    fact, one = chip.fact("energy_efficiency"), base_chip(chip)
    spans = {name: chip.span(name) for name in names} | {"mac_j": stated_range(one, "mac.vector_energy_j")}

    def joules(
        macs_per_weight: float, weight_bits: float, supply: float, read_energy_per_bit: float, mac_j: float
    ) -> float:
        arithmetic_j = (
            mac_j * gate_factor(one, chip.value("node"), supply) * (weight_bits / one.config.weight_bits) ** 2
        )
        return arithmetic_j + read_energy_per_bit * weight_bits / macs_per_weight

    yield Prediction(
        chip.chip_id, "energy of a MAC", "J", *over(joules, spans), OPS_PER_MAC / fact.low,
        "a MAC of the digital unit (with the square of its bits), and reading a weight once for its MACs", fact,
        assumed(chip, *names),
    )  # fmt: skip


def training_overhead(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield training over inference energy of a linear classifier trained by SGD on the chip."""
    names = ("violating_share", "batch", "gradient_energy")
    if not chip.has("priced_as", "node", "energy_per_decision", "efficiency", "training_overhead_max", *names):
        return
    fact, one = chip.fact("training_overhead_max"), base_chip(chip)
    factor = gate_factor(one, chip.value("node"))
    decision_j, macs = chip.value("energy_per_decision"), decision_macs(chip)
    bit_j, bits = write_energy_j(one.config.home) * factor, one.config.weight_bits

    def ratio(violating_share: float, batch: float, gradient_energy: float) -> float:
        return 1 + (violating_share * macs * gradient_energy * factor + macs * bits * bit_j / batch) / decision_j

    yield Prediction(
        chip.chip_id, "training over inference energy of a sample", "", *over(ratio, {n: chip.span(n) for n in names}),
        1 + fact.low, "a gradient MAC for each weight of a sample in the margin, all bits written once a batch", fact,
        assumed(chip, *names),
    )  # fmt: skip
    yield Prediction(
        chip.chip_id,
        "MACs of a decision",
        "",
        macs,
        macs,
        None,
        "energy of a decision x operations a joule, 1 OP a MAC",
    )


def decision_macs(chip: TrainingChip) -> float:
    """Return the MACs of one decision: its energy over that of an operation, one operation a MAC."""
    return chip.value("energy_per_decision") * chip.value("efficiency")


def power_ratio(chip: TrainingChip) -> Iterator[Prediction]:
    """Yield the power at the fastest over that at the slowest operating point, by logic's V^2 f."""
    ends = ("slow", "fast")
    if not all(chip.has("power", "clock", "supply", point=end) for end in ends) or not chip.has("priced_as", "node"):
        return
    one = base_chip(chip)
    slow, fast = (
        gate_factor(one, chip.value("node"), chip.value("supply", end)) * chip.value("clock", end) for end in ends
    )
    measured = chip.value("power", "fast") / chip.value("power", "slow")
    yield Prediction(
        chip.chip_id, "power, fast over slow", "", fast / slow, fast / slow, measured,
        "logic switching at both clocks and supplies, the same work", chip.fact("power", "fast"),
    )  # fmt: skip


def _directions(chip: TrainingChip, forward: int, backward: int, bits: int) -> float:
    """Backward over forward energy of a MAC, ``forward`` and ``backward`` lines summed at once.

    Each direction is read on an array of its own whose lines are those that it sums; cells of one bit, an offset code
    without replicas, the same converter both ways.
    """
    sets = {
        "weight_bits": bits, "rram.cell_bits": 1, "rram.sign": "offset", "rram.cell.read_voltage_v": _TINY_V,
        "rram.transposed_adc_bits": 0, "rram.clamp_current_a": 0.0, "rram.reference": "ideal",
    }  # fmt: skip
    there = base_chip(chip, {**sets, "array.rows": forward, "array.cols": forward * bits}).config
    back = base_chip(chip, {**sets, "array.rows": backward, "array.cols": backward * bits}).config
    return read_energy(back.home, back.error_bits).transposed_j / read_energy(there.home, there.input_bits).forward_j
