"""Predictions beside reported figures: each macro with parameters that were fitted to other silicon alone."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from imcsim.published.bands import Miss, half_width, model_sigma, row_sigma
from imcsim.published.calibration import QUANTITIES, Calibration, Quantity, Sample, calibrate, without
from imcsim.published.errors import Bands, Errors, bands_of, errors_of
from imcsim.published.facts import Assumption, OutOfScope
from imcsim.published.parameters import PARAMETERS, parameters_of
from imcsim.published.points import PublishedPoint
from imcsim.published.predict import Prediction, predict
from imcsim.published.scope import Family, check_clock, check_energy, family_of
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

    @property
    def predicts_energy(self) -> bool:
        """Whether its energy is predicted."""
        return self.figures["energy"].predicted is not None

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
                found["excluded"] = not self.predicts_energy
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
            (c.point.silicon_id, ratio)
            for c in self.chosen(family)
            if (ratio := c.figures[quantity].in_sample_ratio if in_sample else c.figures[quantity].ratio) is not None
        )

    def bands(self, quantity: Quantity = "energy", family: Family | None = None) -> Bands | None:
        """Return how often bands held, and how wide they are; None if nothing was compared."""
        return bands_of(
            (c.point.silicon_id, held, (figure.high or 0.0) / (figure.low or 1.0))
            for c in self.chosen(family)
            if (held := (figure := c.figures[quantity]).held) is not None
        )

    def chosen(self, family: Family | None) -> list[Comparison]:
        """Return the comparisons of a family, all without one."""
        return [c for c in self.comparisons if family is None or c.family == family]


def validate(
    points: Sequence[PublishedPoint], references: Sequence[PublishedPoint], units: PublishedUnits
) -> Validation:
    """Predict ``points``, each with parameters and bands from ``references`` of other silicon.

    Reported figures of ``points`` are compared and never fitted; if they are references as well, this is
    leave-one-silicon-out.

    Raises
    ------
    DataError
        If ``references`` hold too few macros to calibrate on.
    """
    known = {point: _row(point, units) for point in dict.fromkeys((*references, *points))}
    models = {quantity: _Model(quantity, [known[point] for point in references]) for quantity in QUANTITIES}
    compared = []
    for point in points:
        row = known[point]
        figures = {quantity: model.figure(row) for quantity, model in models.items()}
        compared.append(Comparison(point, row.family, figures, row.made.prediction.assumed if row.made else ()))
    return Validation(tuple(compared), {quantity: model.full for quantity, model in models.items()})


def calibration(quantity: Quantity, references: Sequence[PublishedPoint], units: PublishedUnits) -> Calibration:
    """Return the fit of one quantity to all references; DataError as :func:`validate`."""
    return _Model(quantity, [_row(point, units, ends=False) for point in references]).full


@dataclass(frozen=True)
class _Made:
    """A point that a macro was made of: what it takes, and what with each assumption at an end of its range."""

    family: Family
    prediction: Prediction
    ends: tuple[tuple[Prediction, ...], ...]


@dataclass(frozen=True)
class _Row:
    """A point, and what was made of it; if nothing was, the reason."""

    point: PublishedPoint
    family: Family | None
    made: _Made | None
    reason: str


def _row(point: PublishedPoint, units: PublishedUnits, *, ends: bool = True) -> _Row:
    try:
        family = family_of(point)
    except OutOfScope as reason:
        return _Row(point, None, None, str(reason))
    try:
        found = predict(point, units)
    except OutOfScope as reason:
        return _Row(point, family, None, str(reason))
    open_ = [each for each in found.assumed if each.others and ends]
    others = tuple(tuple(predict(point, units, {each.name: other}) for other in each.others) for each in open_)
    return _Row(point, family, _Made(family, found, others), "")


class _Model:
    """One quantity: its references, the fits without one silicon that were made so far, and what those were off."""

    def __init__(self, quantity: Quantity, references: Sequence[_Row]) -> None:
        self.quantity: Quantity = quantity
        known = [
            (row.point, row.made, reported)
            for row in references
            if row.made is not None
            and not _why_not(quantity, row.point)
            and (reported := _reported(quantity, row.point)) is not None
        ]
        self.samples = [self._sample(point, made, made.prediction, reported) for point, made, reported in known]
        self.full = calibrate(quantity, PARAMETERS[quantity], self.samples)
        self._fits: dict[str, Calibration] = {}
        self._known = known

    @cached_property
    def misses(self) -> list[Miss]:
        """What each reference was off when it was left out."""
        return [self._miss(point, made, reported) for point, made, reported in self._known]

    def figure(self, row: _Row) -> Figure:
        """Return one point's figure: calibrated and banded without its own silicon."""
        point, reported = row.point, _reported(self.quantity, row.point)
        reason = row.reason or _why_not(self.quantity, point)
        if row.made is None or reason:
            return Figure(reported=reported, reason=reason)
        sample = self._sample(point, row.made, row.made.prediction)
        parts = self._without(point.silicon_id).parts(sample)
        predicted = math.fsum(parts.values())
        others = [miss for miss in self.misses if miss.silicon_id != point.silicon_id]
        wide = math.exp(half_width(model_sigma(others, row.made.family), self._row_sigma(point, row.made)))
        return Figure(
            predicted=predicted,
            low=predicted / wide,
            high=predicted * wide,
            reported=reported,
            parts=parts,
            in_sample=math.fsum(self.full.parts(sample).values()),
            reason="" if reported is not None else _NOT_STATED[self.quantity],
        )

    def _without(self, silicon_id: str) -> Calibration:
        if silicon_id not in self._fits:
            left = without(self.samples, silicon_id)
            same = len(left) == len(self.samples)
            self._fits[silicon_id] = self.full if same else calibrate(self.quantity, PARAMETERS[self.quantity], left)
        return self._fits[silicon_id]

    def _sample(self, point: PublishedPoint, made: _Made, prediction: Prediction, reported: float = 1.0) -> Sample:
        parts = {"energy": prediction.energy_j, "clock": prediction.time_s, "area": prediction.area_m2}[self.quantity]
        return Sample(point.silicon_id, parts, parameters_of(self.quantity, made.family, point), reported)

    def _total(self, point: PublishedPoint, made: _Made, prediction: Prediction) -> float:
        sample = self._sample(point, made, prediction)
        return math.fsum(self._without(point.silicon_id).parts(sample).values())

    def _row_sigma(self, point: PublishedPoint, made: _Made) -> float:
        usual = self._total(point, made, made.prediction)
        ends = [[self._total(point, made, end) for end in assumption] for assumption in made.ends]
        return row_sigma([max(abs(math.log(end / usual)) for end in assumption) for assumption in ends])

    def _miss(self, point: PublishedPoint, made: _Made, reported: float) -> Miss:
        ratio = self._total(point, made, made.prediction) / reported
        return Miss(point.silicon_id, made.family, math.log(ratio), self._row_sigma(point, made))


_NOT_STATED: dict[Quantity, str] = {
    "energy": "no energy of a MAC is stated",
    "clock": "no time of a whole input is stated",
    "area": "no area is stated",
}


def _reported(quantity: Quantity, point: PublishedPoint) -> float | None:
    return {"energy": point.reported_j, "clock": point.input_s, "area": point.area_m2}[quantity]


def _why_not(quantity: Quantity, point: PublishedPoint) -> str:
    checks: dict[Quantity, Callable[[PublishedPoint], None]] = {"energy": check_energy, "clock": check_clock}
    if quantity not in checks:
        return ""
    try:
        checks[quantity](point)
    except OutOfScope as reason:
        return str(reason)
    return ""


def _ratio(predicted: float | None, reported: float | None) -> float | None:
    return None if predicted is None or reported is None else predicted / reported


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
