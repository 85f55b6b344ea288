"""SI prefixes, for people only: numbers inside the engine carry none."""

import math

SECONDS_PER_DAY = 86_400.0
SECONDS_PER_YEAR = 365.25 * SECONDS_PER_DAY
DAYS_PER_YEAR = 365.25

_PREFIXES = {
    -18: "a", -15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P",
}  # fmt: skip


def with_prefix(value: float, unit: str, digits: int = 3) -> str:
    """Return ``value`` with an SI prefix: ``with_prefix(2.5e-12, "J")`` is ``"2.5 pJ"``."""
    if value == 0:
        return f"0 {unit}".rstrip()
    exponent = 3 * math.floor(math.log10(abs(value)) / 3)
    exponent = min(max(exponent, min(_PREFIXES)), max(_PREFIXES))
    mantissa = float(f"{value / 10.0**exponent:.{digits}g}")
    if abs(mantissa) >= 1000 and exponent < max(_PREFIXES):
        exponent += 3
        mantissa /= 1000
    return f"{mantissa:.{digits}g} {_PREFIXES[exponent]}{unit}".rstrip()


def area_mm2(area_m2: float) -> str:
    """Return an area in square millimetres, for people."""
    return f"{area_m2 * 1e6:.3g} mm²"
