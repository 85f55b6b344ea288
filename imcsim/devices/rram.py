"""One RRAM cell: conductance window, read, programming pulses, wear and spread, as plain SI numbers."""

import math
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from imcsim.core.charge import Price
from imcsim.core.config import FrozenConfig
from imcsim.core.errors import ConfigError

ProgrammingModel = Literal["fraction", "neurram"]
RelaxationModel = Literal["none", "pooled", "neurram", "cmo-hfox"]

# A lognormal with mean m and 99th percentile q exists only while ln(q/m) <= z^2/2, z the 99 % quantile of N(0, 1).
P99_OVER_MEAN_LIMIT = 14.9

# Design choice: at 50, half the read voltage carries e^-25 of the current; beyond, sinh leaves the range of float32.
_STEEPEST_NONLINEARITY = 50.0


def _one_for_all(value: object) -> object:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return value
    if not math.isfinite(value):  # said of the field, not of the first entry of a list that nobody wrote
        raise ValueError("Input should be a finite number")
    return (value,)


def _positive(values: tuple[float, ...]) -> tuple[float, ...]:
    if not all(value > 0 for value in values):
        raise ValueError("Input should be greater than 0")
    return values


PositiveByBits = Annotated[
    tuple[float, ...], BeforeValidator(_one_for_all), Field(min_length=1), AfterValidator(_positive)
]
"""A positive number for each number of bits per cell, index ``cell_bits - 1``; one alone holds for all of them."""


@dataclass(frozen=True)
class CellEndurance:
    """Cycles at one number of bits per cell: those promised, and the Weibull scale and shape of the cycles to failure.

    A cell of several bits fails when its level can no longer be told from the next, long before it stops switching.
    """

    guaranteed_cycles: float
    scale_cycles: float
    shape: float


class RramCell(FrozenConfig):
    """A resistive cell with its selector.

    Parameters
    ----------
    feature_size_m, area_f2
        Node (m) and cell area in squares of it.
    conductance_min_s, conductance_max_s
        Window (S); levels are equally spaced inside it.
    read_voltage_v, read_time_s
        Read amplitude (V) and duration of one input phase (s).
    set_voltage_v, reset_voltage_v, pulse_time_s
        Programming pulses (V, s). SET raises the conductance.
    set_energy_j, reset_energy_j
        Energy of one pulse (J), cell and driver.
    verify_energy_j, verify_time_s
        One verify read with its conversion (J, s).
    pulses_mean, pulses_p99
        Pulses per programming event: mean and 99th percentile, index ``cell_bits - 1``.
    set_pulse_share
        Share of the pulses that are SET, 0..1.
    wire_capacitance_f
        Line charged by each pulse (F); used by the ``arithmetic`` write rule only.
    endurance_scale_cycles, endurance_shape, guaranteed_cycles
        Weibull scale and shape of the cycles to failure, and the cycles that a data sheet promises (or that meet the
        error rate of one): index ``cell_bits - 1``, or one number for every number of bits.
    programming_sigma_fraction, read_noise_fraction
        Standard deviations after programming and of each read, as fractions of ``conductance_max_s``.
    stuck_low_fraction, stuck_high_fraction
        Shares of cells stuck at the lowest and at the highest conductance.
    programming_model
        Spread after a programming event: ``fraction`` takes ``programming_sigma_fraction``, ``neurram`` the polynomial
        of :func:`imcsim.devices.programming_error.neurram_sigma_s` at 1 s (the fraction then plays no part).
    relaxation_model
        How that spread and the mean move with age: see :func:`imcsim.devices.spread.relaxed_s`.
    nonlinearity_v
        V0 (V) of I(V) = G V_read sinh(V / V0) / sinh(V_read / V0); None for a linear cell.

    Raises
    ------
    ConfigError
        Through :func:`imcsim.core.config.parse`, for an empty window, values <= 0, or pulse tables that disagree.
    """

    kind: Literal["rram"]
    name: str
    description: str = ""
    feature_size_m: float = Field(gt=0)
    area_f2: float = Field(gt=0)
    conductance_min_s: float = Field(gt=0)
    conductance_max_s: float = Field(gt=0)
    read_voltage_v: float = Field(gt=0)
    read_time_s: float = Field(gt=0)
    set_voltage_v: float = Field(gt=0)
    reset_voltage_v: float = Field(gt=0)
    pulse_time_s: float = Field(gt=0)
    set_energy_j: float = Field(gt=0)
    reset_energy_j: float = Field(gt=0)
    verify_energy_j: float = Field(ge=0)
    verify_time_s: float = Field(ge=0)
    pulses_mean: tuple[float, ...] = Field(min_length=1)
    pulses_p99: tuple[float, ...] = Field(min_length=1)
    set_pulse_share: float = Field(ge=0, le=1)
    wire_capacitance_f: float = Field(ge=0)
    endurance_scale_cycles: PositiveByBits
    endurance_shape: PositiveByBits
    guaranteed_cycles: PositiveByBits
    programming_sigma_fraction: float = Field(ge=0)
    read_noise_fraction: float = Field(ge=0)
    stuck_low_fraction: float = Field(ge=0, le=1)
    stuck_high_fraction: float = Field(ge=0, le=1)
    programming_model: ProgrammingModel = "fraction"
    relaxation_model: RelaxationModel = "none"
    nonlinearity_v: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _window_and_faults(self) -> "RramCell":
        if self.conductance_max_s <= self.conductance_min_s:
            raise ValueError(
                f"conductance_max_s ({self.conductance_max_s}) must be > conductance_min_s ({self.conductance_min_s})"
            )
        if self.stuck_low_fraction + self.stuck_high_fraction > 1:
            raise ValueError("stuck_low_fraction + stuck_high_fraction must be <= 1")
        return self

    @model_validator(mode="after")
    def _steepness(self) -> "RramCell":
        v0 = self.nonlinearity_v
        if v0 is not None and self.read_voltage_v > _STEEPEST_NONLINEARITY * v0:
            raise ValueError(
                f"nonlinearity_v must be >= read_voltage_v / {_STEEPEST_NONLINEARITY:g} "
                f"(= {self.read_voltage_v / _STEEPEST_NONLINEARITY:g} V), got {v0:g}"
            )
        return self

    @model_validator(mode="after")
    def _pulse_tables(self) -> "RramCell":
        if len(self.pulses_mean) != len(self.pulses_p99):
            raise ValueError(
                f"pulses_mean has {len(self.pulses_mean)} entries and pulses_p99 {len(self.pulses_p99)}; "
                f"both need one for each number of bits per cell"
            )
        for bits, (mean, p99) in enumerate(zip(self.pulses_mean, self.pulses_p99, strict=True), start=1):
            if mean < 1:
                raise ValueError(f"pulses_mean at {bits} bits must be >= 1, got {mean}")
            if not mean <= p99 <= P99_OVER_MEAN_LIMIT * mean:
                raise ValueError(
                    f"pulses_p99 at {bits} bits must lie between the mean ({mean}) and {P99_OVER_MEAN_LIMIT} times it "
                    f"(no lognormal has another ratio), got {p99}"
                )
        return self

    @model_validator(mode="after")
    def _endurance_tables(self) -> "RramCell":
        for name in ("endurance_scale_cycles", "endurance_shape", "guaranteed_cycles"):
            given, needed = len(getattr(self, name)), len(self.pulses_mean)
            if given not in (1, needed):
                raise ValueError(
                    f"{name} has {given} entries and pulses_mean {needed}; give one for each number of bits per cell, "
                    f"or a single number for all"
                )
        return self

    @property
    def area_m2(self) -> float:
        """Area of one cell (m2)."""
        return self.area_f2 * self.feature_size_m**2

    def read_price(self, at: str = "rram.cell") -> Price:
        """Return the price (J) of reading one siemens for one input phase, for the cell at path ``at`` of the chip.

        The caller adds where the conductance comes from.
        """
        joules = self.read_voltage_v**2 * self.read_time_s
        return Price(joules, "V_read^2 t_read", (f"{at}.read_voltage_v", f"{at}.read_time_s"))

    def area_price(self, at: str = "rram.cell") -> Price:
        """Return the price (m2) of one cell."""
        return Price(self.area_m2, "area_f2 F^2", (f"{at}.area_f2", f"{at}.feature_size_m"))

    def conductances_s(self, cell_bits: int) -> NDArray[np.float64]:
        """Return the conductance of each level (S), shape (2**cell_bits,), equally spaced from lowest to highest.

        Raises
        ------
        ConfigError
            If ``cell_bits`` < 1.
        """
        if cell_bits < 1:
            raise ConfigError(f"cell_bits must be >= 1, got {cell_bits}")
        return np.linspace(self.conductance_min_s, self.conductance_max_s, 1 << cell_bits, dtype=np.float64)

    def pulse_statistics(self, cell_bits: int) -> tuple[float, float]:
        """Return (mean, 99th percentile) of the pulses of one programming event.

        Raises
        ------
        ConfigError
            If the cell has no measured pulse counts for ``cell_bits``.
        """
        if not 1 <= cell_bits <= len(self.pulses_mean):
            most = len(self.pulses_mean)
            known = "1 bit only" if most == 1 else f"1 to {most} bits"
            raise ConfigError(
                f"cell_bits = {cell_bits}, but cell '{self.name}' has pulse counts for {known}; "
                f"lower cell_bits or extend pulses_mean and pulses_p99"
            )
        return self.pulses_mean[cell_bits - 1], self.pulses_p99[cell_bits - 1]

    def endurance(self, cell_bits: int) -> CellEndurance:
        """Return the cycles of cells that hold ``cell_bits``.

        Raises
        ------
        ConfigError
            As :meth:`pulse_statistics`.
        """
        self.pulse_statistics(cell_bits)
        tables = (self.guaranteed_cycles, self.endurance_scale_cycles, self.endurance_shape)
        return CellEndurance(*(table[0 if len(table) == 1 else cell_bits - 1] for table in tables))
