"""Which values of a configuration a price follows from: found by changing one after the other, not by asking it."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from imcsim.core.charge import Price
from imcsim.core.config import FrozenConfig, parse
from imcsim.core.errors import ConfigError
from imcsim.core.sources import leaves

ConfigT = TypeVar("ConfigT", bound=FrozenConfig)


def changed(value: Any) -> Any:
    """Return a number that is about 1 % more, or a tuple of such, or the other truth; None for what is none of them."""
    if isinstance(value, tuple):
        return tuple(changed(each) for each in value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + max(1, value // 100)
    return (value * 1.01 or 1e-15) if isinstance(value, float) else None


def values_that_enter(config: ConfigT, priced: Callable[[ConfigT], Price]) -> set[str]:
    """Return the paths of the numbers of ``config`` that ``priced`` changes with, or that it cannot be had without."""
    before, found = np.asarray(priced(config).value), set()
    for path, value in leaves(config.model_dump()):
        if changed(value) is None:
            continue
        data = config.model_dump()
        *tables, key = path.split(".")
        table = data
        for name in tables:
            table = table[name]
        table[key] = changed(value)
        try:
            same = np.allclose(np.asarray(priced(parse(type(config), data, path)).value), before, rtol=1e-9, atol=0)
        except ConfigError:
            same = False
        if not same:
            found.add(path)
    return found
