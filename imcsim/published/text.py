"""A validation as plain text of at most 110 columns: errors and bands, each row, what was left out, the calibration."""

import textwrap
from collections.abc import Iterator

from imcsim.published.calibration import QUANTITIES
from imcsim.published.compare import Validation
from imcsim.published.parameters import PARAMETERS
from imcsim.published.scope import FAMILIES
from imcsim.published.tables import NAMES, ROWS, SUMMARY, assumed, columns, left_out, lines, promise, summary, worst

WIDTH = 110


def text(validation: Validation, name: str) -> str:
    """Return the validation of the points of file ``name`` as text, ending in a newline."""
    return "\n".join(_lines(validation, name)) + "\n"


def _lines(validation: Validation, name: str) -> Iterator[str]:
    yield from _wrapped(
        f"Published macros, {name}: each row as a macro, by the functions that price a chip; errors of parameters that "
        f"were fitted to other silicon alone (leave one silicon out); bands are said to hold {promise()}"
    )
    yield ""
    yield from columns([SUMMARY, *summary(validation)])
    for family in FAMILIES:
        if rows := lines(validation, family):
            yield from ("", NAMES[family], *columns([ROWS, *(row.cells() for row in rows)]))
    if far := worst(validation):
        said = ", ".join(f"{row.silicon_id} {row.quantity} {row.off:.1f}x ({row.figure.to_blame})" for row in far)
        yield from ("", *_wrapped(f"Farther off than 2x, with the largest term: {said}"))
    if named := left_out(validation):
        yield from ("", "Energy not predicted")
        for silicon_id, reason in named:
            yield from _wrapped(f"{silicon_id}: {reason}", 2)
    if counts := assumed(validation):
        said = ", ".join(f"{fact} {count}" for fact, count in counts)
        yield from ("", *_wrapped(f"Assumed, with a range that widens the band, by number of rows: {said}"))
    yield from ("", "Factors fitted to all published macros that come with imcsim (1: as in the component's file)")
    for quantity in QUANTITIES:
        calibration = validation.calibrations[quantity]
        for parameter in PARAMETERS[quantity]:
            value, spread = calibration.values[parameter.name], calibration.spread[parameter.name]
            yield from _wrapped(f"{parameter.name} {value:.2f} (+-{spread:.0%}): {parameter.words}", 2)


def _wrapped(line: str, indent: int = 0) -> Iterator[str]:
    """Yield a line in columns; what follows its first is indented by two more."""
    yield from textwrap.wrap(line, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2))
