"""The chip that levers act on: loaded by name, with what the levers change."""

from collections.abc import Mapping
from typing import Any

from imcsim.chip.config import ChipConfig, load_chip
from imcsim.chip.wear.worn import worn_memory
from imcsim.core.errors import ConfigError
from imcsim.core.sources import Resolved
from imcsim.life.options import LifeOptions


def changed_by(options: LifeOptions, chip: ChipConfig) -> dict[str, Any]:
    """Return the values of ``chip`` that levers change, by dotted path.

    Raises
    ------
    ConfigError
        If the chip has no memory that they act on.
    """
    changed: dict[str, Any] = {}
    if options.coalesce is not None:
        changed[f"{worn_memory(chip).site.at}.write_policy"] = options.coalesce
    if options.sram_cache_pes is not None:
        if chip.volatile is None:
            raise ConfigError(f"sram-cache needs SRAM PEs, and '{chip.name}' has no [sram]: choose a hybrid chip")
        changed |= {f"{chip.volatile.site.at}.pe_count": options.sram_cache_pes, "overflow": "rram"}
    return changed


def chip_for(name: str, options: LifeOptions, overrides: Mapping[str, Any] | None = None) -> Resolved[ChipConfig]:
    """Load chip ``name`` with ``overrides`` and then those of the levers.

    Raises
    ------
    ConfigError, ContentError
        As :func:`imcsim.chip.config.load_chip` and :func:`changed_by`.
    """
    plain = load_chip(name, overrides)
    changed = changed_by(options, plain.config)
    return load_chip(name, {**(overrides or {}), **changed}) if changed else plain
