"""NeuroSim's multilevel sense amplifier: one current comparison for every level, all at once."""

import math

from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.periphery.table import Amount, check_increasing, log_log


class MultilevelSenseAmp(FrozenConfig):
    """Column power of the current-mode amplifier (DNN_NeuroSim_V1.3 MultilevelSenseAmp.cpp, GetColumnPower, LSTP).

    P = p_ref (2^b - 1) + p_R exp(-k log10(R_column)); energy P t. One entry of each tuple per node; energy between
    nodes is interpolated on log-log axes. Supply voltage is inside the fit, which was made at a read voltage of 0.5 V;
    the original scales the resistance for another one, here it is taken as it is. ``time_s`` is the floor of the
    sensing time, which holds at 22 nm and below.
    """

    bits_min: int = Field(ge=1)
    bits_max: int = Field(ge=1)
    feature_sizes_m: tuple[float, ...] = Field(min_length=2)
    power_per_reference_w: tuple[float, ...]
    power_resistive_w: tuple[float, ...]
    resistive_slope: tuple[float, ...]
    time_s: float = Field(gt=0)

    @model_validator(mode="after")
    def _tables(self) -> "MultilevelSenseAmp":
        columns = (self.power_per_reference_w, self.power_resistive_w, self.resistive_slope)
        if any(len(column) != len(self.feature_sizes_m) for column in columns):
            raise ValueError("every coefficient needs one entry for each of feature_sizes_m")
        check_increasing("feature_sizes_m", self.feature_sizes_m)
        if self.bits_min > self.bits_max:
            raise ValueError(f"bits_min ({self.bits_min}) must be <= bits_max ({self.bits_max})")
        return self

    def energy_j(self, feature_size_m: float, bits: int, conductance_s: Amount) -> Amount:
        """Return the energy (J) of sensing a column of ``conductance_s`` (S) at a node inside ``feature_sizes_m``.

        An array holds a column in each element, and so does what is returned.
        """
        columns = zip(self.power_per_reference_w, self.power_resistive_w, self.resistive_slope, strict=True)
        # exp(-k log10(1/G)) written as a power of G, so that an open column (G = 0) draws nothing.
        powers: list[Amount] = [
            per_reference * (2**bits - 1) + resistive * conductance_s ** (slope / math.log(10))
            for per_reference, resistive, slope in columns
        ]
        return log_log(feature_size_m, self.feature_sizes_m, [watts * self.time_s for watts in powers])
