"""Reads operating points of published chips from a CSV: one row a point, SI inside."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from imcsim.core.content import content_root
from imcsim.core.errors import DataError, nearest

TEXTS = ("chip_id", "memory", "compute_style", "level", "condition", "source")
NUMBERS = (
    "node_nm", "array_rows", "array_cols", "vdd_V", "bits_in", "bits_w", "adc_or_out_bits", "rows_per_op", "t_cycle_ns",
    "e_per_mac_fJ_native",
)  # fmt: skip
BITS = ("bits_in", "bits_w", "adc_or_out_bits")
COUNTS = ("array_rows", "array_cols", "rows_per_op")
MORE_TEXTS = ("name", "authors", "venue", "cell")
MORE_NUMBERS = (
    "year", "capacity_kb", "tops_per_w_native", "tops_per_w_1b_normalised", "tops_per_mm2_native",
    "tops_per_mm2_1b_normalised",
)  # fmt: skip
_MAY_BE_ZERO = ("adc_or_out_bits",)  # digital arrays have no converter
_SMALLEST, _LARGEST, _MOST_BITS = 1e-6, 1e9, 64.0  # beyond these a cell is a slip, in any column
_LONGEST_QUOTE = 40  # characters of a bad cell that an error shows
_SAME = 0.02  # share by which energy per MAC and TOPS/W of a row may differ by rounding


@dataclass(frozen=True)
class PublishedPoint:
    """One operating point of a published chip, as its public description has it; None where that is silent.

    ``reported_j`` is the energy of one MAC at the stated bits; one MAC counts as two operations where only TOPS/W is
    given, and in ``density_ops_per_s_m2``, throughput on a unit of area. ``normalised`` tells that TOPS/W is given for
    products of one bit alone; ``contradicts`` that energy and TOPS/W disagree.
    """

    chip_id: str
    title: str
    memory: str
    style: str
    cell: str
    level: str
    condition: str
    source: str
    feature_size_m: float | None
    supply_v: float | None
    array_rows: int | None
    rows_per_op: int | None
    bits_in: float | None
    bits_w: float | None
    adc_bits: float | None
    cycle_s: float | None
    reported_j: float | None
    normalised: bool
    contradicts: bool
    array_cols: int | None = None
    capacity_bits: float | None = None
    density_ops_per_s_m2: float | None = None


def shipped_points() -> tuple[PublishedPoint, ...]:
    """Return the points of ``models/published/chips.csv`` in the content root; DataError if it is missing or broken."""
    return read_points(content_root() / "models" / "published" / "chips.csv")


def read_points(path: Path) -> tuple[PublishedPoint, ...]:
    """Return the operating points of a CSV file, in its order.

    Raises
    ------
    DataError
        For a file that cannot be read, has no rows, lacks a column, has an unknown one, a cell that is no number, or
        the same row twice.
    """
    rows = _rows(path)
    if not rows:
        raise DataError(f"{path.name} holds no rows of chips")
    return tuple(_point(row, f"{path.name}, row {number}") for number, row in enumerate(rows, start=1))


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


def _check_lines(header: Sequence[str], lines: Sequence[Sequence[str]], where: str) -> None:
    seen: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(lines, start=1):
        if len(line) != len(header):
            raise DataError(f"{where}, row {number}: {len(line)} cells, but the header names {len(header)} columns")
        if (first := seen.setdefault(tuple(line), number)) != number:
            raise DataError(f"{where}, row {number} repeats row {first}; an operating point counts once")


def _check_header(header: Sequence[str], where: str) -> None:
    needed, known = (*TEXTS, *NUMBERS), {*TEXTS, *NUMBERS, *MORE_TEXTS, *MORE_NUMBERS}
    for name in header:
        if name not in known:
            raise DataError(f"{where}: unknown column '{name}'{nearest(name, known)}")
        if header.count(name) > 1:
            raise DataError(f"{where}: column '{name}' appears {header.count(name)} times")
    if missing := [name for name in needed if name not in header]:
        raise DataError(f"{where}: column '{missing[0]}' is missing; needed are {', '.join(needed)}")


def _point(row: Mapping[str, str], where: str) -> PublishedPoint:
    number = {name: _number(row[name], name, where) for name in (*NUMBERS, *MORE_NUMBERS) if name in row}
    text = {name: row.get(name, "").strip() for name in (*TEXTS, *MORE_TEXTS)}
    if not text["chip_id"]:
        raise DataError(f"{where}: chip_id is empty")
    energy_fj, tops_per_w = number["e_per_mac_fJ_native"], number.get("tops_per_w_native")
    from_tops_fj = None if tops_per_w is None else 2000 / tops_per_w
    return PublishedPoint(
        chip_id=text["chip_id"],
        title=text["name"] or text["chip_id"],
        memory=text["memory"],
        style=text["compute_style"],
        cell=text["cell"],
        level=text["level"],
        condition=text["condition"],
        source=text["source"],
        feature_size_m=_over(number["node_nm"], 1e9),
        supply_v=number["vdd_V"],
        array_rows=_count(number["array_rows"]),
        rows_per_op=_count(number["rows_per_op"]),
        bits_in=number["bits_in"],
        bits_w=number["bits_w"],
        adc_bits=number["adc_or_out_bits"],
        cycle_s=_over(number["t_cycle_ns"], 1e9),
        reported_j=_over(energy_fj if energy_fj is not None else from_tops_fj, 1e15),
        normalised=number.get("tops_per_w_1b_normalised") is not None and from_tops_fj is None,
        contradicts=_contradict(energy_fj, from_tops_fj),
        array_cols=_count(number["array_cols"]),
        capacity_bits=_times(number.get("capacity_kb"), 1024),
        density_ops_per_s_m2=_times(number.get("tops_per_mm2_native"), 1e18),
    )


def _number(text: str, name: str, where: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        raise DataError(f"{where}: {name} must be a number or empty, got {_quoted(text)}") from None
    low, high = _SMALLEST, _MOST_BITS if name in BITS else _LARGEST
    if not (low <= value <= high or (value == 0 and name in _MAY_BE_ZERO)):  # nan fails, too
        raise DataError(f"{where}: {name} must lie between {low:g} and {high:g}, got {_quoted(text)}")
    if name in COUNTS and value != int(value):
        raise DataError(f"{where}: {name} must be a whole number, got {_quoted(text)}")
    return value


def _quoted(text: str) -> str:
    """Return a cell for an error of one line, whatever it holds."""
    plain = " ".join(text.split())
    return repr(plain if len(plain) <= _LONGEST_QUOTE else plain[:_LONGEST_QUOTE] + "...")


def _contradict(energy_fj: float | None, from_tops_fj: float | None) -> bool:
    if energy_fj is None or from_tops_fj is None:
        return False
    return abs(energy_fj - from_tops_fj) > _SAME * from_tops_fj


def _over(value: float | None, parts: float) -> float | None:
    # a division is rounded once: 130 / 1e9 is the float 130e-9, while a product with 1e-9 may miss it
    return None if value is None else value / parts


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _count(value: float | None) -> int | None:
    return None if value is None else int(value)
