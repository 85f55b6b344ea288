"""What text and page of a validation share: its figures as rows of cells, and its worst rows with the term to blame."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from imcsim.published.bands import HOLDS
from imcsim.published.calibration import QUANTITIES, Quantity
from imcsim.published.compare import Comparison, Figure, Validation
from imcsim.published.scope import FAMILIES, Family

NAMES: dict[Family, str] = {
    "resistive": "RRAM, PCM, MRAM",
    "analog-sram": "analog SRAM",
    "digital-sram": "digital SRAM",
}
FACTORS: dict[Quantity, tuple[float, str]] = {"energy": (1e15, "fJ"), "clock": (1e9, "ns"), "area": (1e6, "mm2")}
SUMMARY = (
    "macros", "figure", "rows", "silicon", "median", "by silicon", "within 2x", "worst", "in-sample", "band holds",
    "high/low",
)  # fmt: skip
ROWS = ("silicon", "figure", "predicted", "band", "reported", "ratio", "largest term")
_WORST = 2.0  # a row that is farther off is named


@dataclass(frozen=True)
class Line:
    """One or several equal points of a silicon: what is predicted and reported of a quantity."""

    silicon_id: str
    quantity: Quantity
    figure: Figure
    points: int

    @property
    def off(self) -> float:
        """By which factor the prediction is off."""
        ratio = self.figure.ratio or 1.0
        return max(ratio, 1 / ratio)

    def cells(self) -> tuple[str, ...]:
        """Return the cells of :data:`ROWS`."""
        factor, unit = FACTORS[self.quantity]
        shown = [number(value, factor) for value in (self.figure.predicted, self.figure.low, self.figure.high)]
        named = f"{self.silicon_id} ({self.points})" if self.points > 1 else self.silicon_id
        ratio = "-" if self.figure.ratio is None else f"{self.figure.ratio:.2f}"
        reported, band = number(self.figure.reported, factor), f"{shown[1]} to {shown[2]}"
        return named, f"{self.quantity}, {unit}", shown[0], band, reported, ratio, self.figure.to_blame


def summary(validation: Validation) -> Iterator[tuple[str, ...]]:
    """Yield the cells of :data:`SUMMARY` for each family and quantity, and for all families."""
    for family in (*FAMILIES, None):
        for quantity in QUANTITIES:
            errors, seen = validation.errors(quantity, family), validation.errors(quantity, family, in_sample=True)
            bands = validation.bands(quantity, family)
            if errors is None or seen is None or bands is None:
                continue
            yield (
                "all" if family is None else NAMES[family],
                quantity,
                str(errors.points),
                str(errors.chips),
                f"{errors.median_error:.0%}",
                f"{errors.median_error_by_chip:.0%}",
                f"{errors.within_two:.0%}",
                f"{errors.worst_factor:.1f}x",
                f"{seen.median_error:.0%}",
                f"{bands.held:.0%}",
                f"{bands.median_width:.1f}",
            )


def lines(validation: Validation, family: Family | None = None) -> list[Line]:
    """Return what was compared, quantity by quantity; equal figures of a silicon are one line."""
    found = []
    for quantity in QUANTITIES:
        compared = [c for c in validation.chosen(family) if c.figures[quantity].ratio is not None]
        for (silicon_id, _), same in groupby(compared, key=lambda c: _same(c, quantity)):
            together = list(same)
            found.append(Line(silicon_id, quantity, together[0].figures[quantity], len(together)))
    return found


def worst(validation: Validation) -> list[Line]:
    """Return the lines that are off by more than a factor of two, the farthest first."""
    return sorted((line for line in lines(validation) if line.off > _WORST), key=lambda line: -line.off)


def left_out(validation: Validation) -> list[tuple[str, str]]:
    """Return silicon and reason of what has no predicted energy."""
    rows = [(c.point.silicon_id, c.figures["energy"].reason) for c in validation.comparisons if not c.predicts_energy]
    return list(dict.fromkeys(rows))


def assumed(validation: Validation) -> list[tuple[str, int]]:
    """Return how many points had to assume each fact, the most frequent first."""
    counts: dict[str, int] = {}
    for comparison in validation.comparisons:
        for assumption in comparison.assumed:
            counts[assumption.name] = counts.get(assumption.name, 0) + 1
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


def promise() -> str:
    """Return what a band is said to hold."""
    return f"{HOLDS:.0%}"


def number(value: float | None, factor: float = 1.0) -> str:
    """Return a number in three digits, ``-`` for none."""
    if value is None:
        return "-"
    return f"{value * factor:.3g}" if value * factor < 1000 else f"{value * factor:.0f}"


def columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows in columns of equal width, the first to the left."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()


def _same(comparison: Comparison, quantity: Quantity) -> tuple[str, float]:
    return comparison.point.silicon_id, round(comparison.figures[quantity].ratio or 0.0, 6)
