"""A validation as plain text of at most 100 columns: headline, tables, what was left out and why, the calibration."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from imcsim.published.calibration import PARAMETERS, Calibration
from imcsim.published.compare import Comparison, Quantity, Validation
from imcsim.published.errors import Errors
from imcsim.published.figure import Figure
from imcsim.published.parts import states_activity
from imcsim.published.scope import Family

WIDTH = 100
_CHIP, _ENERGY, _FIGURE, _RATIO = 28, 10, 9, 7
_FAMILIES: tuple[Family, ...] = ("rram", "analog-sram", "digital-sram")
_QUANTITIES: dict[Quantity, str] = {"energy": "energy per MAC", "clock": "clock, SRAM", "area": "area, SRAM"}
_CLOSE = 0.2  # what "close" means for points that state their activity


def text(validation: Validation, name: str) -> str:
    """Return the validation of the points of file ``name`` as text, ending in a newline."""
    return "\n".join(_lines(validation, name)) + "\n"


def _lines(validation: Validation, name: str) -> Iterator[str]:
    yield from _wrapped(
        f"Published chips, {name}: predicted from their public description, each chip without its own figures "
        "(leave one chip out)"
    )
    yield from _headline(validation)
    for family in _FAMILIES:
        rows = [c for c in validation.comparisons if c.family == family and not c.excluded and not c.assumed]
        if (errors := validation.errors(family)) is not None:
            yield from ("", *_wrapped(f"{family}, energy per MAC: {_errors(errors)}"), *_energies(rows))
    if (errors := validation.errors(assumed=True)) is not None:
        yield from ("", *_wrapped(f"With an assumed activity, not in the headline: {_errors(errors)}"))
        yield from _energies([c for c in validation.comparisons if c.assumed])
    yield from _figures(validation.comparisons)
    excluded = [c for c in validation.comparisons if c.excluded]
    yield from _named("Energy not predicted", [(c.point.chip_id, c.reason) for c in excluded])
    yield from _named("Clock not compared", [(c.point.chip_id, c.clock.reason) for c in _left(validation, "clock")])
    yield from _named("Area not compared", [(c.point.chip_id, c.area.reason) for c in _left(validation, "area")])
    yield ""
    yield from _wrapped(
        "Calibration on all published chips that come with imcsim (each prediction used one without its own chip); "
        "all else is counted from cited units"
    )
    for calibration in validation.calibrations:
        yield from _calibration(calibration)


def _headline(validation: Validation) -> Iterator[str]:
    for quantity, name in _QUANTITIES.items():
        errors = validation.errors(quantity=quantity)
        yield from _wrapped(f"{f'{name}:':<16}{'nothing to compare' if errors is None else _errors(errors)}", 2)
    described = [c for c in validation.comparisons if states_activity(c.point) and c.family != "rram"]
    counts = []
    for quantity in _QUANTITIES:
        ratios = [ratio for c in described if (ratio := c.ratio_of(quantity)) is not None]
        counts.append(f"{quantity} {sum(abs(ratio - 1) <= _CLOSE for ratio in ratios)} of {len(ratios)}")
    if described:
        said = f"SRAM points that state toggle rate and weight density, within 20%: {', '.join(counts)}"
        yield from _wrapped(said, 2)
    excluded = sum(c.excluded for c in validation.comparisons)
    yield f"  {excluded} points have no predicted energy; each is named below with the reason"


def _errors(errors: Errors) -> str:
    return (
        f"{errors.points} points, {errors.chips} chips; median error {errors.median_error:.0%} "
        f"({errors.median_error_by_chip:.0%} by chip), {errors.within_two:.0%} within 2x, "
        f"worst {_factor(errors.worst_factor)}x"
    )


def _factor(value: float) -> str:
    return f"{value:.2f}" if value < 1000 else f"{value:.1e}"


def _energies(rows: Iterable[Comparison]) -> Iterator[str]:
    yield f"  {'chip':<{_CHIP}}{'predicted':>{_ENERGY}}{'reported':>{_ENERGY}}{'ratio':>{_RATIO}}  fJ; parts"
    for row in rows:
        if row.predicted_j is None or row.point.reported_j is None or row.ratio is None:
            continue
        whole = row.predicted_j or 1.0
        parts = ", ".join(f"{name} {value / whole:.0%}" for name, value in row.parts_j.items())
        numbers = f"{_number(row.predicted_j * 1e15):>{_ENERGY}}{_number(row.point.reported_j * 1e15):>{_ENERGY}}"
        yield f"  {_chip(row.point.chip_id)}{numbers}{_ratio(row.ratio)}  {parts}"
        if row.reason:
            yield from _wrapped(f"({row.reason})", 6)


def _figures(comparisons: Iterable[Comparison]) -> Iterator[str]:
    rows = [c for c in comparisons if c.clock.ratio is not None or c.area.ratio is not None]
    if not rows:
        return
    names = "".join(f"{name:>{_FIGURE}}" for name in ("predicted", "reported"))
    heads = f"{names}{'ratio':>{_RATIO}}"
    yield ""
    yield "SRAM, clock (ns) and area (mm2)"
    yield f"  {'':<{_CHIP}}{'clock':>{2 * _FIGURE + _RATIO}}   {'area':>{2 * _FIGURE + _RATIO}}"
    yield f"  {'chip':<{_CHIP}}{heads}   {heads}"
    lines = [
        (
            f"  {_chip(c.point.chip_id)}{_cells(c.clock, 1e9)}   {_cells(c.area, 1e6)}",
            c.clock.reason if c.clock.ratio else "",
        )
        for c in rows
    ]
    for (line, said), same in groupby(lines):
        count = len(list(same))
        yield f"{line}{f'  {count} points' if count > 1 else ''}"
        if said:
            yield from _wrapped(f"({said})", 6)


def _cells(figure: Figure, factor: float) -> str:
    numbers = (figure.predicted, figure.reported)
    shown = ("-" if value is None else _number(value * factor) for value in numbers)
    return "".join(f"{value:>{_FIGURE}}" for value in shown) + _ratio(figure.ratio)


def _left(validation: Validation, quantity: Quantity) -> list[Comparison]:
    """Return the points of SRAM arrays that have no ratio of ``quantity``."""
    sram = [c for c in validation.comparisons if c.family != "rram" and c.family is not None]
    return [c for c in sram if c.ratio_of(quantity) is None]


def _named(title: str, reasons: Sequence[tuple[str, str]]) -> Iterator[str]:
    if not reasons:
        return
    yield from ("", title)
    for (chip_id, reason), same in groupby(reasons):
        count = len(list(same))
        yield from _wrapped(f"{chip_id}{f' ({count} points)' if count > 1 else ''}: {reason}", 2)


def _calibration(calibration: Calibration) -> Iterator[str]:
    for name, value in calibration.values.items():
        said = f"{calibration.family}.{name} = {value:.4g}, {PARAMETERS[calibration.family][name]}"
        yield from _wrapped(said, 2)
    yield from _wrapped(f"fitted to {', '.join(calibration.chips)}", 4)


def _wrapped(line: str, indent: int = 0) -> Iterator[str]:
    """Yield a line in at most 100 columns; what follows its first is indented by two more."""
    yield from textwrap.wrap(line, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2))


def _chip(chip_id: str) -> str:
    return f"{chip_id if len(chip_id) < _CHIP else f'{chip_id[: _CHIP - 3]}..':<{_CHIP}}"


def _ratio(ratio: float | None) -> str:
    shown = "-" if ratio is None else f"{ratio:.2f}" if 0.005 <= ratio < 1000 else f"{ratio:.0e}"
    return f"{shown:>{_RATIO}}"


def _number(value: float) -> str:
    """Return a number that fits a column, whatever its size: three digits below 1, two decimals above."""
    return f"{value:.2f}" if 1 <= value < 100_000 else f"{value:.3g}"
