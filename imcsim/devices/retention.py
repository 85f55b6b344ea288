"""Margins between levels after cycling, and how long a level is kept at another temperature.

What is measured is little, and nothing is filled in: error rates of 3-bit cells at two numbers of cycles, and one
activation energy.
"""

import math

from imcsim.core.errors import ConfigError

_BOLTZMANN_EV_PER_K = 8.617333262e-5  # CODATA 2018
_ACTIVATION_EV = 2.25  # akashlevy/RRAM-RADAR-Tuning@5038af3 exptdata/retention/retcalc.py
_SPECIFIED_S, _SPECIFIED_K = 3.15e8, 358.15  # 10 years at 85 C: Intel 22FFL, doi 10.23919/VLSIT.2019.8776570
_MARGIN_CYCLES = {3: 5e3}  # akashlevy/RRAM-RADAR-Tuning@5038af3 exptdata/retention/data/README.md, experiments 7 and 6


def margin_cycles(cell_bits: int) -> float | None:
    """Return the cycles after which levels overlap too much to be of use; None where none is measured.

    At 3 bits per cell the bit error rate grows from 0.5 % fresh to 10 % after 5,000 cycles:
    akashlevy/RRAM-RADAR-Tuning@5038af3 exptdata/retention/data/README.md, experiments 7 and 6. The cell still switches.
    """
    return _MARGIN_CYCLES.get(cell_bits)


def retention_time_s(time_s: float, temperature_k: float, other_k: float) -> float:
    """Return the retention time (s) at ``other_k`` (K) of a cell that keeps its level ``time_s`` at ``temperature_k``.

    t(T2) = t(T1) exp(Ea / kB (1 / T2 - 1 / T1)) with Ea = 2.25 eV: akashlevy/RRAM-RADAR-Tuning@5038af3
    exptdata/retention/retcalc.py. It says nothing of cycling: no equation of retention against cycles was found.

    Raises
    ------
    ConfigError
        For a time or temperature <= 0, or a result beyond what a float holds.
    """
    for name, value in (("time_s", time_s), ("temperature_k", temperature_k), ("other_k", other_k)):
        if not 0 < value < math.inf:
            raise ConfigError(f"{name} must be finite and > 0, got {value:g}")
    exponent = _ACTIVATION_EV / _BOLTZMANN_EV_PER_K * (1 / other_k - 1 / temperature_k)
    if exponent + math.log(time_s) > 700:
        raise ConfigError(f"at {other_k:g} K the retention time is beyond what a number holds; choose a higher one")
    return time_s * math.exp(exponent)


def specified_retention_s(temperature_k: float) -> float:
    """Return how long (s) a fresh cell of one bit keeps its level at ``temperature_k`` (K).

    3.15e8 s (10 years) at 85 C is the specification of Intel 22FFL (doi 10.23919/VLSIT.2019.8776570), carried to other
    temperatures by :func:`retention_time_s`. No figure was found for more bits per cell or for cycled cells.

    Raises
    ------
    ConfigError
        As :func:`retention_time_s`.
    """
    return retention_time_s(_SPECIFIED_S, _SPECIFIED_K, temperature_k)
