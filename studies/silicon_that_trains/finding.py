"""What was found on one claim: our count or band, where the claim holds, where it breaks."""

from dataclasses import dataclass
from typing import Any

from imcsim.published.training import ChipFound, TrainingChip

HOUR = 3600.0


@dataclass(frozen=True)
class Finding:
    """A claim of ``chip`` under ``key``; the figure of it is ``quantity`` at ``point`` of the file of facts.

    ``low`` and ``high`` are ours, in the unit of ``unit``; None where only the region tells.
    """

    key: str
    chip: TrainingChip
    quantity: str
    claim: str
    low: float | None
    high: float | None
    unit: str
    holds: str
    breaks: str
    point: str = ""
    factor: float = 1.0

    def row(self) -> dict[str, Any]:
        """Return the row of the table of claims; the published figure with what it may be shown as."""
        fact = self.chip.fact(self.quantity, self.point)
        return {
            "key": self.key,
            "chip": self.chip.chip_id,
            "claim": self.claim,
            "reported": fact.low / self.factor,
            "reported_unit": fact.unit,
            "shown_as": fact.shown_as,
            "bound": fact.bound,
            "ours_low": self.low,
            "ours_high": self.high,
            "unit": self.unit,
            "holds_where": self.holds,
            "breaks_where": self.breaks,
            "unknown": ", ".join(name.replace("_", " ") for name in self.chip.unknown),
            "source": fact.source,
        }


def band(found: ChipFound, quantity: str) -> tuple[float, float]:
    """Return the band that ``imcsim validate --training`` predicts for ``quantity``."""
    one = next(each for each in found.predictions if each.quantity == quantity)
    if one.low is None or one.high is None:
        raise ValueError(f"{found.chip.chip_id}: {quantity} is not predicted")
    return one.low, one.high
