"""Facts of a row: those that it states, and those that are taken where it says nothing, each with its range."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Fact = float | str


@dataclass(frozen=True)
class Assumption:
    """A fact that a row does not state: what is taken, what it could be as well, and why."""

    name: str
    taken: Fact
    others: tuple[Fact, ...]
    why: str

    def __str__(self) -> str:
        """Return it as in ``adc_type = sar (flash, integrating): not stated``."""
        others = ", ".join(_short(other) for other in self.others)
        return f"{self.name} = {_short(self.taken)}{f' ({others})' if others else ''}"


class OutOfScope(Exception):
    """A point that is not predicted; its text is the reason."""


@dataclass
class Facts:
    """Collects what was assumed while a macro is built; ``instead`` holds values to take in place of assumed ones."""

    instead: Mapping[str, Fact] = field(default_factory=dict)
    assumed: dict[str, Assumption] = field(default_factory=dict)

    def number(self, name: str, stated: float | None, taken: float, others: tuple[float, ...], why: str) -> float:
        """Return the stated number, else the assumed one."""
        if stated is not None:
            return stated
        self.assumed[name] = Assumption(name, taken, others, why)
        found = self.instead.get(name, taken)
        return found if isinstance(found, float | int) else taken

    def count(self, name: str, taken: int, others: tuple[int, ...], why: str) -> int:
        """Return an assumed whole number."""
        return round(self.number(name, None, taken, others, why))

    def word(self, name: str, stated: str, taken: str, others: tuple[str, ...], why: str) -> str:
        """Return the stated word, else the assumed one."""
        if stated:
            return stated
        self.assumed[name] = Assumption(name, taken, others, why)
        found = self.instead.get(name, taken)
        return found if isinstance(found, str) else taken


def need(value: float | None, column: str) -> float:
    """Return ``value``; OutOfScope naming the column if it is missing."""
    if value is None:
        raise OutOfScope(f"{column} is not stated")
    return value


def _short(fact: Fact) -> str:
    return fact if isinstance(fact, str) else f"{fact:.3g}"
