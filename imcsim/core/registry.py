"""A name for each piece of code that users pick by name; a duplicate or unknown name is an error."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from imcsim.core.errors import ContentError, ImcsimError, nearest

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

T = TypeVar("T")


class Registry(Generic[T]):
    """Named entries of one kind.

    Parameters
    ----------
    kind
        Word for messages: "method", "mapping rule", "network".
    load
        Called once, before the first look-up, to import whatever registers entries.
    group
        Entry-point group in which other packages name entries of theirs. Names are read from installed metadata; a
        package is imported when its entry is first asked for.
    """

    def __init__(self, kind: str, load: Callable[[], None] | None = None, group: str | None = None) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}
        self._origins: dict[str, str] = {}
        self._load = load
        self._group = group
        self._outside: dict[str, EntryPoint] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that files its object under ``name``."""

        def add(entry: T) -> T:
            origin = f"{getattr(entry, '__module__', '?')}.{getattr(entry, '__qualname__', '?')}"
            if name in self._entries and self._origins[name] != origin:
                raise ContentError(
                    f"{self.kind} '{name}' is registered twice: by {self._origins[name]} and by {origin}"
                )
            self._entries[name] = entry
            self._origins[name] = origin
            return entry

        return add

    def get(self, name: str) -> T:
        """Return the entry called ``name``.

        Raises
        ------
        ContentError
            If there is none, with the nearest name; or if the package behind it cannot be imported, with its name.
        """
        self._fill()
        if name in self._outside:
            self.register(name)(self._import(self._outside[name]))
            del self._outside[name]
        if name not in self._entries:
            raise ContentError(f"unknown {self.kind} '{name}'{nearest(name, self._known())}")
        return self._entries[name]

    def names(self) -> list[str]:
        """Return all names, sorted."""
        self._fill()
        return sorted(self._known())

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _known(self) -> set[str]:
        return {*self._entries, *self._outside}

    def _fill(self) -> None:
        if self._load is not None:
            load, self._load = self._load, None
            try:
                load()
            except BaseException:
                self._load = load  # else the next look-up would find a half-filled registry
                raise
        if self._group is not None:
            self._read_metadata(self._group)
            self._group = None

    def _read_metadata(self, group: str) -> None:
        from importlib.metadata import entry_points

        for point in entry_points(group=group):
            here, there = self._origins.get(point.name), self._outside.get(point.name)
            if here == point.value.replace(":", "."):
                continue  # its package was imported before, and registered it
            if here is not None or (there is not None and there.value != point.value):
                first, second = here or f"package {_package(there)}", f"package {_package(point)}"
                raise ContentError(f"{self.kind} '{point.name}' is registered twice: by {first} and by {second}")
            self._outside[point.name] = point

    def _import(self, point: "EntryPoint") -> T:
        try:
            entry: T = point.load()
        except Exception as error:
            raise ContentError(
                f"{self.kind} '{point.name}' of package {_package(point)} cannot be imported: "
                f"{type(error).__name__}: {error}"
            ) from error
        return entry


def import_entries(package: str, kind: str) -> None:
    """Import every module of ``package``, so that their decorators run.

    Raises
    ------
    ContentError
        If one cannot be imported: a file of the user's, since this package's own can. It names the file and the cause.
    """
    folder = importlib.import_module(package)
    for module in pkgutil.iter_modules(folder.__path__):
        try:
            importlib.import_module(f"{package}.{module.name}")
        except ImcsimError:
            raise
        except Exception as error:
            place = Path(getattr(module.module_finder, "path", "")) / module.name
            file = place / "__init__.py" if module.ispkg else place.with_suffix(".py")
            raise ContentError(f"{kind} file {file} cannot be imported: {type(error).__name__}: {error}") from error


def _package(point: "EntryPoint | None") -> str:
    dist = getattr(point, "dist", None)
    return str(dist.name) if dist is not None else str(getattr(point, "module", "?"))
