"""What one macro does at full use: energy of a MAC, time, area, density; published macros are predicted by these.

The same functions charge a chip's memories in ``price``: this is a PE that is full of weights, one vector.
"""

import math
from dataclasses import dataclass

import numpy as np

from imcsim.core.errors import ConfigError
from imcsim.mapping.pe_grid import Ints, PeGrid
from imcsim.memory.macro import Macro
from imcsim.memory.memory import Numbers, activity


@dataclass(frozen=True)
class Figures:
    """One macro, full of weights.

    Parameters
    ----------
    mac_j
        Joules of one MAC by component, whole inputs and weights.
    vector_s
        Time of one whole input vector (s).
    macs
        MACs of one input vector.
    area_m2
        Area by component.
    leakage_w
        Leakage of its cells (W); 0 where none is known.
    bits
        Bits that its weights have.
    """

    mac_j: dict[str, float]
    vector_s: float
    macs: int
    area_m2: dict[str, float]
    leakage_w: float
    bits: int

    @property
    def energy_j(self) -> float:
        """Energy of one MAC (J)."""
        return math.fsum(self.mac_j.values())

    @property
    def tops_per_w(self) -> float:
        """Tera-operations a joule, two a MAC, at the bits of its inputs and weights."""
        return 2e-12 / self.energy_j

    @property
    def total_area_m2(self) -> float:
        """Area of the macro (m2)."""
        return math.fsum(self.area_m2.values())

    @property
    def tops_per_mm2(self) -> float:
        """Tera-operations a second on a square millimetre, two a MAC."""
        return 2e-12 * self.macs / self.vector_s / (self.total_area_m2 * 1e6)

    @property
    def mb_per_mm2(self) -> float:
        """Megabits (2^20) of weights on a square millimetre."""
        return self.bits / 2**20 / (self.total_area_m2 * 1e6)


@dataclass(frozen=True)
class FullPe:
    """The weights of one full PE whose cells stand at a mean level; as :class:`imcsim.memory.memory.Weights`."""

    grid: PeGrid
    level_sums: Numbers


def full_pe(macro: Macro, density: float) -> FullPe:
    """Return a PE of ``macro`` at whose every crossing a weight lies, with ``density`` of its cells' highest levels."""
    geometry = macro.geometry
    one: Ints = np.array([0])
    grid = PeGrid(geometry, one, one + geometry.weight_rows, one + geometry.weight_cols, np.array([1]), (slice(0, 1),))
    encoding = geometry.encoding
    words = encoding.cells_per_weight // encoding.slices  # of a differential pair, one cell holds the weight
    level = density * (encoding.level_count - 1) / words
    return FullPe(grid, np.repeat(grid.crossed[None] * level, 2, axis=0))


def figures(macro: Macro, *, input_bits: int, toggle: float = 0.5, density: float = 0.5) -> Figures:
    """Return what ``macro`` does with vectors of ``input_bits``.

    Parameters
    ----------
    toggle
        Share of input bits that are one.
    density
        Mean level of the cells that hold a weight, over the highest: for cells of one bit the share that hold a one.
        Of a differential pair one cell holds the weight, the other stands at the lowest level.

    Raises
    ------
    ConfigError
        For shares outside 0..1, or less than one input bit.
    """
    for name, share in (("toggle", toggle), ("density", density)):
        if not 0 <= share <= 1:  # nan fails, too
            raise ConfigError(f"{name} is a share from 0 to 1, got {share}")
    if input_bits < 1:
        raise ConfigError(f"input_bits must be >= 1, got {input_bits}")
    memory, site, weights = macro.memory, macro.site, full_pe(macro, density)
    busy = activity(np.full((1, 1, input_bits), float(toggle)), site.dac_bits)
    macs = int(weights.grid.weights[0])
    mac_j: dict[str, float] = {}
    for part in memory.forward(site, weights, busy):
        joules = float(np.sum(part.amount * np.asarray(part.each.value)))
        mac_j[part.name] = mac_j.get(part.name, 0.0) + joules / macs
    sheet = macro.sheet
    return Figures(
        mac_j=mac_j,
        vector_s=memory.forward_time(site, input_bits).total_s,
        macs=macs,
        area_m2={name: piece.area_m2 for name, piece in sheet.area.items()},
        leakage_w=0.0 if sheet.leakage is None else float(sheet.leakage.value) * site.cells,
        bits=macs * site.geometry.encoding.weight_bits,
    )
