"""Mapping rules by name: a rule is a pure function from a weight matrix's shape and a PE to tiles.

A new rule is one file in ``imcsim/mapping/rules`` with one decorator; test it with
:func:`imcsim.testing.check_mapping`.
"""

import importlib
import pkgutil
from collections.abc import Callable

from imcsim.core.errors import ContentError
from imcsim.core.registry import Registry
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.tile import MatrixShape, Tile

MappingRule = Callable[[MatrixShape, PeGeometry], tuple[Tile, ...]]


def _import_all() -> None:
    package = importlib.import_module("imcsim.mapping.rules")
    for module in pkgutil.iter_modules(package.__path__):
        try:
            importlib.import_module(f"{package.__name__}.{module.name}")
        except Exception as error:
            raise ContentError(
                f"mapping rule file '{module.name}' cannot be imported: {type(error).__name__}: {error}"
            ) from error


MAPPING_RULES: Registry[MappingRule] = Registry("mapping rule", _import_all)
mapping_rule = MAPPING_RULES.register
