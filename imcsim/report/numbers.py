"""Numbers for people: a column shares one unit, a mean shows as many digits as its spread allows."""

import math
import statistics
from collections.abc import Sequence

from imcsim.core.units import with_prefix

_FACTORS = {
    "a": 1e-18, "f": 1e-15, "p": 1e-12, "n": 1e-9, "µ": 1e-6, "m": 1e-3,
    "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15,
}  # fmt: skip


def common_unit(values: Sequence[float], unit: str) -> tuple[str, float]:
    """Return the prefixed unit that suits the median of ``values`` and its factor: ``("mJ", 1e-3)``."""
    sizes = sorted(abs(value) for value in values if value)
    if not sizes:
        return unit, 1.0
    prefixed = with_prefix(statistics.median_low(sizes), unit).split(" ", 1)[1]
    return prefixed, _FACTORS[prefixed.removesuffix(unit)]


def plain(value: float, digits: int = 3) -> str:
    """Return ``value`` with ``digits`` significant digits and no exponent: ``plain(12345.6)`` is ``"12346"``."""
    return f"{value:.{_decimals(value, digits)}f}"


def plus_minus(mean: float, sd: float, n: int, decimals: int | None = None) -> str:
    """Return ``mean ± sd``, both with ``decimals`` (None: three digits of the mean); one value has no spread."""
    places = _decimals(mean, 3) if decimals is None else decimals
    return f"{mean:.{places}f} ± {sd:.{places}f}" if n > 1 else f"{mean:.{places}f}"


def short(value: float) -> str:
    """Return ``value`` with an SI prefix and no unit: ``short(12345)`` is ``"12.3 k"``; 1e18 and more as 1e18."""
    return f"{value:.1e}" if abs(value) >= 1e18 else with_prefix(value, "")


def _decimals(value: float, digits: int) -> int:
    if value == 0:
        return 0
    return max(0, digits - 1 - math.floor(math.log10(abs(value))))
