"""Which memory of a chip wears out, and the distribution of its cells' lives, if it states one."""

from imcsim.chip.config import ChipConfig
from imcsim.chip.wear.first_failure import Endurance
from imcsim.core.errors import ConfigError
from imcsim.memory.macro import Macro


def worn_memory(chip: ChipConfig) -> Macro:
    """Return the memory that keeps its weights without power; ConfigError if the chip has none."""
    if chip.nonvolatile is None:
        raise ConfigError(f"'{chip.name}' has no RRAM, and SRAM cells do not wear: choose a chip with [rram]")
    return chip.nonvolatile


def weibull_of(macro: Macro) -> Endurance | None:
    """Return scale and shape of the cycles to failure; None if the memory only guarantees a number of cycles."""
    cell = macro.memory.endurance
    return None if cell.scale is None or cell.shape is None else Endurance(cell.scale, cell.shape)


def weibull_for(macro: Macro, what: str) -> Endurance:
    """Return scale and shape of the cycles to failure for ``what``, plural; ConfigError if the memory states none."""
    found = weibull_of(macro)
    if found is None:
        raise ConfigError(
            f"{what} need the distribution of the cycles to failure, and [{macro.site.at}] states guaranteed cycles "
            f"alone ({macro.memory.endurance.guaranteed_cycles:g})"
        )
    return found
