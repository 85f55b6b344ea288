"""Where each number comes from: file, override or default, and the citation behind it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from imcsim.core.errors import ConfigError, nearest

T = TypeVar("T")


@dataclass(frozen=True)
class Origin:
    """Origin of one value of a resolved configuration.

    Parameters
    ----------
    kind
        ``file`` (read from TOML), ``override`` (``--set`` or a study), ``default`` (declared in code).
    where
        The file's name, or the override's text.
    source
        Citation: paper, repository and file, table; or "design choice: ..." for a choice.
    low, high
        Published or assumed range, in the value's unit; None where the file states none. Of a list, over its entries.
    by_entry
        (low, high) of each entry of a list, where the file tells them apart.
    """

    kind: Literal["file", "override", "default"]
    where: str
    source: str
    low: float | None = None
    high: float | None = None
    by_entry: tuple[tuple[float, float], ...] = ()

    def ends(self, entry: int) -> tuple[float | None, float | None]:
        """Return (low, high) of entry ``entry`` of a list, or those of all of them."""
        return self.by_entry[entry] if self.by_entry else (self.low, self.high)


@dataclass(frozen=True)
class Resolved(Generic[T]):
    """A validated configuration and the origin of each of its values, by dotted path."""

    config: T
    origins: Mapping[str, Origin]

    def origin(self, path: str) -> Origin:
        """Return the origin of the value at dotted ``path``.

        Raises
        ------
        ConfigError
            If there is no such value, with the nearest one.
        """
        if path not in self.origins:
            raise ConfigError(f"no value is called '{path}'{nearest(path, self.origins)}")
        return self.origins[path]


def leaves(data: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted path, value) for every value that is not a table."""
    for key, value in data.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from leaves(value, f"{path}.")
        else:
            yield path, value


def source_of(path: str, sources: Mapping[str, str]) -> str | None:
    """Return the citation for ``path``: its own entry, or that of the nearest enclosing table."""
    while path:
        if path in sources:
            return sources[path]
        path = path.rpartition(".")[0]
    return sources.get("*")
