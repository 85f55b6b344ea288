"""The chip that levers act on: loaded by name, with what the levers change."""

from collections.abc import Mapping
from typing import Any

from imcsim.chip.config import ChipConfig, load_chip
from imcsim.core.errors import ConfigError
from imcsim.core.sources import Resolved
from imcsim.life.options import LifeOptions


def chip_for(name: str, options: LifeOptions, overrides: Mapping[str, Any] | None = None) -> Resolved[ChipConfig]:
    """Load chip ``name`` with ``overrides`` and then those of the levers.

    Raises
    ------
    ConfigError, ContentError
        As :func:`imcsim.chip.config.load_chip`, and if a write-back cache is asked of a chip without SRAM.
    """
    given = dict(overrides or {})
    if options.sram_cache_pes is not None and load_chip(name, given).config.sram is None:
        raise ConfigError(f"sram-cache needs SRAM PEs, and '{name}' has no [sram]: choose a hybrid chip")
    return load_chip(name, {**given, **options.overrides})
