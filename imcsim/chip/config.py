"""A whole chip as one frozen configuration, and how a chip file is loaded.

Every number of a chip file has a source; every choice is named. Units are SI, in the field's name.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import (
    Field,
    SerializeAsAny,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from imcsim.chip.part import PARTS, ChipPart
from imcsim.core.config import FrozenConfig
from imcsim.core.sorted_table import by_sort, references_below
from imcsim.core.sources import Resolved
from imcsim.core.toml import load_resolved
from imcsim.mapping.geometry import PeGeometry
from imcsim.memory.analog_rram import AnalogRram
from imcsim.memory.digital_sram import DigitalSram
from imcsim.memory.macro import Macro, checked
from imcsim.memory.memory import MEMORIES, Memory
from imcsim.memory.site import Site
from imcsim.periphery.buffer import Buffer
from imcsim.periphery.digital import DigitalMac, ShiftAdd
from imcsim.periphery.dram import Dram
from imcsim.periphery.driver import RowDriver
from imcsim.periphery.link import Link


class ArraySize(FrozenConfig):
    """Cells of one PE."""

    rows: int = Field(ge=1)
    cols: int = Field(ge=1)


RramPart = AnalogRram
SramPart = DigitalSram


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
    rram: AnalogRram | None = None
    sram: DigitalSram | None = None
    memory: dict[str, SerializeAsAny[Memory]] = Field(default_factory=dict)
    part: dict[str, SerializeAsAny[ChipPart]] = Field(default_factory=dict)
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

    @field_validator("memory", mode="before")
    @classmethod
    def _memories_by_sort(cls, given: Any) -> Any:
        return by_sort(given, MEMORIES, cls.__name__)

    @field_validator("part", mode="before")
    @classmethod
    def _parts_by_sort(cls, given: Any) -> Any:
        return by_sort(given, PARTS, cls.__name__)

    @model_serializer(mode="wrap")
    def _without_empty_tables(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        found: dict[str, Any] = dump(self)
        for table, sorts in (("memory", self.memory), ("part", self.part)):
            for name, entry in sorts.items():
                found[table][name] = {"sort": type(entry).sort, **found[table][name]}
        return {name: value for name, value in found.items() if name not in ("memory", "part") or value}

    @model_validator(mode="after")
    def _consistent(self) -> "ChipConfig":
        keeps, works = self._paths(volatile=False), self._paths(volatile=True)
        if not keeps and not works:
            raise ValueError("a chip needs [rram], [sram] or both, or a [memory.NAME] of another sort")
        for paths, what in ((keeps, "keep"), (works, "lose")):
            if len(paths) > 1:
                raise ValueError(
                    f"a chip has one memory at most whose cells {what} their weights without power, got "
                    f"{' and '.join(f'[{path}]' for path in paths)}"
                )
        if not keeps and self.commit != "never":
            raise ValueError(
                f"commit = '{self.commit}' programs RRAM, but the chip has no [rram] or other memory that keeps its "
                "weights without power; use commit = 'never'"
            )
        if not keeps and self.overflow == "rram":
            raise ValueError(
                "overflow = 'rram' needs [rram] or another memory that keeps its weights without power; use overflow = "
                "'refuse'"
            )
        if keeps and self.oversize == "multiplex":
            raise ValueError(
                "oversize = 'multiplex' reloads weights at every pass, which RRAM cells do not outlive; it needs a "
                "chip without [rram], or use oversize = 'refuse'"
            )
        if not works and self.weight_gradient == "sram-array":
            raise ValueError("weight_gradient = 'sram-array' needs [sram]; use weight_gradient = 'digital'")
        if works and self.weight_gradient == "sram-array" and not self._at(works[0]).sums_gradients:
            raise ValueError(f"weight_gradient = 'sram-array' needs adders in [{works[0]}]; use 'digital'")
        if keeps and self.commit == "never":
            raise ValueError("commit = 'never' is for chips without [rram]; use 'task' or 'lazy'")
        names = [path.rpartition(".")[2] for path in (*keeps, *works)]
        if len(set(names)) < len(names):
            raise ValueError(f"two memories of the chip are called '{names[0]}': give one another name")
        for path in (*keeps, *works):
            self._at(path).geometry(self.array.rows, self.array.cols, self.weight_bits)
            checked(self._at(path), path)
        if self.dac_bits > self.input_bits:
            raise ValueError(f"dac_bits ({self.dac_bits}) must be <= input_bits ({self.input_bits})")
        return self

    @cached_property
    def nonvolatile(self) -> Macro | None:
        """The memory that keeps its weights without power, where they rest; None if the chip has none."""
        return self._macro(volatile=False)

    @cached_property
    def volatile(self) -> Macro | None:
        """The memory that loses its weights without power, where they train; None if the chip has none."""
        return self._macro(volatile=True)

    @property
    def home(self) -> Macro:
        """The memory in which weights rest: the one that keeps them without power, where there is one."""
        found = self.nonvolatile or self.volatile
        if found is None:  # the validator has refused such a chip
            raise ValueError("a chip needs a memory")
        return found

    @cached_property
    def macros(self) -> tuple[Macro, ...]:
        """Its memories, the one that keeps its weights without power first."""
        return tuple(macro for macro in (self.nonvolatile, self.volatile) if macro is not None)

    @property
    def copies(self) -> int:
        """Copies of the weights that it keeps."""
        return 2 if self.input_gradient == "second-copy" else 1

    @property
    def hop_values(self) -> tuple[str, ...]:
        """Dotted paths of the values that hops over links follow from."""
        if self.floor_plan is None:
            return ("link.hops",)
        return ("floor_plan.topology", "floor_plan.pes_per_router", f"{self.home.site.at}.pe_count")

    @property
    def rram_geometry(self) -> PeGeometry | None:
        """Size of an RRAM PE, None without RRAM."""
        return self._geometry(self.rram)

    @property
    def sram_geometry(self) -> PeGeometry | None:
        """Size of an SRAM PE, None without SRAM."""
        return self._geometry(self.sram)

    @property
    def geometry(self) -> PeGeometry:
        """Size of the PE that holds frozen weights."""
        return self.home.geometry

    @property
    def pe_count(self) -> int:
        """All PEs of the chip."""
        return sum(macro.memory.pe_count for macro in self.macros)

    def _geometry(self, part: Memory | None) -> PeGeometry | None:
        return None if part is None else part.geometry(self.array.rows, self.array.cols, self.weight_bits)

    def _paths(self, *, volatile: bool) -> list[str]:
        own = [name for name in ("rram", "sram") if getattr(self, name) is not None]
        paths = [*own, *(f"memory.{name}" for name in self.memory)]
        return [path for path in paths if self._at(path).volatile is volatile]

    def _at(self, path: str) -> Memory:
        found = self.memory[path[7:]] if path.startswith("memory.") else getattr(self, path)
        if not isinstance(found, Memory):
            raise ValueError(f"the chip has no [{path}]")
        return found

    def _macro(self, *, volatile: bool) -> Macro | None:
        paths = self._paths(volatile=volatile)
        if not paths:
            return None
        memory = self._at(paths[0])
        site = Site(
            at=paths[0],
            geometry=memory.geometry(self.array.rows, self.array.cols, self.weight_bits),
            supply_v=self.supply_v,
            clock_hz=self.clock_hz,
            dac_bits=self.dac_bits,
            input_bits=self.input_bits,
            error_bits=self.error_bits,
            driver=self.driver,
            shift_add=self.shift_add,
            transposable=self.input_gradient == "transposable",
            copies=self.copies,
        )
        return Macro(memory, site)


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


def references(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the paths of a chip's table at which the name of another file may stand, and the file's kind."""
    below = (("memory", MEMORIES), ("part", PARTS))
    return REFERENCES | {
        path: kind for table, sorts in below for path, kind in references_below(values.get(table), sorts, table)
    }


def load_chip(name: str, overrides: Mapping[str, Any] | None = None) -> Resolved[ChipConfig]:
    """Load chip ``name`` (or a TOML file's path) with dotted-path ``overrides``.

    Raises
    ------
    ConfigError, ContentError
        For unknown names or keys, numbers without a source, contradictions.
    """
    return load_resolved(ChipConfig, "chip", name, overrides, references)
