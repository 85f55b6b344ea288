"""What wears when a chip learns: its cells' endurance, their encoding, and when it writes them."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.devices.worn_out import stuck_low_share
from imcsim.learn.wear.config import WearConfig
from imcsim.life.cycles import CellRates, by_cell
from imcsim.mapping.layer import LayerSpec


def wear_of_chip(chip: ChipConfig, **more: object) -> WearConfig:
    """Return what wears while ``chip`` learns; ``more`` sets further fields of :class:`WearConfig`.

    A chip with SRAM trains there and commits at a task's end; one without writes in place, at its write policy.
    PEs that train in RRAM for want of SRAM are taken as if SRAM held them.

    Raises
    ------
    ConfigError
        If the chip has no RRAM, does not commit at every task's end, or a field of ``more`` is wrong.
    """
    part, geometry = chip.rram, chip.rram_geometry
    if part is None or geometry is None:
        raise ConfigError(f"'{chip.name}' has no RRAM, and SRAM cells do not wear: choose a chip with [rram]")
    if chip.sram is not None and chip.commit != "task":
        raise ConfigError(f"cells that wear while learning need commit = 'task', and '{chip.name}' has '{chip.commit}'")
    cell = part.cell
    fields: dict[str, object] = {
        "encoding": geometry.encoding.name,
        "endurance_scale_cycles": cell.endurance_scale_cycles,
        "endurance_shape": cell.endurance_shape,
        "stuck_low_share": stuck_low_share(cell),
        "policy": part.write_policy if chip.sram is None else "commit",
    }
    return parse(WearConfig, fields | more, "wear")


def cycles_of_cells(
    rates: CellRates, layers: tuple[LayerSpec, ...], chip: ChipConfig
) -> Mapping[str, NDArray[np.float32]]:
    """Return layer -> (K, G, D, N) cycles per task of the cells that hold each weight, of a chip's rates by PE.

    Raises
    ------
    ConfigError
        If the chip has no RRAM.
    """
    geometry = chip.rram_geometry
    if geometry is None:
        raise ConfigError(f"'{chip.name}' has no RRAM, and SRAM cells do not wear: choose a chip with [rram]")
    return {spec.name: by_cell(rates.layers[spec.name], geometry, spec.matrix_shape) for spec in layers}
