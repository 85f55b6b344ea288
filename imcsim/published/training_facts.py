"""Facts on chips that learned on their arrays, from a CSV: one row a figure, SI inside, each with its source and mark.

A mark says how far a figure was checked. ``[repo]`` and ``[page]`` were read where they stand and are published values;
``[abs]`` stands in an abstract or summary alone and is only *claimed*. What nobody has checked is not in the file. An
unknown quantity is a row of its own, with a stated range (``[range]``) where a prediction needs it, else a name alone.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from imcsim.core.content import content_root
from imcsim.core.errors import DataError, nearest
from imcsim.core.units import SECONDS_PER_DAY, SECONDS_PER_YEAR

COLUMNS = ("chip_id", "quantity", "point", "value", "low", "high", "unit", "bound", "note", "source", "mark")
SHOWN = {"[repo]": "published", "[page]": "published", "[abs]": "claimed in the abstract", "[range]": "assumed range"}
CHOICE = "[choice]"
TEXTS = ("priced_as", "rram_cells")
UNKNOWN = "unknown"
_COUNTS = (
    "", "x", "share", "bit", "MAC", "MAC/cycle", "cells", "chips", "cycles", "devices", "lines", "pairs", "pulses",
    "rows", "runs", "samples", "updates", "words", "writes",
)  # fmt: skip
_SI = {
    **dict.fromkeys(_COUNTS, 1.0), "%": 0.01, "V": 1.0, "S": 1.0, "s": 1.0, "h": 3600.0, "days": SECONDS_PER_DAY,
    "points": 0.01,
    "years": SECONDS_PER_YEAR, "mW": 1e-3, "uW": 1e-6, "pJ": 1e-12, "pJ/bit": 1e-12, "pJ/cycle": 1e-12, "nm": 1e-9,
    "ns": 1e-9, "us": 1e-6, "MHz": 1e6, "mm2": 1e-6, "um2": 1e-12, "MByte": 8.0 * 2**20, "MB": 8.0 * 2**20,
    "KB": 8.0 * 2**10, "Kb": 2.0**10, "TOPS": 1e12, "GOPS": 1e9, "TOPS/W": 1e12, "GOPS/W": 1e9,
    "TOPS/mm2": 1e18, "samples/min": 1 / 60, "1/s": 1.0, "month": SECONDS_PER_YEAR / 12,
}  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One figure: ``low`` to ``high`` in SI units (equal where it is known); ``text`` of a choice, else "".

    ``unit`` is the published one. ``bound`` is "exact", "about", "at most" or "range".
    """

    quantity: str
    point: str
    low: float
    high: float
    unit: str
    bound: str
    note: str
    source: str
    mark: str
    text: str = ""

    @property
    def name(self) -> str:
        """Its quantity, with the operating point where there are several."""
        return f"{self.quantity} ({self.point})" if self.point else self.quantity

    @property
    def shown_as(self) -> str:
        """What it may be shown as: a published value, or a claim of an abstract."""
        return SHOWN.get(self.mark, "")


@dataclass(frozen=True)
class TrainingChip:
    """All facts on one chip, and the names of what is unknown about it."""

    chip_id: str
    facts: Mapping[tuple[str, str], Fact]
    unknown: tuple[str, ...]

    def has(self, *quantities: str, point: str = "") -> bool:
        """Tell whether all of ``quantities`` are stated, as a value or a range."""
        return all((name, point) in self.facts or (name, "") in self.facts for name in quantities)

    def points(self, quantity: str) -> tuple[str, ...]:
        """Return the operating points at which ``quantity`` is stated."""
        return tuple(point for name, point in self.facts if name == quantity)

    def fact(self, quantity: str, point: str = "") -> Fact:
        """Return a fact, of the whole chip if the operating point has none of its own.

        Raises
        ------
        DataError
            If the file holds neither.
        """
        found = self.facts.get((quantity, point)) or self.facts.get((quantity, ""))
        if found is None:
            names = sorted({name for name, _ in self.facts})
            raise DataError(
                f"{self.chip_id} states no {quantity}{f' at {point}' if point else ''}{nearest(quantity, names)}; give "
                f"it a row, '{UNKNOWN}' with low and high if it is unknown"
            )
        return found

    def value(self, quantity: str, point: str = "") -> float:
        """Return a known value in SI units; DataError if it is missing or a range."""
        found = self.fact(quantity, point)
        if found.low != found.high:
            raise DataError(f"{self.chip_id}: {found.name} is a range, and one value is needed")
        return found.low

    def span(self, quantity: str, point: str = "") -> tuple[float, float]:
        """Return the range of a value in SI units, both ends equal where it is known."""
        found = self.fact(quantity, point)
        return found.low, found.high


def shipped_training_chips() -> tuple[TrainingChip, ...]:
    """Return the chips of ``models/published/training_chips.csv`` in the content root."""
    return read_training_chips(content_root() / "models" / "published" / "training_chips.csv")


def read_training_chips(path: Path) -> tuple[TrainingChip, ...]:
    """Return the chips of a CSV file, in its order.

    Raises
    ------
    DataError
        For a file that cannot be read, columns other than :data:`COLUMNS`, a value that is no number, an unknown unit
        or mark, a range that is none, or a figure that is there twice.
    """
    found: dict[str, dict[tuple[str, str], Fact]] = {}
    unknown: dict[str, list[str]] = {}
    for number, row in enumerate(_rows(path), start=1):
        where, chip = f"{path.name}, row {number}", row["chip_id"].strip()
        if not chip or not row["quantity"].strip():
            raise DataError(f"{where}: chip_id and quantity must not be empty")
        facts, names = found.setdefault(chip, {}), unknown.setdefault(chip, [])
        if row["value"] == UNKNOWN:
            names.append(row["quantity"] + (f" ({row['point']})" if row["point"] else ""))
            if not row["low"] and not row["high"]:
                continue
        key = row["quantity"].strip(), row["point"].strip()
        if key in facts:
            raise DataError(f"{where}: {chip} has {' at '.join(filter(None, key))} twice; a figure counts once")
        facts[key] = _fact(row, where)
    return tuple(TrainingChip(chip, facts, tuple(unknown[chip])) for chip, facts in found.items())


def _fact(row: Mapping[str, str], where: str) -> Fact:
    mark = row["mark"].strip()
    if mark not in SHOWN and mark != CHOICE:
        raise DataError(
            f"{where}: mark must be one of {', '.join((*SHOWN, CHOICE))}, got '{mark}'{nearest(mark, SHOWN)}"
        )
    if not row["source"].strip():
        raise DataError(f"{where}: every figure needs a source")
    words = {name: row[name].strip() for name in ("quantity", "point", "unit", "bound", "note", "source")}
    if words["quantity"] in TEXTS:
        return Fact(low=0.0, high=0.0, mark=mark, text=row["value"].strip(), **words)
    factor = _SI.get(words["unit"])
    if factor is None:
        raise DataError(f"{where}: unknown unit '{words['unit']}'{nearest(words['unit'], _SI)}")
    if row["value"] == UNKNOWN:
        low, high = (_number(row[end], end, where) * factor for end in ("low", "high"))
        if low > high:
            raise DataError(f"{where}: low must be <= high, got {row['low']} and {row['high']}")
        if mark != "[range]":
            raise DataError(f"{where}: an unknown value with a range is marked [range], got '{mark}'")
        return Fact(low=low, high=high, mark=mark, **words)
    value = _number(row["value"], "value", where) * factor
    return Fact(low=value, high=value, mark=mark, **words)


def _number(text: str, name: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise DataError(f"{where}: {name} must be a number, or value '{UNKNOWN}', got {text[:40]!r}") from None
    if not abs(value) < float("inf"):  # nan fails, too
        raise DataError(f"{where}: {name} must be finite, got {text[:40]!r}")
    return value


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file, strict=True) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path.name} is not a CSV file in UTF-8: {error}") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    if not lines or tuple(lines[0]) != COLUMNS:
        raise DataError(f"{path.name}: the first line must name the columns {','.join(COLUMNS)}")
    for number, line in enumerate(lines[1:], start=1):
        if len(line) != len(COLUMNS):
            raise DataError(f"{path.name}, row {number}: {len(line)} cells, but there are {len(COLUMNS)} columns")
    if len(lines) == 1:
        raise DataError(f"{path.name} holds no rows of chips")
    return [dict(zip(COLUMNS, line, strict=True)) for line in lines[1:]]
