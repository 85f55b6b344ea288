"""Column analog-to-digital converters under three published cost models, which disagree by up to ten times."""

import math
from typing import Literal

from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.core.errors import ConfigError
from imcsim.periphery.table import check_increasing, log_linear, log_log


class MacroFit(FrozenConfig):
    """Fit to complete 22-28 nm macros (KULeuven-MICAS/zigzag-imc@df34a6f aimc_cost_model.py, class ADC).

    Energy (k1 b + k2 4^b) Vdd^2; time b (t_row rows + t_0); area 10^(a1 b + a0) 2^b um2.
    """

    bits_min: int = Field(ge=1)
    bits_max: int = Field(ge=1)
    linear_f: float = Field(gt=0, description="k1, F per bit")
    exponential_f: float = Field(ge=0, description="k2, F")
    time_per_bit_and_row_s: float = Field(ge=0)
    time_per_bit_s: float = Field(gt=0)
    area_log10_slope: float
    area_log10_offset_um2: float = Field(description="a0: log10 of an area in um2, as published")

    @model_validator(mode="after")
    def _range_of_bits(self) -> "MacroFit":
        _check_bit_range(self.bits_min, self.bits_max)
        return self


class NeurosimFit(FrozenConfig):
    """Column power of NeuroSim's SAR converter (DNN_NeuroSim_V2.1@18289cb SarADC.cpp, GetColumnPower, LSTP, 300 K).

    P = p_bit b + p_0 + p_R exp(-k log10(R_column)); energy P (b + 1) t_bit. One entry of each tuple per node; energy
    between nodes is interpolated on log-log axes. Supply voltage is inside the fit.
    """

    bits_min: int = Field(ge=1)
    bits_max: int = Field(ge=1)
    feature_sizes_m: tuple[float, ...] = Field(min_length=2)
    power_per_bit_w: tuple[float, ...]
    power_offset_w: tuple[float, ...]
    power_resistive_w: tuple[float, ...]
    resistive_slope: tuple[float, ...]
    time_per_bit_s: float = Field(gt=0)

    @model_validator(mode="after")
    def _one_entry_per_node(self) -> "NeurosimFit":
        columns = (self.power_per_bit_w, self.power_offset_w, self.power_resistive_w, self.resistive_slope)
        if any(len(column) != len(self.feature_sizes_m) for column in columns):
            raise ValueError("every coefficient needs one entry for each of feature_sizes_m")
        check_increasing("feature_sizes_m", self.feature_sizes_m)
        _check_bit_range(self.bits_min, self.bits_max)
        return self


class SurveyTable(FrozenConfig):
    """Regression on the Murmann survey at one node (PyPI hwcomponents-adc 1.0.21 adc_data/model.yaml).

    Energy is read from a table over bits, log-linear between entries; ln(area/um2) = a_node ln(nm) + a_rate ln(Hz) +
    a_energy ln(pJ) + a_0.
    """

    bits: tuple[int, ...] = Field(min_length=2)
    energy_j: tuple[float, ...]
    rate_hz: float = Field(gt=0)
    area_ln_per_ln_nm: float
    area_ln_per_ln_hz: float
    area_ln_per_ln_pj: float
    area_ln_offset_um2: float

    @model_validator(mode="after")
    def _one_energy_per_entry(self) -> "SurveyTable":
        if len(self.energy_j) != len(self.bits):
            raise ValueError("energy_j needs one entry for each of bits")
        if min(self.energy_j) <= 0:
            raise ValueError(f"energy_j must hold values > 0, got {min(self.energy_j)}")
        check_increasing("bits", self.bits)
        return self


class Adc(FrozenConfig):
    """A column converter; ``model`` picks which published cost model prices it.

    ``neurosim`` states no area, so it uses the macro fit's. Supply voltage matters to ``macro-fit`` only, the column's
    conductance to ``neurosim`` only, the number of rows to the time of ``macro-fit`` only.
    """

    name: str
    model: Literal["macro-fit", "neurosim", "survey"]
    feature_size_m: float = Field(gt=0)
    macro_fit: MacroFit
    neurosim: NeurosimFit
    survey: SurveyTable

    def energy_j(self, bits: int, supply_v: float, column_conductance_s: float) -> float:
        """Return the energy of one conversion (J).

        Parameters
        ----------
        bits
            Resolution.
        supply_v
            Supply (V).
        column_conductance_s
            Conductance of the column while it is read (S), the sum over its open cells.

        Raises
        ------
        ConfigError
            For bits outside the model's range, a supply <= 0 or a negative conductance.
        """
        self._check(bits)
        if supply_v <= 0:
            raise ConfigError(f"adc '{self.name}': supply_v must be > 0, got {supply_v}")
        if column_conductance_s < 0:
            raise ConfigError(f"adc '{self.name}': column_conductance_s must be >= 0, got {column_conductance_s}")
        if self.model == "macro-fit":
            return (self.macro_fit.linear_f * bits + self.macro_fit.exponential_f * 4.0**bits) * supply_v**2
        if self.model == "neurosim":
            return _neurosim_energy_j(self.neurosim, self.feature_size_m, bits, column_conductance_s)
        return log_linear(bits, self.survey.bits, self.survey.energy_j)

    def time_s(self, bits: int, rows: int) -> float:
        """Return the time of one conversion (s) in an array of ``rows`` rows; ConfigError as :meth:`energy_j`."""
        self._check(bits)
        if self.model == "macro-fit":
            return bits * (self.macro_fit.time_per_bit_and_row_s * rows + self.macro_fit.time_per_bit_s)
        if self.model == "neurosim":
            return (bits + 1) * self.neurosim.time_per_bit_s
        return 1 / self.survey.rate_hz

    def area_m2(self, bits: int) -> float:
        """Return the area of one converter (m2); ConfigError as :meth:`energy_j`."""
        self._check(bits)
        if self.model == "survey":
            return _survey_area_m2(self.survey, self.feature_size_m, bits)
        fit = self.macro_fit
        return 10 ** (fit.area_log10_slope * bits + fit.area_log10_offset_um2) * 2.0**bits * 1e-12

    def _check(self, bits: int) -> None:
        low, high = self._bit_range()
        if not low <= bits <= high:
            raise ConfigError(
                f"adc '{self.name}': model '{self.model}' holds for {low} to {high} bits, got {bits}; "
                f"change adc_bits or adc.model"
            )

    def _bit_range(self) -> tuple[int, int]:
        if self.model == "survey":
            return self.survey.bits[0], self.survey.bits[-1]
        fit = self.macro_fit if self.model == "macro-fit" else self.neurosim
        return fit.bits_min, fit.bits_max


def _check_bit_range(low: int, high: int) -> None:
    if low > high:
        raise ValueError(f"bits_min ({low}) must be <= bits_max ({high})")


def _neurosim_energy_j(fit: NeurosimFit, feature_size_m: float, bits: int, conductance_s: float) -> float:
    nodes = fit.feature_sizes_m
    if not nodes[0] <= feature_size_m <= nodes[-1]:
        raise ConfigError(f"adc.feature_size_m must lie in {nodes[0]}..{nodes[-1]} m for 'neurosim': {feature_size_m}")
    energies = []
    for i in range(len(nodes)):
        # exp(-k log10(1/G)) written as a power of G, so that an open column (G = 0) draws nothing.
        resistive = fit.power_resistive_w[i] * conductance_s ** (fit.resistive_slope[i] / math.log(10))
        power_w = fit.power_per_bit_w[i] * bits + fit.power_offset_w[i] + resistive
        energies.append(power_w * (bits + 1) * fit.time_per_bit_s)
    return log_log(feature_size_m, nodes, energies)


def _survey_area_m2(table: SurveyTable, feature_size_m: float, bits: int) -> float:
    log_um2 = (
        table.area_ln_per_ln_nm * math.log(feature_size_m * 1e9)
        + table.area_ln_per_ln_hz * math.log(table.rate_hz)
        + table.area_ln_per_ln_pj * math.log(log_linear(bits, table.bits, table.energy_j) * 1e12)
        + table.area_ln_offset_um2
    )
    return math.exp(log_um2) * 1e-12
