"""Predictions for chips that train, as plain text of at most 120 columns."""

import textwrap
from collections.abc import Iterator, Sequence

from imcsim.core.units import SECONDS_PER_YEAR, with_prefix
from imcsim.published.training import ChipFound
from imcsim.published.training_prediction import Prediction

_NAME, _BAND, _REPORTED = 48, 24, 14
_WIDTH = 118
_YEARS = 0.01 * SECONDS_PER_YEAR
_LARGE = 1e5
_NEAR = 1.05


def text(found: Sequence[ChipFound], source: str) -> str:
    """Return all predictions, what is unknown of each chip, and a count, ending in a newline."""
    return "\n".join(_lines(found, source)) + "\n"


def _lines(found: Sequence[ChipFound], source: str) -> Iterator[str]:
    yield f"{source}: chips that learned on their arrays, predicted without a fit; bands are over what is unknown"
    yield f"{'':<{_NAME}}{'predicted':>{_BAND}}{'reported':>{_REPORTED}}"
    for chip in found:
        yield ""
        yield chip.chip.chip_id
        for one in chip.predictions:
            yield _row(one)
        if not chip.predictions:
            yield "  not predicted: too little is stated, or it needs the learner"
        if chip.chip.unknown:
            yield from textwrap.wrap(
                "unknown: " + ", ".join(name.replace("_", " ") for name in chip.chip.unknown), _WIDTH,
                initial_indent="  ", subsequent_indent="    ",
            )  # fmt: skip
    yield ""
    compared = [one.beyond for chip in found for one in chip.predictions if one.beyond is not None]
    within = sum(beyond == 1.0 for beyond in compared)
    near = sum(1 / _NEAR <= beyond <= _NEAR for beyond in compared)
    yield f"{len(compared)} figures compared: {within} within their band, {near - within} more within 5 % of it"


def _row(one: Prediction) -> str:
    band = "not predicted" if one.low is None or one.high is None else _band(one.low, one.high, one.unit)
    reported = "-" if one.reported is None else _shown(one.reported, one.unit)
    mark = "" if one.fact is None or one.reported is None else f"  {one.fact.shown_as}"
    bound = f", {one.fact.bound}" if one.fact is not None and mark and one.fact.bound in ("at most", "about") else ""
    off = f", {_times(one.beyond)} the band" if one.beyond not in (None, 1.0) and one.beyond is not None else ""
    return f"  {one.quantity:<{_NAME - 2}}{band:>{_BAND}}{reported:>{_REPORTED}}{mark}{bound}{off}"


def _band(low: float, high: float, unit: str) -> str:
    return _shown(low, unit) if low == high else f"{_shown(low, unit)} to {_shown(high, unit)}"


def _times(beyond: float) -> str:
    return f"{beyond:.3g}x above" if beyond > 1 else f"{1 / beyond:.3g}x below"


def _shown(value: float, unit: str) -> str:
    if unit == "s" and value >= _YEARS:
        return f"{value / SECONDS_PER_YEAR:.3g} years"
    if unit:
        return with_prefix(value, unit)
    return f"{value:.3g}" if value < _LARGE else f"{value:.2e}"
