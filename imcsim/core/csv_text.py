"""Rows as CSV that a spreadsheet shows and does not run: text that begins as a formula is quoted."""

import csv
import io
from collections.abc import Mapping, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # https://owasp.org/www-community/attacks/CSV_Injection

_END = "\r\n"


def to_csv(rows: Sequence[Mapping[str, object]], columns: Sequence[str] | None = None) -> str:
    """Return rows as CSV: absent values empty, floats in full.

    Parameters
    ----------
    rows
        Values by column. Numbers stay as they are; text that a spreadsheet would take for a formula gets a ``'`` before
        it, as spreadsheets write text.
    columns
        Their order; None: all columns in order of first appearance.
    """
    names = list(dict.fromkeys(column for row in rows for column in row)) if columns is None else list(columns)
    lines: list[list[object]] = [list(names), *([row.get(name) for name in names] for row in rows)]
    return "".join(_line([harmless(cell) for cell in line]) for line in lines)


def _line(cells: Sequence[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator=_END).writerow(cells)  # cells that hold a part of it are quoted
    return f"{buffer.getvalue().removesuffix(_END)}\n"


def read_csv(text: str) -> list[dict[str, str]]:
    """Return the rows that :func:`to_csv` wrote, as text by column; what it put before a formula is taken away."""
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [{as_given(name): as_given(value or "") for name, value in row.items() if name is not None} for row in rows]


def harmless(value: object) -> object:
    """Return a cell's value; text that begins as a formula does, and is no number, with ``'`` before it."""
    if not isinstance(value, str) or not _begins_as_formula(value):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def as_given(cell: str) -> str:
    """Return the text that :func:`harmless` made ``cell`` of."""
    return cell[1:] if cell.startswith("'") and _begins_as_formula(cell) else cell


def _begins_as_formula(text: str) -> bool:
    return text.lstrip("'").startswith(_FORMULA)  # also text that looks as if it had been made harmless
