"""The user's own code behind a name or a path: its files, found without importing them, for the key of a result.

Own code is the file that was named, the package behind an entry point, and what these import of packages that bring
entry points of imcsim or lie outside the folders of installed packages. The rest (numpy, torch) counts by its version.
"""

import sys
import sysconfig
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from imcsim.core.import_graph import SourceTree
from imcsim.core.packages import GROUPS, folder_of, points
from imcsim.core.reference import code_file
from imcsim.core.user_file import was_run

_INSTALLED = tuple({Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib", "stdlib")})


def code_behind(group: str, text: str) -> list[Path]:
    """Return the file that holds the entry ``text`` of entry-point ``group``: a path's, or another package's.

    Empty for a name that no other package brings.
    """
    file = code_file(text)
    if file is not None:
        return [file.path.resolve()] if file.path.is_file() else []
    module = _modules(group, tuple(sys.path)).get(text)
    found = None if module is None else _file_of(module)
    return [] if found is None else [found]


def user_code_of(error: BaseException) -> str | None:
    """Return the innermost file of the user's that an error came through; None if there is none.

    Such a file goes by its path, or belongs to a package that brings entry points.
    """
    found, frame = None, error.__traceback__
    while frame is not None:
        file, name = frame.tb_frame.f_code.co_filename, str(frame.tb_frame.f_globals.get("__name__", ""))
        if was_run(file) or name.partition(".")[0] in _brought(tuple(sys.path)):
            found = file
        frame = frame.tb_next
    return found


def with_local_code(tree: SourceTree, files: Iterable[Path]) -> SourceTree:
    """Return the tree with all packages of the user's own that ``files`` lead to; they are read anew."""
    own = [path for path in files if not tree.holds(path)]
    if not own:
        return tree
    seen = tree.joined({})  # what is read of the user's files does not stay in ``tree``
    while True:
        tops = {top for path in seen.closure(own) if not tree.holds(path) for top in _tops(seen, path)}
        more = {top: stem for top in tops - seen.packages.keys() if (stem := _local(top)) is not None}
        if not more:
            return seen
        seen = tree.joined({**seen.packages, **more})


def _tops(tree: SourceTree, path: Path) -> set[str]:
    """Return the top-level names that a file imports, and that of its own package."""
    package = path.parent
    while (package.parent / "__init__.py").is_file():
        package = package.parent
    own = {package.name} if (package / "__init__.py").is_file() else set()
    if path.suffix != ".py":
        return own
    return own | {module.partition(".")[0] for module, _ in tree.source(path).imports("") if module}


def _local(top: str) -> Path | None:
    """Return where a top-level module of the user's lies, without suffix; None for any other."""
    if top in sys.stdlib_module_names:
        return None
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    places = [] if spec is None else [*(spec.submodule_search_locations or ()), spec.origin or ""]
    if not places or not Path(places[0]).exists():
        return None
    stem = Path(places[0]).with_suffix("")
    installed = any(stem.resolve().is_relative_to(folder) for folder in _INSTALLED)
    return stem if not installed or top in _brought(tuple(sys.path)) else None


def _file_of(module: str) -> Path | None:
    package, _, name = module.rpartition(".")
    folder = folder_of(package) if package else None
    stem = _local(module) if not package else None if folder is None else folder / name
    if stem is None:
        return None
    return next((path.resolve() for path in (stem / "__init__.py", stem.with_suffix(".py")) if path.is_file()), None)


@lru_cache(maxsize=32)
def _modules(group: str, path: tuple[str, ...]) -> Mapping[str, str]:
    """Return name -> module of what other packages bring; ``path`` is the search path, for the cache."""
    return {name: point.module for name, point in points(group, group).items()}


@lru_cache(maxsize=8)
def _brought(path: tuple[str, ...]) -> frozenset[str]:
    """Return the top-level modules of all packages that bring something to imcsim."""
    found: set[str] = set()
    for group in GROUPS:
        for point in points(group, group).values():
            files = getattr(getattr(point, "dist", None), "files", None) or ()
            found |= {point.module.partition(".")[0]}
            found |= {Path(file.parts[0]).stem for file in files if file.suffix == ".py"}
    return frozenset(found)
