"""A chip as a caller gives it: loaded, or its name or file."""

from pathlib import Path
from typing import Any

from imcsim.chip.config import ChipConfig, load_chip
from imcsim.core.errors import ConfigError
from imcsim.core.sources import Resolved

Chip = Resolved[ChipConfig]
"""A loaded chip: its configuration and the origin of each value."""

ChipLike = Chip | str | Path


def given_chip(chip: Any) -> Chip:
    """Return the loaded chip; a name or a TOML file is loaded as it stands, without overrides.

    Raises
    ------
    ConfigError
        If it is neither.
    ContentError
        If there is no such chip.
    """
    if isinstance(chip, str | Path):
        return load_chip(str(chip))
    if isinstance(chip, Resolved) and isinstance(chip.config, ChipConfig):
        return chip
    raise ConfigError(
        f"a chip must be what imcsim.load('chip', NAME) returns, or its name or file, got {type(chip).__name__}"
    )
