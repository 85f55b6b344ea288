"""From a chip and a workload to the items that the peers print: energy, time and area by component."""

from collections.abc import Mapping
from typing import Any

from imcsim.chip.config import ChipConfig, load_chip
from imcsim.chip.per_image import per_image
from imcsim.mapping.network_map import NetworkMap, map_network
from studies.peers.workloads import Workload

# NeuroSim's groups. Its "ADC" is all that happens while a column is sensed, word and bit lines included (SubArray.cpp,
# readDynamicEnergyADC); "accumulation" is shift-add and adder trees; the rest is "other".
ENERGY_GROUPS: dict[str, tuple[str, ...]] = {
    "energy_adc": (
        "rram.adc",
        "rram.cells",
        "rram.driver",
        "rram.clamp",
        "rram.control",
        "sram.product",
        "sram.adder_tree",
        "sram.driver",
        "sram.control",
    ),
    "energy_accumulation": ("rram.shift_add", "rram.accumulate", "sram.accumulator", "sram.accumulate"),
    "energy_other": ("activation", "buffer.read", "buffer.write", "link"),
}
AREA_GROUPS: dict[str, tuple[str, ...]] = {
    "area_array": ("cells",),
    "area_adc": ("adc", "product", "adder_tree"),
    "area_accumulation": ("shift_add", "accumulator"),
    "area_other": ("driver", "control", "buffer", "digital"),
}
AREA_NAMES = {name for names in AREA_GROUPS.values() for name in names}


def configured(chip: str, overrides: Mapping[str, Any]) -> ChipConfig:
    """Return a chip of content with ``overrides`` by dotted path."""
    return load_chip(chip, dict(overrides)).config


def figures(found: Workload, chip: ChipConfig) -> dict[str, float]:
    """Return item -> value in SI units of one image of ``found`` on ``chip``, parts and groups, PEs in use alone."""
    placed = map_network(found.layers, chip.geometry)
    cost = per_image(placed, chip, density=found.density, codes=found.codes)
    joules = cost.energy.flat()
    named = {name for names in ENERGY_GROUPS.values() for name in names}
    if unnamed := set(joules) - named:
        raise ValueError(f"energy parts without a group: {sorted(unnamed)}")
    energy = {group: sum(joules.get(name, 0.0) for name in names) for group, names in ENERGY_GROUPS.items()}
    return {
        **{f"part.{name}": value for name, value in joules.items()},
        **energy,
        "energy": cost.energy.total,
        "energy_leakage": leakage_w(placed, chip) * cost.interval_s,
        "time_interval": cost.interval_s,
        "time_image": cost.latency_s,
        "time_layer_by_layer": sum(spec.positions for spec in found.layers) * vector_s(chip),
        "conversions": float(sum(cost.conversions)),
        "pes": float(placed.pe_count),
        **_areas(placed, chip),
    }


def vector_s(chip: ChipConfig) -> float:
    """Seconds of one input vector through a PE, all phases."""
    return chip.home.memory.forward_time(chip.home.site, chip.input_bits).total_s


def leakage_w(placed: NetworkMap, chip: ChipConfig) -> float:
    """Watts of the buffer and, in an SRAM chip, of the cells of the PEs in use."""
    cells = placed.cells * chip.sram.cell.leakage_w if chip.sram is not None else 0.0
    return cells + chip.buffer.leakage_w


def _areas(placed: NetworkMap, chip: ChipConfig) -> dict[str, float]:
    pe = {name: piece.area_m2 for name, piece in chip.home.memory.area(chip.home.site).items()}
    parts = {name: area * placed.pe_count for name, area in pe.items()}
    parts |= {"buffer": chip.buffer.area_m2, "digital": chip.mac.area_m2}
    if unnamed := set(parts) - AREA_NAMES:
        raise ValueError(f"area parts without a group: {sorted(unnamed)}")
    groups = {group: sum(parts.get(name, 0.0) for name in names) for group, names in AREA_GROUPS.items()}
    return {**groups, "area": sum(parts.values())}
