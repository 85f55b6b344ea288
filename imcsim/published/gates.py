"""A published digital SRAM array as the memory sort ``digital-sram``."""

from imcsim.memory.digital_sram import DigitalSram
from imcsim.periphery.digital import AdderTree
from imcsim.published.facts import Facts, OutOfScope
from imcsim.published.points import PublishedPoint
from imcsim.published.shape import Shape, is_booth
from imcsim.published.units import PublishedUnits

_KINDS = ("tree", "chain", "approximate")
_SELECTOR_ENERGY, _SELECTOR_AREA = 3.5, 4.4  # of a bit of a radix-4 selector, in NANDs: two NAND and one XOR
_APPROXIMATE = 0.6  # share of the full adders of an exact tree


def gate_memory(
    point: PublishedPoint, shape: Shape, node_m: float, supply_v: float, facts: Facts, units: PublishedUnits
) -> DigitalSram:
    """Return the memory, its gates scaled to the node and supply."""
    if shape.weight_bits != int(shape.weight_bits):
        raise OutOfScope(f"bits_w = {shape.weight_bits:g} is no whole number of bits")
    kind = facts.word("adder_kind", point.adder_kind if point.adder_kind in _KINDS else "", "tree", ("chain",), "")
    activity, in_cell = _activity(point, kind, facts, units), kind == "chain" and point.cell_area_m2 is not None
    booth = is_booth(point)
    tree = _scaled(kind, node_m, supply_v, activity, units, booth=booth, in_cell=in_cell)
    shipped = units.sram_cell
    area_f2 = shipped.area_f2 if point.cell_area_m2 is None else point.cell_area_m2 / node_m**2
    weights = max(1, shape.array_cols // int(shape.weight_bits))
    return DigitalSram(
        pe_count=1,
        cell=shipped.model_copy(update={"feature_size_m": node_m, "area_f2": area_f2}),
        cell_bits=1,
        sign="offset",
        control_share=units.assumed.control_share,
        adder_tree=tree,
        weight_sets=-(-shape.array_rows // shape.rows),
        weights_per_tree=max(1, round(weights / shape.outputs)),
        write_policy="step",
    )


def _activity(point: PublishedPoint, kind: str, facts: Facts, units: PublishedUnits) -> float:
    if point.activity is not None:
        return point.activity
    usual = units.assumed.chain_activity if kind == "chain" else units.assumed.tree_activity
    others = (usual / 1.8, min(1.0, usual * 1.8))
    return facts.number("adder_activity", None, usual, others, "toggle rate and weight density are not stated")


def _scaled(
    kind: str, node_m: float, supply_v: float, activity: float, units: PublishedUnits, *, booth: bool, in_cell: bool
) -> AdderTree:
    energy, area = units.gate_scale(node_m, supply_v), units.area_scale(node_m)
    delay = units.delay_scale(node_m, supply_v)
    shipped, fewer = units.adder_tree, _APPROXIMATE if kind == "approximate" else 1.0
    return shipped.model_copy(
        update={
            "kind": "chain" if kind == "chain" else "tree",
            "activity": activity,
            "pipelined": True,
            "full_adder_energy_j": shipped.full_adder_energy_j * energy * fewer,
            "product_energy_j": shipped.product_energy_j * energy * (_SELECTOR_ENERGY if booth else 1.0),
            "flip_flop_energy_j": shipped.flip_flop_energy_j * energy,
            "full_adder_area_m2": 0.0 if in_cell else shipped.full_adder_area_m2 * area * fewer,
            "product_area_m2": shipped.product_area_m2 * area * (_SELECTOR_AREA if booth else 1.0),
            "flip_flop_area_m2": shipped.flip_flop_area_m2 * area,
            "full_adder_delay_s": shipped.full_adder_delay_s * delay,
            "carry_delay_s": shipped.carry_delay_s * delay,
            "product_delay_s": shipped.product_delay_s * delay,
        }
    )
