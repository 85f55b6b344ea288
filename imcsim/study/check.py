"""A fresh run beside the committed results: each figure equal, within seed noise, or drifted, and by how much."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from imcsim.study.committed import Figure, Figures, seeds_of
from imcsim.study.summary import statistics

Verdict = Literal["equal", "noise", "drifted"]

EQUAL = 1e-9  # relative; below it only the order of float sums differs
CHANCE = 0.01  # of a figure that new seeds alone would carry beyond its limit


@dataclass(frozen=True)
class Compared:
    """One figure of one (method, chip): means over the seeds that both have, and the limit of seed noise.

    ``sd`` is the spread over the committed seeds, ``limit`` the largest difference of means that passes as noise (None
    with a single seed: no spread is known). A mean is None where no value exists; ``missing``: the fresh run lacks the
    figure altogether.
    """

    method: str
    chip: str
    column: str
    verdict: Verdict
    committed: float | None
    fresh: float | None
    sd: float
    limit: float | None
    missing: bool = False

    @property
    def change(self) -> float | None:
        """Relative change of the mean; None where a mean is missing or the committed one is 0."""
        return (
            (self.fresh - self.committed) / abs(self.committed) if self.fresh is not None and self.committed else None
        )


def compare(committed: Figures, fresh: Figures) -> list[Compared]:
    """Return every committed figure beside the fresh one, in the committed order.

    Equal: the same for each seed to nine digits. Within seed noise: the means differ by no more than
    t s sqrt(1/n + 1/m). Here s is the standard deviation over the n committed seeds, m counts the fresh ones, and t is
    exceeded, on either side, once in a hundred (Student's t of n - 1 degrees of freedom). Drifted: all else. A figure
    that only the fresh run has is no drift, and is left out.
    """
    return [
        _compared(key, column, old, fresh.get(key, {}).get(column))
        for key, columns in committed.items()
        for column, old in columns.items()
    ]


def not_committed(committed: Figures, fresh: Figures) -> list[str]:
    """Return what the fresh run has beyond the committed results: ``method on chip``, or names of columns."""
    groups = [f"{method} on {chip}" for method, chip in fresh if (method, chip) not in committed]
    old = {column for columns in committed.values() for column in columns}
    new = {column for columns in fresh.values() for column in columns}
    return [*groups, *sorted(new - old)]


def not_run(committed: Figures, fresh: Figures) -> list[str]:
    """Return what the committed results have beyond the fresh run: ``method on chip``, or ``seed N``."""
    groups = [f"{method} on {chip}" for method, chip in committed if (method, chip) not in fresh]
    return [*groups, *(f"seed {seed}" for seed in sorted(seeds_of(committed) - seeds_of(fresh)))]


def _compared(key: tuple[str, str], column: str, old: Figure, new: Figure | None) -> Compared:
    if new is None:
        return Compared(*key, column, "drifted", old.stat.mean, None, old.stat.sd, None, missing=True)
    seeds = [seed for seed in old.by_seed if seed in new.by_seed]
    before = statistics([old.by_seed[seed] for seed in seeds]) if seeds else old.stat
    after = statistics([new.by_seed[seed] for seed in seeds]) if seeds else new.stat
    limit = _limit(old.stat.sd, old.stat.n, after.n)
    if seeds:
        same = all(_same(old.by_seed[seed], new.by_seed[seed]) for seed in seeds)
    else:
        same = (
            _same(before.mean, after.mean) and before.n == after.n and math.isclose(before.sd, after.sd, rel_tol=1e-6)
        )
    verdict: Verdict = "equal" if same else "noise" if _within(before.mean, after.mean, limit) else "drifted"
    return Compared(*key, column, verdict, before.mean, after.mean, old.stat.sd, limit)


def _same(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return math.isclose(first, second, rel_tol=EQUAL)


def _within(first: float | None, second: float | None, limit: float | None) -> bool:
    return first is not None and second is not None and limit is not None and abs(first - second) <= limit


def _limit(sd: float, committed: int, fresh: int) -> float | None:
    from scipy.special import stdtrit

    if committed < 2 or fresh < 1:
        return None
    return float(stdtrit(committed - 1, 1 - CHANCE / 2)) * sd * math.sqrt(1 / committed + 1 / fresh)


def as_json(found: list[Compared]) -> list[Mapping[str, object]]:
    """Return the figures as JSON-able rows."""
    return [
        {
            "method": entry.method, "chip": entry.chip, "figure": entry.column, "verdict": entry.verdict,
            "committed": entry.committed, "fresh": entry.fresh, "change": entry.change, "sd": entry.sd,
            "limit": entry.limit, "missing": entry.missing,
        }
        for entry in found
    ]  # fmt: skip
