"""How long one row of cells takes to program: pulses of two directions in turn, and converters that verify in turn.

The selected lines of a row carry one polarity at a time (design choice: bipolar cells that share their lines): in each
round the cells that need SET have a pulse together, then those that need RESET, and a round without one of them spares
its pulse. A converter verifies the columns that share it one after the other; a position in that order is passed over
once none of its cells, one for each converter, is unfinished.

With S(x) the share of cells that need more than x pulses (lognormal), s the share of SET pulses, m cells written
together and c columns a converter, the expected numbers are

    pulses in turn  = integral of 1 - (1 - s S(x))^m over x, plus the same with 1 - s
    verify turns    = p x integral of 1 - (1 - S(x))^(m / p), p = min(c, m) positions in use

One cell takes its mean pulses, each with one verify; without RESET pulses and with a converter a column, the row takes
as long as its slowest cell.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import ConfigError
from imcsim.devices.rram import RramCell
from imcsim.devices.slowest import Floats, expected_maximum

FloatOrArray = TypeVar("FloatOrArray", float, NDArray[np.float64])


def expected_max_pulses(cell: RramCell, cell_bits: int, parallel_cells: FloatOrArray) -> FloatOrArray:
    """Return the pulses after which ``parallel_cells`` cells written together are all done.

    Pulse counts are skewed, so they are taken as lognormal with the cell's mean and 99th percentile; what is returned
    is the expected maximum of n draws (:func:`imcsim.devices.slowest.expected_maximum`). One cell takes the mean, no
    cell 0; rising in between; a fractional n is a mean over rows.

    Raises
    ------
    ConfigError
        For a negative count or one above 2^24, or bits per cell without measured pulse counts.
    """
    count = np.asarray(parallel_cells, dtype=np.float64)
    return _like(parallel_cells, _slowest(cell, cell_bits, count))


def pulses_in_turn(cell: RramCell, cell_bits: int, parallel_cells: FloatOrArray) -> FloatOrArray:
    """Return the pulses of a row that follow one another: SET and RESET of one round take turns.

    Raises
    ------
    ConfigError
        As :func:`expected_max_pulses`.
    """
    count, share = np.asarray(parallel_cells, dtype=np.float64), cell.set_pulse_share
    both = [_slowest(cell, cell_bits, count, part) for part in (share, 1 - share) if part > 0]
    return _like(parallel_cells, np.asarray(sum(both), dtype=np.float64))


def verify_turns(cell: RramCell, cell_bits: int, parallel_cells: FloatOrArray, columns_per_adc: int) -> FloatOrArray:
    """Return the verify reads of a row that follow one another, ``columns_per_adc`` columns a converter.

    The cells are spread evenly over the columns.

    Raises
    ------
    ConfigError
        As :func:`expected_max_pulses`, or for less than one column.
    """
    if columns_per_adc < 1:
        raise ConfigError(f"columns_per_adc must be >= 1, got {columns_per_adc}")
    count = np.asarray(parallel_cells, dtype=np.float64)
    positions = np.clip(count, 1.0, columns_per_adc)
    return _like(parallel_cells, positions * _slowest(cell, cell_bits, count / positions))


def row_write_time_s(
    cell: RramCell, cell_bits: int, parallel_cells: FloatOrArray, columns_per_adc: int
) -> FloatOrArray:
    """Return the time (s) to program one row with ``parallel_cells`` cells at once.

    Pulses in turn x pulse_time_s + verify turns x verify_time_s: see the head of this file.

    Raises
    ------
    ConfigError
        As :func:`verify_turns`.
    """
    pulsing = pulses_in_turn(cell, cell_bits, parallel_cells) * cell.pulse_time_s
    return pulsing + verify_turns(cell, cell_bits, parallel_cells, columns_per_adc) * cell.verify_time_s


def _slowest(cell: RramCell, cell_bits: int, cells: Floats, share: float = 1.0) -> Floats:
    """Return the expected pulses of the slowest of ``cells``, each of which counts with the chance ``share``."""
    return expected_maximum(cell.pulse_statistics(cell_bits), cells, share)


def _like(given: FloatOrArray, found: NDArray[np.float64]) -> FloatOrArray:
    return found if isinstance(given, np.ndarray) else float(found)
