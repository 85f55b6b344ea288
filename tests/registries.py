"""Registries as they were: what a test registers must not meet the next one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from imcsim.chip.part import PARTS
from imcsim.learn.data import DATASETS
from imcsim.learn.method import METHODS
from imcsim.learn.networks import NETWORKS
from imcsim.mapping import MAPPING_RULES
from imcsim.memory.memory import MEMORIES
from imcsim.periphery.converters import CONVERTERS

REGISTRIES: tuple[Any, ...] = (METHODS, NETWORKS, DATASETS, MAPPING_RULES, MEMORIES, CONVERTERS, PARTS)


@contextmanager
def forgetting(package: str = "") -> Iterator[None]:
    """Forget, after the block, what was registered in it, and the modules of files and of ``package``."""
    for registry in REGISTRIES:
        registry.names()
    before = [(registry, set(registry._entries)) for registry in REGISTRIES]
    try:
        yield
    finally:
        for registry, names in before:
            for name in set(registry._entries) - names:
                registry._forget(name)
        prefixes = ("imcsim_file_", *([package] if package else []))
        for module in [name for name in sys.modules if name.startswith(prefixes)]:
            del sys.modules[module]
