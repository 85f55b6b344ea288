"""Predictions beside reported figures: each macro with parameters that were fitted to other silicon alone."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from imcsim.published.bands import Miss, half_width, model_sigma, row_sigma
from imcsim.published.calibration import QUANTITIES, Calibration, Parameter, Quantity, Sample, calibrate, without
from imcsim.published.errors import Errors, errors_of
from imcsim.published.facts import Assumption, OutOfScope
from imcsim.published.parameters import PARAMETERS, parameters_of
from imcsim.published.points import PublishedPoint
from imcsim.published.predict import Prediction, predict
from imcsim.published.scope import FAMILIES, Family, check_energy, family_of
from imcsim.published.units import PublishedUnits

_SCALE: dict[Quantity, tuple[str, str, float]] = {
    "energy": ("fj_per_mac", "", 1e15),
    "clock": ("cycle_ns", "cycle_", 1e9),
    "area": ("area_mm2", "area_", 1e6),
}  # the key's last words, the prefix of its ratio and reason, and its factor from SI


@dataclass(frozen=True)
class Figure:
    """One predicted quantity (SI) with its band, beside the reported one; None where there is none.

    ``reason`` says why nothing was predicted or compared. ``parts`` are those of the prediction.
    """

    predicted: float | None = None
    low: float | None = None
    high: float | None = None
    reported: float | None = None
    parts: Mapping[str, float] = field(default_factory=dict)
    in_sample: float | None = None
    reason: str = ""

    @property
    def ratio(self) -> float | None:
        """Predicted over reported, None where one of them is missing."""
        return _ratio(self.predicted, self.reported)

    @property
    def in_sample_ratio(self) -> float | None:
        """The same, with parameters that were fitted to the point as well."""
        return _ratio(self.in_sample, self.reported)

    @property
    def held(self) -> bool | None:
        """Whether the reported figure lies in the band, None where one of them is missing."""
        if self.low is None or self.high is None or self.reported is None:
            return None
        return self.low <= self.reported <= self.high

    @property
    def to_blame(self) -> str:
        """The part that is the largest share of the prediction."""
        return max(self.parts, key=lambda name: self.parts[name]) if self.parts else ""


@dataclass(frozen=True)
class Comparison:
    """One operating point: each quantity predicted and reported, what was assumed, the family of its macro."""

    point: PublishedPoint
    family: Family | None
    figures: Mapping[Quantity, Figure]
    assumed: tuple[Assumption, ...]

    def record(self) -> dict[str, object]:
        """Return the comparison for JSON: energies in femtojoules, cycles in ns, areas in mm2, as published."""
        found: dict[str, object] = {"chip_id": self.point.chip_id}
        for quantity in QUANTITIES:
            figure, (name, prefix, factor) = self.figures[quantity], _SCALE[quantity]
            found[f"predicted_{name}"] = _times(figure.predicted, factor)
            found[f"predicted_low_{name}"] = _times(figure.low, factor)
            found[f"predicted_high_{name}"] = _times(figure.high, factor)
            found[f"reported_{name}"] = _times(figure.reported, factor)
            found[f"{prefix}ratio"] = figure.ratio
            if quantity == "energy":
                found["excluded"] = figure.predicted is None
            found[f"{prefix}reason"] = figure.reason
        found["states_activity"] = self.point.states_activity
        found["assumed"] = [str(assumption) for assumption in self.assumed]
        return found


@dataclass(frozen=True)
class Validation:
    """All points of a file, and the calibration with every published macro, for the record."""

    comparisons: tuple[Comparison, ...]
    calibrations: Mapping[Quantity, Calibration]

    def errors(
        self, quantity: Quantity = "energy", family: Family | None = None, *, in_sample: bool = False
    ) -> Errors | None:
        """Return the errors of one family's points, of all without ``family``; None if nothing was compared."""
        return errors_of(
            (c.point.silicon_id, ratio, figure.low, figure.high, figure.held)
            for c in self.comparisons
            if (family is None or c.family == family)
            and (ratio := (figure := c.figures[quantity]).in_sample_ratio if in_sample else c.figures[quantity].ratio)
        )
