"""Finds the content (``models/``, ``studies/``) and loads it by path, never by accident.

Order of content roots: an explicit folder (``--content``), ``IMCSIM_CONTENT``, the checkout, the copy inside
the wheel. A root is a folder whose ``models/__init__.py`` carries ``CONTENT_OF = "imcsim"``.
"""

import importlib.util
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from imcsim.core.errors import ContentError, nearest

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
    named = _chosen.get() or (Path(os.environ["IMCSIM_CONTENT"]) if os.environ.get("IMCSIM_CONTENT") else None)
    if named is not None:
        if not _is_root(named):
            raise ContentError(
                f'{named} is not imcsim content: {named / "models" / "__init__.py"} lacks CONTENT_OF = "imcsim"'
            )
        return named.resolve()
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
    """Return the names of all content of ``kind`` ("device", "component", "chip", "network", "study")."""
    folder = _folder(kind)
    if kind == "study":
        return sorted(path.parent.name for path in folder.glob("*/study.toml"))
    pattern = "*.py" if kind == "network" else "*.toml"
    return sorted(path.stem for path in folder.glob(pattern) if not path.stem.startswith("_"))


def path_of(kind: str, name: str) -> Path:
    """Return the file that holds content ``name``; a path to an existing TOML file is taken as it is.

    Raises
    ------
    ContentError
        If there is none, with the nearest name.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if path.is_file():
            return path
        raise ContentError(f"no such {kind} file: {name}")
    if name not in names(kind):
        raise ContentError(f"unknown {kind} '{name}'{nearest(name, names(kind))}")
    folder = _folder(kind)
    if kind == "study":
        return folder / name / "study.toml"
    return folder / f"{name}{'.py' if kind == 'network' else '.toml'}"


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
    for name in names("network"):
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


def _folder(kind: str) -> Path:
    if kind not in _FOLDERS:
        raise ContentError(f"unknown kind of content '{kind}'{nearest(kind, _FOLDERS)}")
    return content_root() / _FOLDERS[kind]


def _is_root(folder: Path) -> bool:
    marker = folder / "models" / "__init__.py"
    return marker.is_file() and bool(_MARKER.search(marker.read_text(encoding="utf-8")))
