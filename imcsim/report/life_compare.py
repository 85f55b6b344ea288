"""The table of what each lever buys, as text of at most 100 columns and as plain data."""

from collections.abc import Sequence
from dataclasses import asdict

from imcsim.core.json_text import Json
from imcsim.core.units import area_mm2, with_prefix
from imcsim.life.compare import LeverRow


def compare_records(rows: Sequence[LeverRow]) -> list[Json]:
    """Return the rows for JSON, with years per joule and per square metre."""
    return [
        {
            **asdict(row),
            "policies": list(row.policies),
            "years_per_j": row.years_per_j,
            "years_per_m2": row.years_per_m2,
        }
        for row in rows
    ]


def compare_text(rows: Sequence[LeverRow], title: str) -> str:
    """Return ``title``, the table, what its columns mean, and why levers were refused."""
    head = (
        f"{'lever':22}{'years (5 % - 95 %)':25}{'gained':>9}{'1 % failed':>11}{'energy':>11}{'per µJ':>9}{'per mm²':>9}"
    )
    lines = [title, "", head, *(_line(row) for row in rows if row.refused is None), ""]
    lines += [
        "years: to the first failed cell, or with spares to the first PE without one left",
        "energy: added to each task; per µJ, per mm²: years gained for each added; -: nothing is added",
        f"without a lever a task takes {with_prefix(rows[0].energy_per_task_j, 'J')}, on {area_mm2(rows[0].area_m2)}",
    ]
    lines += [f"{_name(row)}: {row.refused}" for row in rows if row.refused is not None]
    return "\n".join(lines) + "\n"


def _line(row: LeverRow) -> str:
    life = (
        "never"
        if row.life is None
        else f"{_number(row.life.median)} ({_number(row.life.early)} - {_number(row.life.late)})"
    )
    failed = "never" if row.one_percent is None else _number(row.one_percent.median)
    energy = with_prefix(row.energy_added_j, "J") if row.policies else ""
    per_j, per_m2 = row.years_per_j, row.years_per_m2
    return (
        f"{_name(row):22}{life:25}{_number(row.years_gained) if row.policies else '':>9}{failed:>11}{energy:>11}"
        f"{_number(None if per_j is None else 1e-6 * per_j):>9}{_number(None if per_m2 is None else 1e-6 * per_m2):>9}"
    ).rstrip()


def _name(row: LeverRow) -> str:
    return " ".join(row.policies) or "none"


def _number(value: float | None) -> str:
    """Three digits, in at most eight characters."""
    if value is None:
        return "-"
    rounded = float(f"{value:.3g}")
    text = f"{rounded:,.0f}" if 100 <= abs(rounded) < 1e5 else f"{rounded:.3g}"
    return text.replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")
