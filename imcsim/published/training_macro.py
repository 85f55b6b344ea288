"""A published array as a memory of a chip: the energy of one MAC in both read directions, and of a write.

The one place where a chip that trains is built from imcsim's memories and charged by them. A figure counts a PE that is
full of weights, uniform over their codes, and input bits of which half are set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from imcsim.chip.config import ChipConfig, load_chip
from imcsim.core.sources import Resolved
from imcsim.devices.rram import RramCell
from imcsim.memory.figures import full_pe
from imcsim.memory.macro import Macro
from imcsim.memory.memory import Component, activity
from imcsim.published.training_facts import TrainingChip
from imcsim.published.training_prediction import Span
from imcsim.published.units import load_units

HALF = 0.5


@dataclass(frozen=True)
class ReadEnergy:
    """Joules of one MAC: of a forward read, and of one whose errors enter on the other side."""

    forward_j: float
    transposed_j: float


def base_chip(chip: TrainingChip, overrides: Mapping[str, Any] | None = None) -> Resolved[ChipConfig]:
    """Return the shipped chip that stands for ``chip``, with ``overrides``."""
    return load_chip(chip.fact("priced_as").text, dict(overrides or {}))


def read_energy(macro: Macro, input_bits: int) -> ReadEnergy:
    """Return what one MAC takes by the memory's own charges, vectors of ``input_bits``."""
    full = full_pe(macro, _mean_level(macro))
    busy = activity(np.full((1, 1, input_bits), HALF), macro.site.dac_bits)
    both = (
        macro.memory.forward(macro.site, full, busy),
        macro.memory.transposed(macro.site, full, busy),
    )
    macs = float(full.grid.weights[0])
    return ReadEnergy(*(sum(map(_joules, parts)) / macs for parts in both))


def _mean_level(macro: Macro) -> float:
    """Return the mean level over the highest of cells that hold a weight, codes uniform over their range."""
    encoding = macro.geometry.encoding
    words = encoding.cells_per_weight // encoding.slices
    return float(encoding.level_table.mean()) * words / (encoding.level_count - 1)


def write_energy_j(macro: Macro) -> float:
    """Return what one level change takes, the dearest where it depends on the levels."""
    return float(np.max(macro.memory.write_energy(macro.site).value))


def gate_factor(chip: Resolved[ChipConfig], feature_size_m: float, supply_v: float | None = None) -> float:
    """Return the energy of logic at a node and supply (None: the node's nominal one) over that on ``chip``."""
    units = load_units().config
    here = units.nodes.nominal_supply_v(feature_size_m) if supply_v is None else supply_v
    there = chip.config.feature_size_m, chip.config.supply_v
    return units.nodes.digital_factor(feature_size_m, here) / units.nodes.digital_factor(*there)


def stated_range(chip: Resolved[ChipConfig], path: str) -> Span:
    """Return the range that a chip's file states for a value, else the value twice."""
    found = chip.origin(path)
    value: Any = chip.config
    for name in path.split("."):
        value = getattr(value, name)
    return (
        float(value if found.low is None else found.low),
        float(value if found.high is None else found.high),
    )


@lru_cache(maxsize=64)
def rram_chip(name: str, cell: str, cell_bits: int) -> Resolved[ChipConfig]:
    """Return chip ``name`` with another RRAM cell, every level change charged with its verify reads."""
    return load_chip(name, {"rram.cell": cell, "rram.cell_bits": cell_bits, "rram.write_rule": "flat"})


def rram_cells(chip: TrainingChip) -> tuple[tuple[str, int, RramCell, Macro], ...]:
    """Return (name, bits, cell, memory) of each RRAM cell that stands for ``chip``, at all bits that it can hold."""
    found = []
    for name in chip.fact("rram_cells").text.split():
        first = rram_chip(chip.fact("priced_as").text, name, 1).config.rram
        for bits in range(1, 1 + min(4, 0 if first is None else len(first.cell.pulses_mean))):
            config = rram_chip(chip.fact("priced_as").text, name, bits).config
            if config.rram is not None:
                found.append((name, bits, config.rram.cell, config.home))
    return tuple(found)


def _joules(part: Component) -> float:
    return float(np.sum(part.amount * np.asarray(part.each.value)))
