"""Cycle time of a digital SRAM array: the longest path through its gates, from a weight to the accumulator."""

from imcsim.published.digital_sram import DigitalArray
from imcsim.published.units import Gates, PublishedUnits


def digital_cycle_parts_s(
    array: DigitalArray, units: PublishedUnits, *, delay_scale: float, pipelined: bool = False
) -> dict[str, float]:
    """Return seconds of the longest path of one cycle by part; their sum is the cycle.

    Parameters
    ----------
    delay_scale
        Delay of a gate relative to that of ``units.gates``.
    pipelined
        Whether a register stands between tree and accumulator: then only the slower of the two counts.

    Notes
    -----
    Tree of ripple-carry adders, log2 N levels (rounded up): in-to-sum through all levels but the last, in-to-carry,
    then the carry along the sum of b + log2 N bits (PyPI zigzag-dse 3.9.1 zigzag/hardware/architecture/imc_array.py,
    get_tclk). The accumulator is another ripple-carry adder as wide as the whole result. Its carry is taken to start
    when the tree has ended: the cited function lets the two overlap. Registers, wires, a read of the weights and a
    margin are not charged.
    """
    gates, inputs_depth = units.gates, (array.inputs - 1).bit_length()
    nand_s = gates.nand_delay_s * delay_scale
    parts = {
        "product": _product_nands(array, gates) * nand_s,
        "adders": _tree_nands(array.product_bits, inputs_depth, gates) * nand_s,
        "accumulator": 0.0,
    }
    if array.phases > 1:
        width = array.bits_in + array.bits_w + inputs_depth
        parts["accumulator"] = (gates.in_to_carry_nands + (width - 1) * gates.carry_nands) * nand_s
    if not pipelined:
        return parts
    before = {"product": parts["product"], "adders": parts["adders"]}
    return before if sum(before.values()) >= parts["accumulator"] else {"accumulator": parts["accumulator"]}


def _product_nands(array: DigitalArray, gates: Gates) -> float:
    if array.booth:
        return gates.selector_nands
    return 1.0 + (array.bits_per_cycle - 1) * gates.in_to_sum_nands  # products of several bits are joined one by one


def _tree_nands(bits: int, depth: int, gates: Gates) -> float:
    if depth == 0:
        return 0.0
    carries = max(0, bits + depth - 2)
    return (depth - 1) * gates.in_to_sum_nands + gates.in_to_carry_nands + carries * gates.carry_nands
