"""Predictions for chips that train, as plain text of at most 98 columns."""

import textwrap
from collections.abc import Iterator, Sequence

from imcsim.core.units import SECONDS_PER_YEAR, with_prefix
from imcsim.published.training import ChipFound
from imcsim.published.training_prediction import Prediction

_WIDTH = 98
_YEARS = 0.01 * SECONDS_PER_YEAR
_LARGE = 1e5
_NEAR = 1.05


def text(found: Sequence[ChipFound], source: str) -> str:
    """Return all predictions, what is unknown of each chip, and a count, ending in a newline."""
    return "\n".join(_lines(found, source)) + "\n"


def _lines(found: Sequence[ChipFound], source: str) -> Iterator[str]:
    yield f"{source}: chips that learned on their arrays,"
    yield "predicted without a fit; a band is over the stated ranges of what is unknown"
    for chip in found:
        yield ""
        yield chip.chip.chip_id
        for one in chip.predictions:
            yield from _wrapped(_row(one))
        if not chip.predictions:
            yield "  not predicted: too little is stated, or it needs the learner"
        if chip.chip.unknown:
            yield from _wrapped("unknown: " + ", ".join(name.replace("_", " ") for name in chip.chip.unknown))
    yield ""
    compared = [one.beyond for chip in found for one in chip.predictions if one.beyond is not None]
    within = sum(beyond == 1.0 for beyond in compared)
    near = sum(1 / _NEAR <= beyond <= _NEAR for beyond in compared)
    yield f"{len(compared)} figures compared: {within} within their band, {near - within} more within 5 % of it"


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, _WIDTH, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False)


def _row(one: Prediction) -> str:
    found = "not predicted" if one.low is None or one.high is None else _band(one.low, one.high, one.unit)
    if one.reported is None or one.fact is None:
        return f"{one.quantity}: {found}"
    bound = f" {one.fact.bound}" if one.fact.bound in ("at most", "about") else ""
    said = f"{one.quantity}: {found}; {one.fact.shown_as}:{bound} {_shown(one.reported, one.unit)}"
    return (
        said
        if one.beyond is None or one.beyond == 1.0
        else f"{said}, {_times(one.beyond)} {'it' if one.low == one.high else 'the band'}"
    )


def _band(low: float, high: float, unit: str) -> str:
    return _shown(low, unit) if low == high else f"{_shown(low, unit)} to {_shown(high, unit)}"


def _times(beyond: float) -> str:
    return f"{beyond:.3g} times above" if beyond > 1 else f"{1 / beyond:.3g} times below"


def _shown(value: float, unit: str) -> str:
    if unit == "s" and value >= _YEARS:
        return f"{value / SECONDS_PER_YEAR:.3g} years"
    if unit:
        return with_prefix(value, unit)
    return f"{value:.3g}" if value < _LARGE else f"{value:.2e}"
