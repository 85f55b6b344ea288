"""Column analog-to-digital converters under published cost models, which disagree by up to ten times."""

import math
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.core.errors import ConfigError
from imcsim.periphery.converter_table import ConverterTable
from imcsim.periphery.multilevel_sense_amp import MultilevelSenseAmp
from imcsim.periphery.table import Amount, check_increasing, log_linear, log_log

AdcModel = Literal["macro-fit", "neurosim", "neurosim-mlsa", "survey", "table"]


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
    """A column converter; ``model`` picks which published cost model prices it, of those whose table is given.

    ``neurosim`` and ``neurosim-mlsa`` state no area, so they use the macro fit's. Supply voltage matters to
    ``macro-fit`` only, the column's conductance to the two of NeuroSim only, the number of rows to the time of
    ``macro-fit`` only. ``table`` knows the bits of its entries and no others.
    """

    name: str
    model: AdcModel
    feature_size_m: float = Field(gt=0)
    macro_fit: MacroFit
    neurosim: NeurosimFit | None = None
    neurosim_mlsa: MultilevelSenseAmp | None = None
    survey: SurveyTable | None = None
    table: ConverterTable | None = None

    @model_validator(mode="after")
    def _model_is_given(self) -> "Adc":
        self._chosen()
        return self

    @property
    def follows_conductance(self) -> bool:
        """Whether the energy of a conversion depends on the column's conductance."""
        return isinstance(self._chosen(), NeurosimFit | MultilevelSenseAmp)

    def energy_j(self, bits: int, supply_v: float, column_conductance_s: Amount) -> Amount:
        """Return the energy of one conversion (J).

        Parameters
        ----------
        bits
            Resolution.
        supply_v
            Supply (V).
        column_conductance_s
            Conductance of the column while it is read (S), the sum over its open cells. An array holds a column in
            each element (say, one for each task and PE), and so does what is returned.

        Raises
        ------
        ConfigError
            For bits outside the model's range, a supply <= 0 or a conductance that is negative or not a number.
        """
        self._check(bits)
        if supply_v <= 0:
            raise ConfigError(f"adc '{self.name}': supply_v must be > 0, got {supply_v}")
        if not np.all(np.asarray(column_conductance_s) >= 0):
            worst = float(np.min(column_conductance_s))
            raise ConfigError(f"adc '{self.name}': column_conductance_s must be >= 0, got {worst:g}")
        model = self._chosen()
        if isinstance(model, NeurosimFit):
            self._check_node(model.feature_sizes_m)
            return _neurosim_energy_j(model, self.feature_size_m, bits, column_conductance_s)
        if isinstance(model, MultilevelSenseAmp):
            self._check_node(model.feature_sizes_m)
            return model.energy_j(self.feature_size_m, bits, column_conductance_s)
        return self._alike_j(model, bits, supply_v) + 0.0 * column_conductance_s

    @staticmethod
    def _alike_j(model: MacroFit | SurveyTable | ConverterTable, bits: int, supply_v: float) -> float:
        """Joules of a conversion by a model that costs every column alike."""
        if isinstance(model, SurveyTable):
            return log_linear(bits, model.bits, model.energy_j)
        if isinstance(model, ConverterTable):
            return model.row(bits)[0]
        return (model.linear_f * bits + model.exponential_f * 4.0**bits) * supply_v**2

    def time_s(self, bits: int, rows: int) -> float:
        """Return the time of one conversion (s) in an array of ``rows`` rows; ConfigError as :meth:`energy_j`."""
        self._check(bits)
        model = self._chosen()
        if isinstance(model, NeurosimFit):
            return (bits + 1) * model.time_per_bit_s
        if isinstance(model, MultilevelSenseAmp):
            return model.time_s
        if isinstance(model, SurveyTable):
            return 1 / model.rate_hz
        if isinstance(model, ConverterTable):
            return model.row(bits)[1]
        return bits * (model.time_per_bit_and_row_s * rows + model.time_per_bit_s)

    def area_m2(self, bits: int) -> float:
        """Return the area of one converter (m2); ConfigError as :meth:`energy_j`."""
        self._check(bits)
        model, fit = self._chosen(), self.macro_fit
        if isinstance(model, SurveyTable):
            return _survey_area_m2(model, self.feature_size_m, bits)
        if isinstance(model, ConverterTable):
            return model.row(bits)[2]
        return 10 ** (fit.area_log10_slope * bits + fit.area_log10_offset_um2) * 2.0**bits * 1e-12

    def _chosen(self) -> MacroFit | NeurosimFit | MultilevelSenseAmp | SurveyTable | ConverterTable:
        models: dict[AdcModel, MacroFit | NeurosimFit | MultilevelSenseAmp | SurveyTable | ConverterTable | None] = {
            "macro-fit": self.macro_fit,
            "neurosim": self.neurosim,
            "neurosim-mlsa": self.neurosim_mlsa,
            "survey": self.survey,
            "table": self.table,
        }
        found = models[self.model]
        if found is None:
            raise ValueError(f"model = '{self.model}' needs the table [{self.model.replace('-', '_')}]")
        return found

    def _check(self, bits: int) -> None:
        model = self._chosen()
        if isinstance(model, ConverterTable):
            known, wanted = bits in model.bits, f"{', '.join(map(str, model.bits))} bits"
        else:
            ends = (
                (model.bits[0], model.bits[-1]) if isinstance(model, SurveyTable) else (model.bits_min, model.bits_max)
            )
            known, wanted = ends[0] <= bits <= ends[1], f"{ends[0]} to {ends[1]} bits"
        if not known:
            raise ConfigError(
                f"adc '{self.name}': model '{self.model}' holds for {wanted}, got {bits}; change adc_bits or adc.model"
            )

    def _check_node(self, nodes: tuple[float, ...]) -> None:
        if not nodes[0] <= self.feature_size_m <= nodes[-1]:
            raise ConfigError(
                f"adc.feature_size_m must lie in {nodes[0]}..{nodes[-1]} m for '{self.model}': {self.feature_size_m}"
            )


def _check_bit_range(low: int, high: int) -> None:
    if low > high:
        raise ValueError(f"bits_min ({low}) must be <= bits_max ({high})")


def _neurosim_energy_j(fit: NeurosimFit, feature_size_m: float, bits: int, conductance_s: Amount) -> Amount:
    nodes = fit.feature_sizes_m
    energies: list[Amount] = []
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
