"""A name for each piece of code that users pick by name; a duplicate or unknown name is an error."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from imcsim.core.errors import ContentError, nearest

T = TypeVar("T")


class Registry(Generic[T]):
    """Named entries of one kind.

    Parameters
    ----------
    kind
        Word for messages: "method", "mapping rule", "network".
    load
        Called once, before the first look-up, to import whatever registers entries.
    """

    def __init__(self, kind: str, load: Callable[[], None] | None = None) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}
        self._origins: dict[str, str] = {}
        self._load = load

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
        """Return the entry called ``name``; ContentError with the nearest name if there is none."""
        self._fill()
        if name not in self._entries:
            raise ContentError(f"unknown {self.kind} '{name}'{nearest(name, self._entries)}")
        return self._entries[name]

    def names(self) -> list[str]:
        """Return all names, sorted."""
        self._fill()
        return sorted(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _fill(self) -> None:
        if self._load is not None:
            load, self._load = self._load, None
            try:
                load()
            except BaseException:
                self._load = load  # else the next look-up would find a half-filled registry
                raise
