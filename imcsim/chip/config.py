"""A whole chip as one frozen configuration, and how a chip file is loaded.

Every number of a chip file has a source; every choice is named. Units are SI, in the field's name.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.core.errors import ConfigError
from imcsim.core.sources import Resolved
from imcsim.core.toml import load_resolved
from imcsim.crossbar.encoding import Encoding, Sign
from imcsim.devices.programming import WriteRule
from imcsim.devices.rram import RramCell
from imcsim.devices.sram import SramCell
from imcsim.mapping.geometry import PeGeometry
from imcsim.periphery.adc import Adc
from imcsim.periphery.buffer import Buffer
from imcsim.periphery.digital import AdderTree, DigitalMac, ShiftAdd
from imcsim.periphery.dram import Dram
from imcsim.periphery.driver import RowDriver
from imcsim.periphery.link import Link

WritePolicy = Literal["step", "epoch", "task"]


class ArraySize(FrozenConfig):
    """Cells of one PE."""

    rows: int = Field(ge=1)
    cols: int = Field(ge=1)


class RramPart(FrozenConfig):
    """The RRAM PEs: analog read through shared column ADCs, write-verify programming.

    ``parallel_write_pes`` is how many PEs may be programmed at once (write current limits it); within a PE the rows
    are written one after the other, the cells of a row in parallel. ``wl_segment_ohm`` and ``bl_segment_ohm`` are the
    resistance (ohm) of a word line or bit line from one cell to the next: they act on products, not on energy.
    """

    cell: RramCell
    pe_count: int = Field(ge=0)
    cell_bits: int = Field(ge=1, le=4)
    sign: Sign
    adc: Adc
    adc_bits: int = Field(ge=1, le=16)
    columns_per_adc: int = Field(ge=1)
    write_rule: WriteRule
    write_policy: WritePolicy
    parallel_write_pes: int = Field(ge=1)
    wl_segment_ohm: float = Field(0.0, ge=0)
    bl_segment_ohm: float = Field(0.0, ge=0)


class SramPart(FrozenConfig):
    """The SRAM PEs: digital, exact; an adder tree per column, ``columns_per_tree`` columns sharing one."""

    cell: SramCell
    pe_count: int = Field(ge=0)
    cell_bits: Literal[1]
    sign: Sign
    adder_tree: AdderTree
    columns_per_tree: int = Field(ge=1)
    write_policy: WritePolicy


class MasterCopy(FrozenConfig):
    """The higher-precision copy of trainable weights that the optimiser updates."""

    bits: int = Field(ge=8, le=32)
    location: Literal["buffer", "dram"]


class Horizon(FrozenConfig):
    """Over what write and compute energy are spread; reported, never hidden in one number."""

    inferences_per_task: int = Field(ge=0)
    tasks_per_day: float = Field(gt=0)
    task_switches_per_task: float = Field(ge=0)
    power_cycles_per_task: float = Field(ge=0)


class FloorPlan(FrozenConfig):
    """How bits travel between buffer and PEs; see :mod:`imcsim.chip.floor_plan`. Without one, ``link.hops`` is it."""

    topology: Literal["mesh", "h-tree"]
    pes_per_router: int = Field(ge=1)


class ChipConfig(FrozenConfig):
    """One chip. See ``models/chips`` for examples and ``docs/accounting.md`` for what each choice changes."""

    name: str
    description: str
    feature_size_m: float = Field(gt=0)
    supply_v: float = Field(gt=0)
    clock_hz: float = Field(gt=0)
    array: ArraySize
    weight_bits: int = Field(ge=2, le=16)
    input_bits: int = Field(ge=1, le=16)
    error_bits: int = Field(ge=2, le=16)
    dac_bits: int = Field(ge=1, le=8)
    rram: RramPart | None = None
    sram: SramPart | None = None
    overflow: Literal["refuse", "rram"]
    oversize: Literal["refuse", "multiplex"] = "refuse"
    commit: Literal["task", "lazy", "never"]
    charge_migration: bool
    power_gate_unused: bool
    input_gradient: Literal["transposable", "second-copy", "digital"]
    weight_gradient: Literal["digital", "sram-array"]
    skip_masked_gradients: bool
    gate_columns: bool = Field(False, description="serving does not evaluate column segments that a mask closes")
    master_copy: MasterCopy
    driver: RowDriver
    shift_add: ShiftAdd
    buffer: Buffer
    link: Link
    floor_plan: FloorPlan | None = None
    dram: Dram
    mac: DigitalMac
    horizon: Horizon

    @model_validator(mode="after")
    def _consistent(self) -> "ChipConfig":
        if self.rram is None and self.sram is None:
            raise ValueError("a chip needs [rram], [sram] or both")
        if self.rram is not None and self.sram is not None and self.rram_tile != self.sram_tile:
            raise ValueError(
                f"a PE must hold the same weights in both memories, but an RRAM PE holds {self.rram_tile} and an "
                f"SRAM PE {self.sram_tile} (rows, outputs); change cell_bits, sign or array"
            )
        if self.rram is None and self.commit != "never":
            raise ValueError(
                f"commit = '{self.commit}' programs RRAM, but the chip has no [rram]; use commit = 'never'"
            )
        if self.rram is None and self.overflow == "rram":
            raise ValueError("overflow = 'rram' needs [rram]; use overflow = 'refuse'")
        if self.rram is not None and self.oversize == "multiplex":
            raise ValueError(
                "oversize = 'multiplex' reloads weights at every pass, which RRAM cells do not outlive; it needs a "
                "chip without [rram], or use oversize = 'refuse'"
            )
        if self.sram is None and self.weight_gradient == "sram-array":
            raise ValueError("weight_gradient = 'sram-array' needs [sram]; use weight_gradient = 'digital'")
        if self.rram is not None and self.commit == "never":
            raise ValueError("commit = 'never' is for chips without [rram]; use 'task' or 'lazy'")
        if self.rram is not None:
            self._check_parts(self.rram)
        if self.dac_bits > self.input_bits:
            raise ValueError(f"dac_bits ({self.dac_bits}) must be <= input_bits ({self.input_bits})")
        return self

    @staticmethod
    def _check_parts(part: RramPart) -> None:
        try:
            part.cell.pulse_statistics(part.cell_bits)
            part.adc.area_m2(part.adc_bits)
        except ConfigError as error:
            raise ValueError(f"[rram] {error}") from None

    @property
    def rram_geometry(self) -> PeGeometry | None:
        """Size of an RRAM PE, None without RRAM."""
        return self._geometry(self.rram)

    @property
    def sram_geometry(self) -> PeGeometry | None:
        """Size of an SRAM PE, None without SRAM."""
        return self._geometry(self.sram)

    @property
    def rram_tile(self) -> tuple[int, int] | None:
        """Weights (rows, outputs) in an RRAM PE."""
        geometry = self.rram_geometry
        return None if geometry is None else (geometry.weight_rows, geometry.weight_cols)

    @property
    def sram_tile(self) -> tuple[int, int] | None:
        """Weights (rows, outputs) in an SRAM PE."""
        geometry = self.sram_geometry
        return None if geometry is None else (geometry.weight_rows, geometry.weight_cols)

    @property
    def geometry(self) -> PeGeometry:
        """Size of the PE that holds frozen weights: RRAM where there is any, else SRAM."""
        found = self.rram_geometry or self.sram_geometry
        if found is None:  # the validator has refused such a chip
            raise ValueError("a chip needs [rram] or [sram]")
        return found

    @property
    def pe_count(self) -> int:
        """All PEs of the chip."""
        return (self.rram.pe_count if self.rram else 0) + (self.sram.pe_count if self.sram else 0)

    def _geometry(self, part: RramPart | SramPart | None) -> PeGeometry | None:
        if part is None:
            return None
        encoding = Encoding(sign=part.sign, weight_bits=self.weight_bits, cell_bits=part.cell_bits)
        return PeGeometry(rows=self.array.rows, cols=self.array.cols, encoding=encoding)


REFERENCES: dict[str, str] = {
    "rram.cell": "device",
    "rram.adc": "component",
    "sram.cell": "device",
    "sram.adder_tree": "component",
    "driver": "component",
    "shift_add": "component",
    "buffer": "component",
    "link": "component",
    "dram": "component",
    "mac": "component",
}


def load_chip(name: str, overrides: Mapping[str, Any] | None = None) -> Resolved[ChipConfig]:
    """Load chip ``name`` (or a TOML file's path) with dotted-path ``overrides``.

    Raises
    ------
    ConfigError, ContentError
        For unknown names or keys, numbers without a source, contradictions.
    """
    return load_resolved(ChipConfig, "chip", name, overrides, REFERENCES)
