"""Mean and spread over seeds, for each (method, chip)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]  # a report's row, or one of results.csv: numbers, words and what is absent
KEYS = ("method", "chip")


@dataclass(frozen=True)
class Stat:
    """Mean, sample standard deviation (n - 1; 0 for one value) and number of values, in the value's unit.

    Values that do not exist (a lifetime without limit) are left out; ``mean`` is None when none exists.
    """

    mean: float | None
    sd: float
    n: int


@dataclass(frozen=True)
class Group:
    """One (method, chip) over its seeds: ``stats`` by column, and the seeds that went in."""

    method: str
    chip: str
    seeds: tuple[int, ...]
    stats: Mapping[str, Stat]

    def mean(self, column: str) -> float | None:
        """Return the mean of ``column``, None where no value exists."""
        return self.stats[column].mean if column in self.stats else None


def statistics(values: Sequence[float | None]) -> Stat:
    """Return mean, sample standard deviation and count of the values that are not None."""
    present = [float(value) for value in values if value is not None]
    if not present:
        return Stat(None, 0.0, 0)
    mean = math.fsum(present) / len(present)
    if len(present) == 1:
        return Stat(mean, 0.0, 1)
    variance = math.fsum((value - mean) ** 2 for value in present) / (len(present) - 1)
    return Stat(mean, math.sqrt(variance), len(present))


def summarise(rows: Sequence[Row]) -> list[Group]:
    """Return one :class:`Group` for each (method, chip), in order of appearance.

    Parameters
    ----------
    rows
        Rows of :meth:`imcsim.chip.report.Report.row`; columns missing in a row count as absent there.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((str(row["method"]), str(row["chip"])), []).append(row)
    return [_group(method, chip, members) for (method, chip), members in groups.items()]


def flat(group: Group) -> dict[str, object]:
    """Return the group as one row: ``COLUMN_mean``, ``COLUMN_sd``, ``COLUMN_n``."""
    row: dict[str, object] = {"method": group.method, "chip": group.chip, "seeds": len(group.seeds)}
    for column, stat in group.stats.items():
        row |= {f"{column}_mean": stat.mean, f"{column}_sd": stat.sd, f"{column}_n": stat.n}
    return row


def _group(method: str, chip: str, members: Sequence[Row]) -> Group:
    columns = dict.fromkeys(column for row in members for column in row if column not in (*KEYS, "seed"))
    numeric = [c for c in columns if all(isinstance(row.get(c), (int, float, type(None))) for row in members)]
    stats = {column: statistics([row.get(column) for row in members]) for column in numeric}
    return Group(method, chip, tuple(sorted(int(row["seed"]) for row in members)), stats)
