"""What surrounds the PEs of one memory: array size, supply, clock, drivers, adders, copies, and its place on the chip.

``copies`` is the one place that says how many sets of weights a memory holds. The chip sets it: 2 where
``input_gradient`` is ``second-copy``. By it are multiplied: cells and area, PEs needed, level changes, leakage,
retention, deployment, power-up, loads, task switches and cells that wear. Each copy has cells of its own, and all are
written alike, at the same time. The two copies that make a commit crash-safe are others:
:mod:`imcsim.events.consolidate`.
"""

from dataclasses import dataclass

from imcsim.mapping.geometry import PeGeometry
from imcsim.periphery.digital import ShiftAdd
from imcsim.periphery.driver import RowDriver


@dataclass(frozen=True)
class Site:
    """One memory's place.

    Parameters
    ----------
    at
        Dotted path of the memory in the chip's file ("rram"): where the origins of its values are found.
    geometry
        One PE in cells, and how a weight lies in them.
    supply_v, clock_hz
        Supply (V) and clock (Hz).
    dac_bits
        Bits of an input that are driven at once.
    input_bits, error_bits
        Bits of an input, and of an error that goes back.
    driver, shift_add
        What drives its lines, and joins its slices and phases.
    transposable
        Whether its PEs can be read from their columns, too.
    copies
        Copies of every weight that it holds: 2 where input gradients have one of their own.
    """

    at: str
    geometry: PeGeometry
    supply_v: float
    clock_hz: float
    dac_bits: int
    input_bits: int
    error_bits: int
    driver: RowDriver
    shift_add: ShiftAdd
    transposable: bool = True
    copies: int = 1

    @property
    def name(self) -> str:
        """The memory's name: the last part of its path."""
        return self.at.rpartition(".")[2]

    @property
    def rows(self) -> int:
        """Rows of cells of a PE."""
        return self.geometry.rows

    @property
    def cols(self) -> int:
        """Columns of cells of a PE."""
        return self.geometry.cols

    @property
    def cells(self) -> int:
        """Cells of a PE."""
        return self.rows * self.cols

    def phases(self, bits: int) -> int:
        """Return the read cycles of a vector of ``bits``."""
        return -(-bits // self.dac_bits)

    def of(self, *names: str) -> tuple[str, ...]:
        """Return the dotted paths of values of this memory."""
        return tuple(f"{self.at}.{name}" for name in names)
