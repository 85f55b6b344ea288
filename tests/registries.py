"""Registries as they were: what a test registers must not meet the next one."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from imcsim.learn.data import DATASETS
from imcsim.learn.method import METHODS
from imcsim.learn.networks import NETWORKS
from imcsim.mapping import MAPPING_RULES

REGISTRIES: tuple[Any, ...] = (METHODS, NETWORKS, DATASETS, MAPPING_RULES)


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
