"""A predicted figure of a chip that trains, beside what was reported of it."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from imcsim.published.training_facts import Fact, TrainingChip

Span = tuple[float, float]


@dataclass(frozen=True)
class Prediction:
    """One quantity, in SI units: a band where something is unknown, both ends equal where nothing is.

    Parameters
    ----------
    quantity, unit
        What is predicted, and its SI unit.
    low, high
        The band; None where imcsim does not predict it, ``how`` then says why.
    reported
        The figure beside it, None if there is none; ``fact`` is where it stands.
    how
        What was counted.
    assumed
        Names of the unknown quantities whose stated ranges make the band.
    """

    chip_id: str
    quantity: str
    unit: str
    low: float | None
    high: float | None
    reported: float | None
    how: str
    fact: Fact | None = None
    assumed: tuple[str, ...] = ()

    @property
    def beyond(self) -> float | None:
        """Times by which the reported figure lies outside the band: 1 within, > 1 above, < 1 below; None if open."""
        if self.low is None or self.high is None or self.reported is None:
            return None
        if self.reported > self.high:
            return self.reported / self.high
        return self.reported / self.low if self.reported < self.low else 1.0

    def record(self) -> dict[str, object]:
        """Return it for JSON, SI units."""
        return {
            "chip_id": self.chip_id,
            "quantity": self.quantity,
            "unit": self.unit,
            "predicted_low": self.low,
            "predicted_high": self.high,
            "reported": self.reported,
            "reported_beyond_band": self.beyond,
            "bound": None if self.fact is None else self.fact.bound,
            "mark": None if self.fact is None else self.fact.mark,
            "shown_as": None if self.fact is None else self.fact.shown_as,
            "source": None if self.fact is None else self.fact.source,
            "how": self.how,
            "assumed": list(self.assumed),
        }


def over(function: Callable[..., float], spans: Mapping[str, Span]) -> Span:
    """Return the least and the largest value of ``function`` over all corners of ``spans``, by keyword.

    Exact for functions that are monotone in each argument, which all that are used here are.
    """
    found = [
        function(**dict(zip(spans, corner, strict=True))) for corner in itertools.product(*map(_ends, spans.values()))
    ]
    return min(found), max(found)


def assumed(chip: TrainingChip, *quantities: str, point: str = "") -> tuple[str, ...]:
    """Return those of ``quantities`` that are ranges."""
    facts = [chip.fact(name, point) for name in quantities]
    return tuple(fact.name for fact in facts if fact.low != fact.high)


def _ends(span: Span) -> tuple[float, ...]:
    return span if span[0] != span[1] else span[:1]
