"""One trace on one chip: what every count of the oracle starts from."""

from dataclasses import dataclass
from typing import Any

from tests.oracle.cells import Memory, memory_of
from tests.oracle.facts import Facts, facts_of, plain
from tests.oracle.place import Place, copies_of, place_of

Leaves = dict[str, list[float]]
"""Leaf of a tree -> (F,): what it costs in each placement phase."""


@dataclass(frozen=True)
class Scene:
    """A trace, the plain values of a chip, the network in PEs of each memory, and where each PE stands."""

    facts: Facts
    chip: Any
    rram: Memory | None
    sram: Memory | None
    place: Place
    copies: int

    @property
    def home(self) -> Memory:
        """The memory in which weights rest: RRAM where there is any."""
        found = self.rram or self.sram
        if found is None:
            raise ValueError("a chip without memory")
        return found

    def phase_count(self) -> range:
        """Return the placement phases, 0 to F - 1."""
        return range(self.facts.phases)

    def zeros(self) -> list[float]:
        """Return (F,) of nothing."""
        return [0.0] * self.facts.phases


def scene_of(trace: Any, values: dict[str, Any]) -> Scene:
    """Return the scene of ``trace`` on a chip of ``values``."""
    facts, chip = facts_of(trace), plain(values)
    rram = None if chip.rram is None else memory_of(facts, chip, chip.rram)
    sram = None if chip.sram is None else memory_of(facts, chip, chip.sram)
    home = rram or sram
    if home is None:
        raise ValueError("a chip without memory")
    return Scene(facts, chip, rram, sram, place_of(facts, chip, home), copies_of(chip))
