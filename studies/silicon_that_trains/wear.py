"""RRAM chips whose wear was measured (ENDURER, ten emulated years), held against imcsim's lives of cells.

Writes are of a word; a write changes a share of its bits, and a change is one full-window cycle.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from imcsim.chip.wear.first_failure import Endurance, first_failure
from imcsim.devices.wear import failure_probability
from imcsim.life.levers.rotation import rotated_cycles
from imcsim.published.training_facts import TrainingChip
from imcsim.published.training_macro import rram_cells

HERE = Path(__file__).resolve().parent
NAMES = {"DAY": "day", "WEEK": "week", "MONTH": "month", "YEAR": "year", "TENYEAR": "ten years"}
HALF = 0.5  # of a word's bits change at a write of unrelated data
Row = dict[str, Any]


@dataclass(frozen=True)
class Worn:
    """Bits of one place after ``writes`` of their words: how many were good at the start, how many are newly stuck."""

    remapped: bool
    place: str
    time: str
    writes: float
    bits: int
    stuck: int
    stuck_at_0: int

    @property
    def share(self) -> float:
        """Newly stuck bits over those that were good."""
        return self.stuck / self.bits


def measured(path: Path = HERE / "endurer_d2nn.csv") -> list[Worn]:
    """Return what was measured, without the start."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["time"] in NAMES]
    return [
        Worn(
            row["remapping"] != "none", "hot words" if row["remapping"] == "none" else row["trace_or_chip"],
            NAMES[row["time"]], float(row["writes_per_word_mean"]), int(row["bits_good_at_start"]),
            int(row["new_stuck_at_1"]) + int(row["new_stuck_at_0"]), int(row["new_stuck_at_0"]),
        )
        for row in rows
    ]  # fmt: skip


def weibull_through(first: Worn, second: Worn) -> Endurance:
    """Return scale (writes of a word) and shape of the Weibull law through two measured shares."""
    early, late = (-math.log1p(-worn.share) for worn in (first, second))
    shape = math.log(late / early) / math.log(second.writes / first.writes)
    return Endurance(second.writes * late ** (-1 / shape), shape)


def through_hot_words(worn: Sequence[Worn]) -> Endurance:
    """Return the law through the last two points of the words that were not remapped."""
    hot = [one for one in worn if not one.remapped]
    return weibull_through(hot[-2], hot[-1])


def shipped(chip: TrainingChip) -> dict[str, Endurance]:
    """Return the lives of the shipped cells that stand for ``chip``, those that state a distribution."""
    found = {}
    for name, bits, _, macro in rram_cells(chip):
        life = macro.memory.endurance
        if bits == 1 and life.scale is not None and life.shape is not None:
            found[name] = Endurance(life.scale, life.shape)
    return found


def first_failure_writes(life: Endurance, bits: int, toggle_share: float) -> tuple[float, float, float]:
    """Return the writes of a word at which the first of ``bits`` equally written ones fails: 5, 50, 95 % of chips."""
    found = first_failure(bits * toggle_share**life.shape, life)
    if found is None:
        raise ValueError("bits that never change do not fail")
    return found.early, found.median, found.late


def wear_rows(chip: TrainingChip, worn: Sequence[Worn]) -> Iterator[Row]:
    """Yield one row a place and time: measured share, that of each shipped cell and of the law through hot words."""
    lives, own = shipped(chip), through_hot_words(worn)
    least, most = chip.span("toggle_share")
    for one in worn:
        row: Row = {
            "remapped": "yes" if one.remapped else "no", "place": one.place, "time": one.time,
            "writes_per_word": one.writes, "bits": one.bits, "stuck": one.stuck, "stuck_at_0": one.stuck_at_0,
            "measured_share": one.share, "through_hot_words": failure_probability(one.writes, own.scale, own.shape),
        }  # fmt: skip
        for name, life in lives.items():
            for suffix, toggled in ((" low", least), ("", HALF), (" high", most)):
                row[f"{name}{suffix}"] = failure_probability(one.writes * toggled, life.scale, life.shape)
        yield row


def first_rows(chip: TrainingChip, worn: Sequence[Worn]) -> Iterator[Row]:
    """Yield for each shipped cell and share of changing bits when the first hot bit should have failed."""
    hot = [one for one in worn if not one.remapped]
    seen = next(index for index, one in enumerate(hot) if one.stuck)
    window = (hot[seen - 1].writes if seen else 0.0), hot[seen].writes
    for name, life in shipped(chip).items():
        for toggled in (chip.span("toggle_share")[0], HALF, chip.span("toggle_share")[1]):
            early, median, late = first_failure_writes(life, hot[seen].bits, toggled)
            yield {
                "cell": name, "toggle_share": toggled, "early_writes": early, "median_writes": median,
                "late_writes": late, "measured_after": window[0], "measured_by": window[1],
                "within": "yes" if early <= window[1] and late >= window[0] else "no",
            }  # fmt: skip


def levelled_words(chip: TrainingChip, days: float) -> tuple[float, float, float]:
    """Return least, mean and most writes of a word of the one chip that holds the hot words, moved each period.

    By imcsim's rotation (:func:`imcsim.life.levers.rotation.rotated_cycles`): a period is a task, a word is a row.
    """
    words, hot = int(chip.value("words")), int(chip.value("hot_words"))
    periods = round(days * 86_400 / chip.value("remap_period"))
    rates = np.zeros((1, words, 1))
    rates[0, :hot] = chip.value("writes_per_run") * chip.value("runs_per_period")
    found = rotated_cycles(rates, periods, 1) + periods
    return float(found.min()), float(found.mean()), float(found.max())
