"""Energy per MAC of an RRAM array that sums direct currents: the power of a column while it is sensed."""

import math

from imcsim.published.units import PublishedUnits


def rram_parts(
    units: PublishedUnits, *, supply_v: float, rows: int, cycle_s: float, bits_w: float, comparators: int = 1
) -> dict[str, float]:
    """Return the parts of one MAC's energy, before calibration.

    Parameters
    ----------
    rows
        Rows that are open at once, N.
    cycle_s
        Time of one MAC operation of the array, all phases of its inputs together (s).
    bits_w
        Bits of a weight.
    comparators
        Comparators that share the column's current: 2^b - 1 in a flash converter of b bits, else 1.

    Returns
    -------
    parts
        ``sense`` (J / A): Vdd t sqrt(N) c ceil(b_w / 4) / N; the calibration supplies amperes. A column carries current
        all the time that it is sensed. The sum of N products of independent bits spreads as sqrt(N), and it is that
        spread, not the largest sum, that arrays give current to: those with many rows use cells of less current.
        Neither the node nor a pulse energy enters.
    """
    conversions = math.ceil(bits_w / units.weight_bits_per_conversion) / rows
    return {"sense": supply_v * cycle_s * math.sqrt(rows) * comparators * conversions}
