"""What each lever buys: years against none, per joule that it costs each task and per square metre of chip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imcsim.chip.config import ChipConfig, load_chip
from imcsim.chip.placed import place
from imcsim.chip.wear.first_failure import Tasks
from imcsim.chip.wear.worn import weibull_for, worn_memory
from imcsim.core.errors import ConfigError
from imcsim.core.units import DAYS_PER_YEAR
from imcsim.life.chips import chip_for
from imcsim.life.options import parse_policies
from imcsim.life.outlook import Outlook, outlook
from imcsim.mapping.rule import MappingRule
from imcsim.trace.given import TraceLike, given_trace
from imcsim.trace.trace import Trace

NONE: tuple[str, ...] = ()
STANDARD: tuple[tuple[str, ...], ...] = (
    NONE, ("rotate=10",), ("rotate=100",), ("swap=10",), ("swap=100",), ("spare-columns=1",), ("spare-columns=4",),
    ("coalesce=epoch",), ("coalesce=task",), ("selective-verify=0.1",), ("refresh=auto",), ("refresh=auto:125",),
)  # fmt: skip
_CACHE_SHARES = (0.25, 0.5, 1.0)  # of the PEs that train at all


@dataclass(frozen=True)
class LeverRow:
    """One set of levers on a chip.

    Parameters
    ----------
    policies
        As given; empty: no lever.
    life
        Years until the first failure that the chip does not repair (5 %, median, 95 %): the first failed cell, or with
        spares the first PE without one left. None: never.
    one_percent
        Years until 1 % of cells have failed, likewise.
    energy_per_task_j, area_m2
        Of a fresh chip, all parts.
    years_gained, energy_added_j, area_added_m2
        Against no lever. ``years_gained`` is None where either never fails.
    refused
        Why the chip does not take the lever; every number is then None or 0.
    """

    policies: tuple[str, ...]
    life: Tasks | None = None
    one_percent: Tasks | None = None
    energy_per_task_j: float = 0.0
    area_m2: float = 0.0
    years_gained: float | None = None
    energy_added_j: float = 0.0
    area_added_m2: float = 0.0
    refused: str | None = None

    @property
    def years_per_j(self) -> float | None:
        """Years gained per joule added to each task; None where no energy is added or no year known."""
        return _per(self.years_gained, self.energy_added_j)

    @property
    def years_per_m2(self) -> float | None:
        """Years gained per square metre added; None where no area is added or no year known."""
        return _per(self.years_gained, self.area_added_m2)


def compare_levers(
    trace: TraceLike,
    chip: str | Path,
    policies: Sequence[Sequence[str]] | None = None,
    overrides: Mapping[str, Any] | None = None,
    wear: str = "events",
    *,
    rule: str | MappingRule = "im2col",
) -> tuple[LeverRow, ...]:
    """Return one row for each set of levers, that without any first.

    Parameters
    ----------
    trace, chip, overrides
        What is learned; name (or file) of the chip, and what is changed of it.
    policies
        Sets of texts as :func:`~imcsim.life.options.parse_policies` reads them; None: the standard ones.
    wear
        Wear rule.
    rule
        The mapping rule, by name or itself.

    Raises
    ------
    ConfigError
        For a policy that is wrong in itself, or a chip whose cells have no known distribution of lives. A policy that
        the chip does not take gets a row that says so.
    TraceError
        If the trace does not fit the chip.
    """
    trace, chip = given_trace(trace), str(chip)
    base = load_chip(chip, overrides).config
    weibull_for(worn_memory(base), "the years that levers gain")
    chosen = standard_policies(trace, base, rule) if policies is None else tuple(tuple(texts) for texts in policies)
    options = {texts: parse_policies(texts, wear) for texts in (NONE, *chosen)}
    none = outlook(trace, chip_for(chip, options[NONE], overrides), options[NONE], rule=rule)
    rows = [_row(NONE, none, none)]
    for texts in filter(None, chosen):
        try:
            found = outlook(trace, chip_for(chip, options[texts], overrides), options[texts], rule=rule)
        except ConfigError as error:
            rows.append(LeverRow(texts, refused=str(error)))
        else:
            rows.append(_row(texts, found, none))
    return tuple(rows)


def standard_policies(
    trace: Trace, chip: ChipConfig, rule: str | MappingRule = "im2col"
) -> tuple[tuple[str, ...], ...]:
    """Return the standard levers, and on a hybrid caches for a quarter, a half and all of the PEs that ever train."""
    if chip.volatile is None or chip.nonvolatile is None:
        return STANDARD
    placed = place(trace, chip, rule)
    away, where = placed.volatile, placed.where
    trained = np.any(where.homed_training | where.nonvolatile_training, axis=0)
    pes = 0 if away is None else int(away.count(away.pes(trained)))
    sizes = sorted({placed.copies * max(1, round(share * pes)) for share in _CACHE_SHARES})
    return (*STANDARD, *((f"sram-cache={size}:{way}",) for size in sizes for way in ("lru", "life")))


def _row(policies: tuple[str, ...], found: Outlook, none: Outlook) -> LeverRow:
    life, without = _life(found), _life(none)
    energy, area = found.energy[0].total_j, found.area_m2
    gained = None if life is None or without is None else life.median - without.median
    return LeverRow(
        policies, life, _years(found.one_percent, found), energy, area, gained,
        energy - none.energy[0].total_j, area - none.area_m2,
    )  # fmt: skip


def _life(found: Outlook) -> Tasks | None:
    return _years(found.first_failure if found.levers.spares is None else found.spare_limited, found)


def _years(tasks: Tasks | None, found: Outlook) -> Tasks | None:
    days = found.tasks_per_day * DAYS_PER_YEAR
    return None if tasks is None else Tasks(tasks.early / days, tasks.median / days, tasks.late / days)


def _per(years: float | None, added: float) -> float | None:
    return years / added if years is not None and added > 0 else None
