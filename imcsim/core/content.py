"""Finds the content (``models/``, ``studies/``) and loads it by path, never by accident.

Order of content roots: an explicit folder (``--content``), ``IMCSIM_CONTENT``, the checkout, the copy inside
the wheel. A root is a folder whose ``models/__init__.py`` carries ``CONTENT_OF = "imcsim"``. Other packages bring TOML
by entry point (:mod:`imcsim.core.packages`); any other TOML file goes by its path.
"""

import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

from imcsim.core.errors import ContentError, nearest
from imcsim.core.packages import folder_of, package_of, points
from imcsim.core.reference import code_file

_MARKER = re.compile(r"^CONTENT_OF = \"imcsim\"$", re.MULTILINE)
_FOLDERS = {
    "device": "models/devices",
    "component": "models/components",
    "chip": "models/chips",
    "network": "models/networks",
    "study": "studies",
}
KINDS = tuple(_FOLDERS)
_chosen: ContextVar[Path | None] = ContextVar("content_root", default=None)


def content_root() -> Path:
    """Return the content root in use.

    Raises
    ------
    ContentError
        If no root is found, or the named one lacks the marker.
    """
    if (named := named_root()) is not None:
        return named
    package = Path(__file__).resolve().parents[1]
    for root in (package.parent, package / "_content"):
        if _is_root(root):
            return root
    raise ContentError(f"no content found beside {package} or inside it; name a folder with IMCSIM_CONTENT")


@contextmanager
def use_content(root: Path | None) -> Iterator[None]:
    """Use ``root`` as the content root inside the block (None: leave it as it is)."""
    if root is None:
        yield
        return
    token = _chosen.set(root)
    try:
        yield
    finally:
        _chosen.reset(token)


def names(kind: str) -> list[str]:
    """Return the names of all content of ``kind`` ("device", "component", "chip", "network", "study").

    Raises
    ------
    ContentError
        If another package brings a name that the content root has, with both.
    """
    own, brought = _own_names(kind), packaged(kind)
    for name in own:
        if name in brought:
            raise ContentError(
                f"{kind} '{name}' is there twice: in {_own_path(kind, name)} and in package {brought[name]}"
            )
    return sorted([*own, *brought])


def packaged(kind: str) -> dict[str, str]:
    """Return name -> package of the TOML of ``kind`` that other packages bring."""
    return {name: package for name, (package, _) in _brought(kind, tuple(sys.path)).items()}


def path_of(kind: str, name: str) -> Path:
    """Return the file that holds content ``name``; a path to an existing TOML file is taken as it is.

    Raises
    ------
    ContentError
        If there is none, with the nearest name; or if a package names one and does not hold it.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if path.is_file():
            return path
        raise ContentError(f"no such {kind} file: {name}")
    if code_file(name) is not None:
        raise ContentError(f"a {kind} is a TOML file, and {name} is none")
    known = names(kind)
    if name not in known:
        raise ContentError(f"unknown {kind} '{name}'{nearest(name, known)}")
    brought = _brought(kind, tuple(sys.path)).get(name)
    return _own_path(kind, name) if brought is None else _packaged_path(kind, name, *brought)


def content_folder(kind: str, root: Path | None = None) -> Path:
    """Return the folder of a content root (None: the one in use) in which ``kind`` lies."""
    if kind not in _FOLDERS:
        raise ContentError(f"unknown kind of content '{kind}'{nearest(kind, _FOLDERS)}")
    return (root or content_root()) / _FOLDERS[kind]


def root_around(folder: Path) -> Path | None:
    """Return the content root that ``folder`` is or lies in, None if there is none."""
    return next((root for root in (folder, *folder.parents) if _is_root(root)), None)


def named_root() -> Path | None:
    """Return the content root that was named, by ``--content`` or IMCSIM_CONTENT; None if none was.

    Raises
    ------
    ContentError
        If it lacks the marker.
    """
    named = _chosen.get() or (Path(os.environ["IMCSIM_CONTENT"]) if os.environ.get("IMCSIM_CONTENT") else None)
    if named is not None and not _is_root(named):
        raise ContentError(
            f'{named} is not imcsim content: {named / "models" / "__init__.py"} lacks CONTENT_OF = "imcsim"'
        )
    return None if named is None else named.resolve()


def _own_names(kind: str) -> list[str]:
    folder = content_folder(kind)
    if kind == "study":
        return sorted(path.parent.name for path in folder.glob("*/study.toml"))
    pattern = "*.py" if kind == "network" else "*.toml"
    return sorted(path.stem for path in folder.glob(pattern) if not path.stem.startswith("_"))


def _own_path(kind: str, name: str) -> Path:
    return content_folder(kind) / _file(kind, name)


def _file(kind: str, name: str) -> str:
    return f"{name}/study.toml" if kind == "study" else f"{name}{'.py' if kind == 'network' else '.toml'}"


@lru_cache(maxsize=32)
def _brought(kind: str, path: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Return name -> (package, module in whose folder it lies); ``path`` is the search path, for the cache."""
    if kind == "network":  # code: imcsim.learn.networks.NETWORKS knows those of other packages
        return {}
    return {name: (package_of(point), point.value) for name, point in points(f"imcsim.{kind}", kind).items()}


def _packaged_path(kind: str, name: str, package: str, module: str) -> Path:
    folder = folder_of(module)
    if folder is None:
        raise ContentError(f"{kind} '{name}' of package {package} is not there: no folder of a package is {module}")
    path = folder / _file(kind, name)
    if not path.is_file():
        raise ContentError(f"{kind} '{name}' of package {package} is not there: {path} is no file")
    return path


def import_networks() -> None:
    """Import every file of ``models/networks`` under its checkout name, so that their decorators run.

    Raises
    ------
    ContentError
        If a foreign ``models`` package is already imported, naming both places.
    """
    root = content_root()
    _claim_package("models", root / "models")
    _claim_package("models.networks", root / "models" / "networks")
    for name in _own_names("network"):
        _load_module(f"models.networks.{name}", root / "models" / "networks" / f"{name}.py")


def _claim_package(module_name: str, folder: Path) -> None:
    present = sys.modules.get(module_name)
    init = folder / "__init__.py"
    if present is None:
        _load_module(module_name, init, [str(folder)])
        return
    origin = getattr(present, "__file__", None) or next(iter(getattr(present, "__path__", ())), "?")
    if Path(origin).resolve() != init.resolve():
        raise ContentError(
            f"a foreign package '{module_name}' from {origin} is already imported; imcsim's content is {init}: "
            f"import imcsim's networks first, or rename the other package"
        )


def _load_module(module_name: str, path: Path, search: list[str] | None = None) -> None:
    present = sys.modules.get(module_name)
    if present is not None and Path(str(present.__file__)).resolve() == path.resolve():
        return
    spec = importlib.util.spec_from_file_location(module_name, path, submodule_search_locations=search)
    if spec is None or spec.loader is None:
        raise ContentError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[module_name]
        raise ContentError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error


def _is_root(folder: Path) -> bool:
    marker = folder / "models" / "__init__.py"
    return marker.is_file() and bool(_MARKER.search(marker.read_text(encoding="utf-8")))
