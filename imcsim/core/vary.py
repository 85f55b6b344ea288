"""A loaded configuration with some values changed, without reading its files again."""

from collections.abc import Mapping
from typing import Any, TypeVar

from imcsim.core.config import FrozenConfig, parse
from imcsim.core.errors import ConfigError, nearest
from imcsim.core.sources import Origin, Resolved

ConfigT = TypeVar("ConfigT", bound=FrozenConfig)


def vary(resolved: Resolved[ConfigT], overrides: Mapping[str, Any]) -> Resolved[ConfigT]:
    """Return ``resolved`` with ``overrides``, dotted path -> value, checked as when it is loaded.

    A value replaces a value; another file (a cell, a converter) is chosen where the configuration is loaded.

    Raises
    ------
    ConfigError
        If there is no such value, with the nearest one, or a rule is broken.
    """
    values = resolved.config.model_dump()
    origins = dict(resolved.origins)
    for path, value in overrides.items():
        if path not in origins:
            raise ConfigError(f"no value is called '{path}'{nearest(path, origins)}")
        *tables, last = path.split(".")
        table = values
        for name in tables:
            table = table[name]
        table[last] = value
        text = f"{path}={value}"
        origins[path] = Origin("override", text, f"override: {text}")
    return Resolved(parse(type(resolved.config), values, "a varied configuration"), origins)
