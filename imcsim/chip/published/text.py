"""A validation as plain text: headline, a table for each family, what was left out and why, the calibration."""

from collections.abc import Iterator
from itertools import groupby

from imcsim.chip.published.calibration import PARAMETERS, Calibration
from imcsim.chip.published.compare import Comparison, Errors, Validation

_CHIP, _NUMBER = 34, 11


def text(validation: Validation, name: str) -> str:
    """Return the validation of the points of file ``name`` as text, ending in a newline."""
    return "\n".join(_lines(validation, name)) + "\n"


def _lines(validation: Validation, name: str) -> Iterator[str]:
    excluded = [c for c in validation.comparisons if c.excluded]
    yield f"Energy per MAC of published chips, {name}: each chip predicted without its own figures (leave one chip out)"
    yield from _headline(validation, len(excluded))
    for family in PARAMETERS:
        errors, rows = validation.errors(family), [c for c in validation.comparisons if c.family == family]
        if errors is not None:
            yield ""
            yield f"{family}: {_errors(errors)}"
            yield from _table(rows)
    if excluded:
        yield ""
        yield "Not predicted"
        for (chip_id, reason), same in groupby(excluded, key=lambda c: (c.point.chip_id, c.reason)):
            count = len(list(same))
            yield f"  {chip_id}{f' ({count} points)' if count > 1 else ''}: {reason}"
    yield ""
    yield "Calibration on all published chips that come with imcsim (each prediction used one without its own chip)"
    for calibration in validation.calibrations:
        yield from _calibration(calibration)


def _headline(validation: Validation, excluded: int) -> Iterator[str]:
    errors = validation.errors()
    if errors is None:
        yield f"  no point predicted, {excluded} left out"
        return
    yield f"  {_errors(errors)}; {excluded} points left out, named below"


def _errors(errors: Errors) -> str:
    return (
        f"{errors.points} points of {errors.chips} chips, median error {errors.median_error:.0%} "
        f"({errors.median_error_by_chip:.0%} over chips), {errors.within_two:.0%} within 2x, "
        f"worst {errors.worst_factor:.2f}x"
    )


def _table(rows: list[Comparison]) -> Iterator[str]:
    yield f"  {'chip':<{_CHIP}}{'predicted':>{_NUMBER}}{'reported':>{_NUMBER}}{'ratio':>7}   fJ per MAC; parts"
    for row in rows:
        if row.predicted_j is None or row.point.reported_j is None or row.ratio is None:
            continue
        parts = ", ".join(f"{name} {value / row.predicted_j:.0%}" for name, value in row.parts_j.items())
        said = f"; {row.reason}" if row.reason else ""
        numbers = f"{_fj(row.predicted_j):>{_NUMBER}}{_fj(row.point.reported_j):>{_NUMBER}}{row.ratio:>7.2f}"
        yield f"  {row.point.chip_id:<{_CHIP}}{numbers}   {parts}{said}"


def _calibration(calibration: Calibration) -> Iterator[str]:
    for name, value in calibration.values.items():
        yield f"  {calibration.family}.{name} = {value:.4g}, {PARAMETERS[calibration.family][name]}"
    yield f"    fitted to {', '.join(calibration.chips)}"


def _fj(joules: float) -> str:
    return f"{joules * 1e15:.2f}"
