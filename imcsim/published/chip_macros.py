"""A chip's own memories as macros: what ``price`` charges beside what published macros say."""

from collections.abc import Sequence
from dataclasses import dataclass

from imcsim.chip.config import ChipConfig
from imcsim.memory.analog_rram import AnalogRram
from imcsim.memory.figures import Figures, figures
from imcsim.memory.macro import Macro
from imcsim.memory.memory import Memory
from imcsim.published.calibration import Calibration, Sample
from imcsim.published.compare import calibration
from imcsim.published.parameters import parts_of_memory
from imcsim.published.points import PublishedPoint
from imcsim.published.predict import with_their_control
from imcsim.published.tables import columns, number
from imcsim.published.units import PublishedUnits

BITS = 8
"""Bits of inputs; those of weights are the chip's."""
HALF = 0.5
"""Share of input and weight bits that are one."""
_HEADS = ("memory", "fJ/MAC", "validated", "TOPS/W", "TOPS/mm2", "Mb/mm2", "cycle, ns")


@dataclass(frozen=True)
class ChipMacro:
    """One memory of a chip at full use: vectors of 8-bit inputs, half of all bits one.

    ``validated_j`` is the energy of a MAC with the factors that published macros ask for.
    """

    memory: str
    figures: Figures
    validated_j: float

    def record(self) -> dict[str, object]:
        """Return it for JSON."""
        return {
            "memory": self.memory,
            "fj_per_mac": self.figures.energy_j * 1e15,
            "validated_fj_per_mac": self.validated_j * 1e15,
            "tops_per_w": self.figures.tops_per_w,
            "tops_per_mm2": self.figures.tops_per_mm2,
            "mb_per_mm2": self.figures.mb_per_mm2,
            "cycle_ns": self.figures.vector_s * 1e9,
        }


def chip_macros(chip: ChipConfig, references: Sequence[PublishedPoint], units: PublishedUnits) -> tuple[ChipMacro, ...]:
    """Return the memories of ``chip`` as macros; ``references`` are the published macros that they are held against."""
    energy = calibration("energy", references, units)
    return tuple(_macro(macro, energy, units) for macro in chip.macros)


def chip_text(name: str, macros: Sequence[ChipMacro]) -> str:
    """Return a table of a chip's macros, ending in a newline."""
    rows: list[tuple[str, ...]] = [_HEADS]
    for macro in macros:
        values = list(macro.record().values())[1:]
        rows.append((macro.memory, *(number(float(str(value))) for value in values)))
    said = f"Memories of {name} as macros, {BITS}-bit inputs and the chip's weights, half of the bits one"
    return "\n".join([said, *columns(rows)]) + "\n"


def _macro(macro: Macro, energy: Calibration, units: PublishedUnits) -> ChipMacro:
    found, asked = _figures(macro), _figures(Macro(_as_published(macro.memory, units), macro.site))
    sample = Sample("", with_their_control(asked.mac_j), parts_of_memory(macro.memory), 1.0)
    return ChipMacro(macro.name, found, sum(energy.parts(sample).values()))


def _figures(macro: Macro) -> Figures:
    return figures(macro, input_bits=BITS, toggle=HALF, density=HALF)


def _as_published(memory: Memory, units: PublishedUnits) -> Memory:
    """Return a memory with what all published macros have: clamps that draw a current."""
    if isinstance(memory, AnalogRram) and not memory.clamp_current_a:
        return memory.model_copy(update={"clamp_current_a": units.assumed.clamp_current_a})
    return memory
