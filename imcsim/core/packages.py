"""What other packages bring, by entry point: read from installed metadata, nothing of theirs is imported.

The group of a kind is ``imcsim.KIND``. Code (``imcsim.method``, ``imcsim.network``, ``imcsim.dataset``,
``imcsim.mapping_rule``, ``imcsim.memory``, ``imcsim.converter``, ``imcsim.part``) names an object,
``toy.methods:Mine``. TOML (``imcsim.chip``, ``imcsim.device``, ``imcsim.component``, ``imcsim.study``) names the
package whose folder holds NAME.toml: ``toy.chips``.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from imcsim.core.errors import ContentError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

CODE = ("method", "network", "dataset", "mapping_rule", "memory", "converter", "part")
TOML = ("chip", "device", "component", "study")
GROUPS = tuple(f"imcsim.{kind}" for kind in (*CODE, *TOML))


def points(group: str, kind: str) -> "Mapping[str, EntryPoint]":
    """Return the entry points of ``group`` by name; ``kind`` is the word for messages.

    Raises
    ------
    ContentError
        If two packages bring the same name, with both.
    """
    from importlib.metadata import entry_points

    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        there = found.setdefault(point.name, point)
        if there.value != point.value:
            raise ContentError(
                f"{kind} '{point.name}' is registered twice: by package {package_of(there)} and by package "
                f"{package_of(point)}"
            )
    return found


def package_of(point: "EntryPoint") -> str:
    """Return the name of the distribution that brings ``point``."""
    dist = getattr(point, "dist", None)
    return str(dist.name) if dist is not None else point.module


def folder_of(package: str) -> Path | None:
    """Return the folder of a package, dotted or not, without importing it; None if there is none."""
    top, *rest = package.split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    for folder in () if spec is None else spec.submodule_search_locations or ():
        if (found := Path(folder).joinpath(*rest)).is_dir():
            return found
    return None
