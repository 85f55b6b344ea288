"""What spare lines cost; how long they last is :mod:`imcsim.life.spares`."""

from dataclasses import dataclass

import numpy as np

from imcsim.chip.config import ChipConfig, RramPart
from imcsim.devices.programming import event_energies_j
from imcsim.life.options import LifeOptions


@dataclass(frozen=True)
class SpareCost:
    """What spare lines cost: cells' area (m2) over all RRAM PEs, and energy (J) of filling one spare line."""

    area_m2: float
    remap_j: float


def spare_cost(chip: ChipConfig, part: RramPart, options: LifeOptions) -> SpareCost:
    """Return the cost of spare lines: every cell of a spare is programmed once when it takes over.

    The area is that of the cells; converters, drivers and the remapping table of spares are not counted.
    """
    along = chip.array.rows if options.spare_columns else chip.array.cols
    cells = max(options.spare_columns, options.spare_rows) * along * part.pe_count
    energies = event_energies_j(part.cell, part.cell_bits, part.write_rule)
    mean_j = float(energies.sum() / np.count_nonzero(energies))
    return SpareCost(cells * part.cell.area_m2, along * mean_j)
