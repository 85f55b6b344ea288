"""Reads a table of published macros from a CSV: one row an operating point.

Columns may be missing: what they would say is then unknown. Columns of other names are ignored.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

from imcsim.core.content import content_root
from imcsim.core.errors import DataError
from imcsim.published.columns import KNOWN
from imcsim.published.points import PublishedPoint, point_of

_NEEDED = "chip_id"


def shipped_points() -> tuple[PublishedPoint, ...]:
    """Return the points of ``models/published/chips.csv`` in the content root; DataError if it is missing or broken."""
    return read_points(content_root() / "models" / "published" / "chips.csv")


def read_points(path: Path) -> tuple[PublishedPoint, ...]:
    """Return the operating points of a CSV file, in its order.

    Raises
    ------
    DataError
        For a file that cannot be read, has no rows, no column chip_id or the same column twice, a cell that its column
        cannot hold, or the same row twice.
    """
    rows = _rows(path)
    if not rows:
        raise DataError(f"{path.name} holds no rows of chips")
    return tuple(point_of(row, f"{path.name}, row {number}") for number, row in enumerate(rows, start=1))


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, None)
            if not header:
                raise DataError(f"{path.name} is empty; its first line must name the columns")
            _check_header(header, path.name)
            lines = [line for line in reader if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path.name} is not a CSV file in UTF-8: {error}") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    _check_lines(header, lines, path.name)
    return [dict(zip(header, line, strict=True)) for line in lines]


def _check_header(header: Sequence[str], where: str) -> None:
    for name in header:
        if name in KNOWN and header.count(name) > 1:
            raise DataError(f"{where}: column '{name}' appears {header.count(name)} times")
    if _NEEDED not in header:
        raise DataError(f"{where}: column '{_NEEDED}' is missing; its first line must name the columns")


def _check_lines(header: Sequence[str], lines: Sequence[Sequence[str]], where: str) -> None:
    seen: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(lines, start=1):
        if len(line) != len(header):
            raise DataError(f"{where}, row {number}: {len(line)} cells, but the header names {len(header)} columns")
        if (first := seen.setdefault(tuple(line), number)) != number:
            raise DataError(f"{where}, row {number} repeats row {first}; an operating point counts once")
