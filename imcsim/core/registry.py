"""A name for each piece of code that users pick by name; a duplicate or unknown name is an error.

Three doors lead in, for every kind alike: a decorator in a file of the folder that is scanned, an entry point of
another package (:mod:`imcsim.core.packages`), and the path of a file (:mod:`imcsim.core.user_file`).
"""

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from imcsim.core.errors import ContentError, ImcsimError, nearest
from imcsim.core.packages import package_of, points
from imcsim.core.reference import CodeFile, code_file
from imcsim.core.user_file import being_run, run_file

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
    wrong
        Returns what is wrong with an entry, as the end of a sentence that begins with its name; None if nothing is.
    """

    def __init__(
        self,
        kind: str,
        load: Callable[[], None] | None = None,
        group: str | None = None,
        wrong: Callable[[object], str | None] | None = None,
    ) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}
        self._origins: dict[str, str] = {}
        self._files: dict[str, Path] = {}
        self._load = load
        self._group = group
        self._wrong = wrong
        self._points: Mapping[str, EntryPoint] = {}
        self._points_of: tuple[str, ...] | None = None  # the search path whose metadata was read
        self._imported: dict[str, str] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that files its object under ``name``.

        Raises
        ------
        ContentError
            If another entry has the name, with where both are; or if the object is none of this kind.
        """

        def add(entry: T) -> T:
            origin = f"{getattr(entry, '__module__', '?')}.{getattr(entry, '__qualname__', '?')}"
            running = being_run()
            here = origin if running is None else f"file {running.path}"
            if name in self._entries and self._origins[name] != origin:
                raise ContentError(f"{self.kind} '{name}' is registered twice: by {self._place(name)} and by {here}")
            wrong = None if self._wrong is None else self._wrong(entry)
            if wrong is not None:
                raise ContentError(f"{self.kind} '{name}' of {here} {wrong}")
            self._entries[name], self._origins[name] = entry, origin
            if running is not None:
                self._files[name] = running.path
                running.undo.append(lambda: self._forget(name))
            return entry

        return add

    def get(self, name: str) -> T:
        """Return the entry called ``name``, or the one of a file: ``./mine.py``, ``./mine.py:name``.

        Raises
        ------
        ContentError
            If there is none, with the nearest name; or if the package or file behind it cannot be imported, with its
            name.
        """
        self._fill()
        file = code_file(name)
        if file is not None:
            return self._entries[self._in_file(file)]
        if name not in self._entries and (point := self._outside().get(name)) is not None:
            entry = self._import(point)
            self._imported[name] = point.value
            self.register(name)(entry)
        if name not in self._entries:
            raise ContentError(f"unknown {self.kind} '{name}'{nearest(name, self._known())}")
        return self._entries[name]

    def names(self) -> list[str]:
        """Return all names, sorted; those of files count once the file was asked for."""
        self._fill()
        return sorted(self._known())

    def has(self, name: str) -> bool:
        """Whether ``name`` is an entry's, or a file's that exists."""
        file = code_file(name)
        return file.path.is_file() if file is not None else name in self.names()

    def package(self, name: str) -> str | None:
        """Return the other package that brings ``name``; None for an entry of imcsim, its content or a file."""
        point = self._outside().get(name)
        return None if point is None else package_of(point)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _known(self) -> set[str]:
        return {*self._entries, *self._outside()}

    def _place(self, name: str) -> str:
        return f"file {self._files[name]}" if name in self._files else self._origins[name]

    def _forget(self, name: str) -> None:
        for table in (self._entries, self._origins, self._files):
            table.pop(name, None)

    def _fill(self) -> None:
        if self._load is None:
            return
        load, self._load = self._load, None
        try:
            load()
        except BaseException:
            self._load = load  # else the next look-up would find a half-filled registry
            raise

    def _in_file(self, file: CodeFile) -> str:
        """Return the name of the entry that ``file`` registers."""
        path = run_file(file.path, self.kind)
        names = sorted(name for name, there in self._files.items() if there == path)
        if not names:
            raise ContentError(f"{file.path} registers no {self.kind}: its decorator, with a name, is missing")
        if file.entry is not None and file.entry not in names:
            raise ContentError(f"{file.path} registers no {self.kind} '{file.entry}'{nearest(file.entry, names)}")
        if file.entry is None and len(names) > 1:
            raise ContentError(
                f"{file.path} registers {len(names)} entries: say which {self.kind}, as {file.path}:{names[0]}; "
                f"there are {', '.join(names)}"
            )
        return file.entry or names[0]

    def _outside(self) -> "Mapping[str, EntryPoint]":
        """Return the entries that other packages name, by name; ContentError if one has the name of another entry."""
        if self._group is not None and self._points_of != tuple(sys.path):
            self._points, self._points_of = points(self._group, self.kind), tuple(sys.path)
        for name, point in self._points.items():
            if name in self._entries and not self._is_of(name, point):
                first = self._place(name)
                raise ContentError(
                    f"{self.kind} '{name}' is registered twice: by {first} and by package {package_of(point)}"
                )
        return self._points

    def _is_of(self, name: str, point: "EntryPoint") -> bool:
        """Whether the entry came from ``point``, or its package registered it when it was imported."""
        own = point.module.partition(".")[0]
        return self._imported.get(name) == point.value or self._origins[name].partition(".")[0] == own

    def _import(self, point: "EntryPoint") -> T:
        try:
            entry: T = point.load()
        except ImcsimError:
            raise
        except (Exception, SystemExit) as error:
            raise ContentError(
                f"{self.kind} '{point.name}' of package {package_of(point)} cannot be imported: "
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
