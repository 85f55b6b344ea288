"""Where PEs lie on the chip, and over how many hops the bits of a layer travel.

PEs in the order of the network (layer after layer, as :class:`~imcsim.chip.profile.PeGrid` numbers them) fill one
router after the other. All traffic is between a layer's PEs and the buffer, as :mod:`imcsim.chip.traffic` charges it.

- ``mesh``: routers on a grid as square as can be; the buffer stands beside the middle of its west side. A bit takes
  one hop to the grid and one for each router further on, row and column (X-Y routing: the Manhattan distance). The
  nearest routers are filled first, at equal distance the western and then the northern one, so that early layers,
  which have the most vectors, lie nearest.
- ``h-tree``: routers are the leaves of a binary tree with the buffer at its root (DNN+NeuroSim joins its tiles by an
  H-tree, too); every bit climbs or descends ceil(log2 routers) levels, a hop each, at least one.

A hybrid's SRAM PEs stand evenly beside its RRAM PEs: a PE that trains in SRAM is taken to lie at the router of its home
in RRAM. Shape letters: P PEs of the network, L mapped layers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig, FloorPlan

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Routers:
    """The routers of a chip in the order in which PEs fill them, arrays (routers,).

    Parameters
    ----------
    column, row
        Place on the grid of a mesh, from the north-west; on an H-tree, the leaf's number and 0.
    hops
        Hops between the buffer and the router's PEs.
    pitch_m
        Side of the square that holds a router's PEs (m): what one hop spans on a mesh.
    """

    column: Ints
    row: Ints
    hops: Ints
    pitch_m: float

    @property
    def count(self) -> int:
        """Routers."""
        return len(self.hops)


def routers(chip: ChipConfig, plan: FloorPlan) -> Routers:
    """Return the routers of ``chip`` under ``plan``: one for each ``pes_per_router`` of its homes."""
    count = max(1, -(-_homes(chip) // plan.pes_per_router))
    pitch_m = math.sqrt(_area_per_home_m2(chip) * plan.pes_per_router)
    if plan.topology == "h-tree":
        levels = max(1, (count - 1).bit_length())
        return Routers(np.arange(count), np.zeros(count, np.int64), np.full(count, levels), pitch_m)
    side = math.isqrt(count - 1) + 1
    row, column = np.divmod(np.arange(count), side)
    middle = (-(-count // side) - 1) // 2
    hops = 1 + column + np.abs(row - middle)
    order = np.lexsort((row, column, hops))
    return Routers(column[order], row[order], hops[order], pitch_m)


def pe_hops(chip: ChipConfig, pes: NDArray[np.integer]) -> Floats:
    """Return the hops between the buffer and each of ``pes`` (numbers from 0); the link's mean without a floor plan.

    PEs past the last (of a network that takes turns) are read in the last one.
    """
    plan = chip.floor_plan
    if plan is None:
        return np.full(len(pes), chip.link.hops)
    return np.asarray(routers(chip, plan).hops[router_of(chip, plan, pes)], dtype=np.float64)


def router_of(chip: ChipConfig, plan: FloorPlan, pes: NDArray[np.integer]) -> Ints:
    """Return the router that serves each of ``pes`` (numbers from 0), as places in the arrays of :class:`Routers`."""
    return np.asarray(np.minimum(pes, max(_homes(chip) - 1, 0)) // plan.pes_per_router, dtype=np.int64)


def layer_hops(chip: ChipConfig, layers: Sequence[NDArray[np.integer]]) -> Floats:
    """Return (L,) the mean over each layer's PEs, given their numbers, of hops to the buffer.

    A bit that several PEs take (an input for all outputs) is charged once, at the mean distance.
    """
    ends = np.cumsum([len(pes) for pes in layers])
    hops = pe_hops(chip, np.concatenate(list(layers)))
    return np.array([part.mean() if len(part) else 0.0 for part in np.split(hops, ends[:-1])])


def network_hops(chip: ChipConfig, slices: Sequence[slice], *, copy: int = 0) -> Floats:
    """Return (L,) hops of layers whose PEs are numbered through; ``copy`` 1 is a second copy, after the first."""
    count = slices[-1].stop if slices else 0
    return layer_hops(chip, [np.arange(span.start, span.stop) + copy * count for span in slices])


def _homes(chip: ChipConfig) -> int:
    """PEs in which weights rest."""
    return chip.home.memory.pe_count


def _area_per_home_m2(chip: ChipConfig) -> float:
    """Area of a PE of the home memory, and of its share of the PEs of the other one that stand beside it."""
    homes = max(chip.home.memory.pe_count, 1)
    return sum(
        macro.pe_area_m2 * (macro.memory.pe_count / homes if macro != chip.home else 1.0) for macro in chip.macros
    )
