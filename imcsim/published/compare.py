"""Predictions beside reported figures: each chip with parameters that were fitted to the other chips alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from imcsim.core.errors import ConfigError
from imcsim.published.area import area_family, area_parts, reported_area_m2
from imcsim.published.calibration import PARAMETERS, Calibration, Model, Sample, calibrate, without
from imcsim.published.clock import clock_of
from imcsim.published.errors import Errors, errors_of
from imcsim.published.figure import NOTHING, Figure
from imcsim.published.parts import assumptions, parts_of, states_activity
from imcsim.published.points import PublishedPoint
from imcsim.published.scope import Family, OutOfScope, array_family, family_of
from imcsim.published.units import PublishedUnits

Quantity = Literal["energy", "clock", "area"]


@dataclass(frozen=True)
class Comparison:
    """One operating point: predicted and reported energy (J) of one MAC, cycle (s) and area (m2).

    ``predicted_j`` is None exactly where ``excluded``; ``reason`` then says why, otherwise what was taken for
    granted. ``parts_j`` are the parts of the prediction. ``family`` is that of the array, None where it has no model.
    ``assumed`` tells that its activity was assumed, because its words do not tell.
    """

    point: PublishedPoint
    family: Family | None
    predicted_j: float | None
    parts_j: dict[str, float]
    reason: str
    clock: Figure = NOTHING
    area: Figure = NOTHING
    assumed: bool = False

    @property
    def excluded(self) -> bool:
        """Whether no model should predict this point's energy."""
        return self.predicted_j is None

    @property
    def ratio(self) -> float | None:
        """Predicted over reported energy, None where excluded."""
        if self.predicted_j is None or self.point.reported_j is None:
            return None
        return self.predicted_j / self.point.reported_j

    def ratio_of(self, quantity: Quantity) -> float | None:
        """Return predicted over reported of one quantity, None where one of them is missing."""
        return {"energy": self.ratio, "clock": self.clock.ratio, "area": self.area.ratio}[quantity]

    def record(self) -> dict[str, object]:
        """Return the comparison for JSON: energies in femtojoules, cycles in ns, areas in mm2, as published."""
        return {
            "chip_id": self.point.chip_id,
            "predicted_fj_per_mac": _times(self.predicted_j, 1e15),
            "reported_fj_per_mac": _times(self.point.reported_j, 1e15),
            "ratio": self.ratio,
            "excluded": self.excluded,
            "reason": self.reason,
            "predicted_cycle_ns": _times(self.clock.predicted, 1e9),
            "reported_cycle_ns": _times(self.clock.reported, 1e9),
            "cycle_ratio": self.clock.ratio,
            "cycle_reason": self.clock.reason,
            "predicted_area_mm2": _times(self.area.predicted, 1e6),
            "reported_area_mm2": _times(self.area.reported, 1e6),
            "area_ratio": self.area.ratio,
            "area_reason": self.area.reason,
            "states_activity": states_activity(self.point),
        }


@dataclass(frozen=True)
class Validation:
    """All points of a file, and the calibration with every published chip, for the record."""

    comparisons: tuple[Comparison, ...]
    calibrations: tuple[Calibration, ...]

    def errors(
        self, family: Family | None = None, quantity: Quantity = "energy", *, assumed: bool = False
    ) -> Errors | None:
        """Return the errors of one family's points, of all without ``family``; None if nothing was predicted.

        Energies with an assumed activity count only, and alone, with ``assumed``.
        """
        return errors_of(
            (c.point.chip_id, ratio)
            for c in self.comparisons
            if (ratio := c.ratio_of(quantity)) is not None
            and (family is None or c.family == family)
            and (quantity != "energy" or c.assumed == assumed)
        )


def validate(
    points: Sequence[PublishedPoint],
    references: Sequence[PublishedPoint],
    units: PublishedUnits,
    *,
    assumed_activity: float | None = None,
) -> Validation:
    """Predict ``points``, each calibrated on ``references`` without its own chip and paper.

    Reported figures of ``points`` are compared and never fitted; if they are references as well, this is
    leave-one-chip-out. With ``assumed_activity``, the share of gates that switch, digital arrays whose words do not
    tell are predicted as well, and marked.

    Raises
    ------
    DataError
        If ``references`` hold too few chips of a family to calibrate on.
    ConfigError
        If ``assumed_activity`` is not > 0 and <= 1.
    """
    if assumed_activity is not None and not 0 < assumed_activity <= 1:  # nan fails, too
        raise ConfigError(f"an assumed activity is a share > 0 and <= 1, got {assumed_activity:g}")
    models = _Models(units, _samples(references, units), assumed_activity)
    compared = tuple(models.compare(point) for point in points)
    fitted = [model for model in PARAMETERS if PARAMETERS[model]]
    return Validation(compared, tuple(calibrate(model, models.samples) for model in fitted))


@dataclass(frozen=True)
class _Models:
    """What predicts a point: samples of the references, and the fits without one chip that were made so far."""

    units: PublishedUnits
    samples: list[Sample]
    assumed_activity: float | None
    fits: dict[tuple[Model, str, str], Calibration] = field(default_factory=dict)

    def compare(self, point: PublishedPoint) -> Comparison:
        """Return the comparison of one point."""
        clock, area = clock_of(point, self.units), self._area(point)
        assumed = self.assumed_activity is not None and not states_activity(point)
        try:
            family = family_of(point, self.units, activity_assumed=assumed)
            assumed = assumed and family == "digital-sram"
            parts = parts_of(point, family, self.units, assumed_activity=self.assumed_activity)
        except OutOfScope as reason:
            return Comparison(point, _family(point), None, {}, str(reason), clock, area)
        joules = self._fit(family, point).predict(parts)
        said = assumptions(point, family)
        if assumed:
            said = "; ".join([f"activity of {self.assumed_activity:g} assumed", *([said] if said else [])])
        return Comparison(point, family, math.fsum(joules.values()), joules, said, clock, area, assumed)

    def _area(self, point: PublishedPoint) -> Figure:
        reported = None
        try:
            family = area_family(point, self.units)
            reported = reported_area_m2(point, family)
            parts = area_parts(point, family, self.units)
        except OutOfScope as reason:
            return Figure(None, reported, str(reason))
        if family == "analog-sram":
            parts = self._fit("analog-sram-area", point).predict(parts)
        return Figure(math.fsum(parts.values()), reported, "" if reported is not None else "no area is stated")

    def _fit(self, model: Model, point: PublishedPoint) -> Calibration:
        key = model, point.chip_id, point.title
        if key not in self.fits:
            self.fits[key] = calibrate(model, without(self.samples, point.chip_id, point.title))
        return self.fits[key]


def _family(point: PublishedPoint) -> Family | None:
    try:
        return array_family(point)
    except OutOfScope:
        return None


def _samples(references: Sequence[PublishedPoint], units: PublishedUnits) -> list[Sample]:
    found = []
    for point in references:
        for sample in (_energy_sample, _area_sample):
            try:
                made = sample(point, units)
            except OutOfScope:
                continue
            if made is not None:
                found.append(made)
    return found


def _energy_sample(point: PublishedPoint, units: PublishedUnits) -> Sample | None:
    family = family_of(point, units)
    parts = parts_of(point, family, units)
    return None if point.reported_j is None else Sample(point.chip_id, point.title, family, parts, point.reported_j)


def _area_sample(point: PublishedPoint, units: PublishedUnits) -> Sample | None:
    family = area_family(point, units)
    reported_m2 = reported_area_m2(point, family)
    if family != "analog-sram" or reported_m2 is None:
        return None
    return Sample(point.chip_id, point.title, "analog-sram-area", area_parts(point, family, units), reported_m2)


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
