"""Sensitivity: the same traces priced with other published values, because parameters span decades.

A variant sets values on every chip of a study that has the part they belong to; nothing is trained again. Only
values that leave the trace's terms alone can vary: weight bits and PE size stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from imcsim.chip.config import ChipConfig, load_chip
from imcsim.core.json_text import Json
from imcsim.core.sources import Resolved
from imcsim.study.points import Chips
from imcsim.study.spec import StudySpec
from imcsim.study.summary import Row, statistics

BASE = "as stated"
Variants = Mapping[str, Chips]


def load_variants(spec: StudySpec, chips: Chips) -> dict[str, dict[str, Resolved[ChipConfig]]]:
    """Load the study's chips once for each variant, leaving out values of parts that a chip does not have."""
    return {
        variant.label: {
            choice.title: load_chip(choice.name, {**choice.set, **_fitting(variant.set, chips[choice.title].config)})
            for choice in spec.chips
        }
        for variant in spec.variants
    }


@dataclass(frozen=True)
class Spread:
    """Energy of ``chip`` over that of the reference chip, for one method: as stated, and its extremes over variants."""

    method: str
    chip: str
    stated: float
    lowest: float
    lowest_variant: str
    highest: float
    highest_variant: str


def sensitivity_row(row: Row, variant: str) -> Json:
    """Return the columns of a report's row that a sensitivity table keeps."""
    kept = ("method", "chip", "seed", "energy_j", "latency_s", "inference_j", "area_m2", "lifetime_tasks")
    return {"variant": variant} | {name: row[name] for name in kept}


def spreads(rows: Sequence[Row], reference: str) -> list[Spread]:
    """Return, per method and other chip, the ratio of mean training energies to ``reference`` and its range."""
    means = _means(rows)
    found = []
    for method, chip in dict.fromkeys((row["method"], row["chip"]) for row in rows):
        if chip == reference:
            continue
        ratios = {
            variant: means[variant, method, chip] / means[variant, method, reference]
            for variant in dict.fromkeys(row["variant"] for row in rows)
        }
        low, high = min(ratios, key=ratios.__getitem__), max(ratios, key=ratios.__getitem__)
        found.append(Spread(method, chip, ratios[BASE], ratios[low], low, ratios[high], high))
    return found


def _means(rows: Sequence[Row]) -> dict[tuple[str, str, str], float]:
    groups: dict[tuple[str, str, str], list[float]] = {}
    for row in rows:
        groups.setdefault((row["variant"], row["method"], row["chip"]), []).append(row["energy_j"])
    return {key: float(statistics(values).mean or 0.0) for key, values in groups.items()}


def _fitting(values: Mapping[str, object], chip: ChipConfig) -> dict[str, object]:
    missing = [f"{part}." for part in ("rram", "sram") if getattr(chip, part) is None]
    for table, entries in (("memory", chip.memory), ("part", chip.part)):
        named = {path.split(".")[1] for path in values if path.startswith(f"{table}.")}
        missing += [f"{table}.{name}." for name in named if name not in entries]
    return {path: value for path, value in values.items() if not path.startswith(tuple(missing))}
