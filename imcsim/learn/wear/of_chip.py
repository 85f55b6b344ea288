"""What wears when a chip learns: its cells' endurance, their encoding, and when it writes them."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.layout import GridLayout
from imcsim.chip.wear.worn import weibull_for, worn_memory
from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.learn.wear.config import WearConfig
from imcsim.life.cycles import CellRates
from imcsim.mapping.layer import LayerSpec


def wear_of_chip(chip: ChipConfig, **more: object) -> WearConfig:
    """Return what wears while ``chip`` learns; ``more`` sets further fields of :class:`WearConfig`.

    A chip with SRAM (a memory that loses its weights without power) trains there and commits at a task's end; one
    without writes in place, at its write policy. PEs that train in RRAM for want of SRAM are taken as if it held them.

    Raises
    ------
    ConfigError
        If the chip has no memory that wears or states no distribution of its cells' lives, does not commit at every
        task's end, or a field of ``more`` is wrong.
    """
    macro = worn_memory(chip)
    if chip.volatile is not None and chip.commit != "task":
        raise ConfigError(f"cells that wear while learning need commit = 'task', and '{chip.name}' has '{chip.commit}'")
    endurance = weibull_for(macro, "cells that wear while learning")
    fields: dict[str, object] = {
        "encoding": macro.geometry.encoding.name,
        "endurance_scale_cycles": endurance.scale,
        "endurance_shape": endurance.shape,
        "stuck_low_share": macro.memory.ageing.stuck_low_share,
        "policy": macro.memory.write_policy if chip.volatile is None else "commit",
    }
    return parse(WearConfig, fields | more, "wear")


def cycles_of_cells(
    rates: CellRates, layers: tuple[LayerSpec, ...], chip: ChipConfig
) -> Mapping[str, NDArray[np.float32]]:
    """Return layer -> (K, G, D, N) cycles per task of the cells that hold each weight, of a chip's rates by PE.

    Raises
    ------
    ConfigError
        If the chip has no memory that wears.
    """
    layout = rates.layout or GridLayout(layers, worn_memory(chip).geometry)
    return {spec.name: layout.from_arrays(rates.layers[spec.name], layer) for layer, spec in enumerate(layers)}
