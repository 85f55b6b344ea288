"""Temporary write failures and the pulses that worn cells take more: what retries cost.

Two classes of failure (Grossi et al., IEEE TED 66(3), 2019, doi 10.1109/TED.2019.2894387, abstract): a temporary one,
which another try repairs, and a permanent one, after which the cell is stuck (:mod:`imcsim.devices.worn_out`).
"""

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import ConfigError
from imcsim.devices.checks import require_at_least

FloatOrArray = TypeVar("FloatOrArray", float, NDArray[np.float64])

# 2 bits per cell, SDCFC, akashlevy/RRAM-RADAR-Tuning@5038af3 exptdata/sdr/data/2bpc (success of a cell 0.96-0.97) and
# presentations 'Updates 1-24-21.pptx' slide 28 (mean pulses 8.5 at 300 cycles, 9.4-9.6 at 8,000).
_FAILED_WRITES = {2: 0.04}
_PULSES_AT = ((300.0, 8.5), (8000.0, 9.5))


def temporary_failure_share(cell_bits: int) -> float | None:
    """Return the share of programming events that miss their level and are tried again; None where none is measured.

    0.04 at 2 bits per cell: akashlevy/RRAM-RADAR-Tuning@5038af3 exptdata/sdr/data/2bpc (per-cell success 0.96-0.97).
    """
    return _FAILED_WRITES.get(cell_bits)


def tries(failed_share: float) -> float:
    """Return the mean number of tries of an event that is repeated until it succeeds: 1 / (1 - p), geometric.

    Raises
    ------
    ConfigError
        If the share is not in 0..1, 1 excluded.
    """
    if not 0 <= failed_share < 1:
        raise ConfigError(f"the share of failed writes must be >= 0 and < 1, got {failed_share:g}")
    return 1 / (1 - failed_share)


def pulse_growth(cycles: FloatOrArray, cell_bits: int) -> FloatOrArray:
    """Return the pulses of an event after ``cycles`` cycles over those of a fresh cell, >= 1.

    At 2 bits per cell 8.5 pulses at 300 cycles and 9.5 at 8,000 (akashlevy/RRAM-RADAR-Tuning@5038af3 presentations
    'Updates 1-24-21.pptx' slide 28): two points, joined in log cycles and drawn on beyond (design choice), 1 before the
    first. Other bits per cell have no such measurement: 1.

    Raises
    ------
    ConfigError
        For negative cycles.
    """
    require_at_least("cycles", cycles)
    (first, fresh), (last, worn) = _PULSES_AT
    decades = np.log10(np.maximum(cycles, first) / first) if cell_bits == 2 else np.zeros(np.shape(cycles))
    growth = 1 + (worn / fresh - 1) * decades / math.log10(last / first)
    return growth if isinstance(cycles, np.ndarray) else float(growth)
