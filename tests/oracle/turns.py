"""A network larger than SRAM: the PEs without a place of their own, loaded at every pass.

Shape letters: F placement phases, P PEs.
"""

import math
from dataclasses import dataclass

from tests.oracle.scene import Leaves, Scene


@dataclass(frozen=True)
class Loads:
    """What loading some PEs so many times takes: bits from DRAM, SRAM cells and rows written, PEs loaded."""

    bits: float
    cells: float
    rows: float
    pes: float

    def joules(self, scene: Scene) -> dict[str, float]:
        """Return joules by component."""
        cell = scene.chip.sram.cell
        return {"dram_read": self.bits * scene.chip.dram.energy_j, "sram_write": self.cells * cell.write_energy_j}

    def seconds(self, scene: Scene) -> float:
        """Bits at DRAM's bandwidth, then rows one after the other."""
        chip = scene.chip
        return float(self.bits / chip.dram.bandwidth_bits_per_s + self.rows * chip.sram.cell.write_time_s)


def movers(scene: Scene) -> list[int]:
    """Return the PEs that take turns in the last place, none where all have one."""
    if scene.chip.oversize != "multiplex" or scene.sram is None:
        return []
    count, room = len(scene.sram.pes), scene.chip.sram.pe_count // scene.copies
    return [] if count <= room else list(range(max(room - 1, 0), count))


def loads(scene: Scene, times: dict[int, float]) -> Loads:
    """Return what loading PE p ``times[p]`` times takes."""
    if scene.sram is None:
        raise ValueError("only SRAM takes turns")
    pes = scene.sram.pes
    return Loads(
        bits=math.fsum(n * pes[p].weights * scene.chip.weight_bits for p, n in times.items()),
        cells=math.fsum(n * scene.sram.cells(pes[p]) for p, n in times.items()),
        rows=math.fsum(n * pes[p].height for p, n in times.items()),
        pes=math.fsum(times.values()),
    )


def of_image(scene: Scene) -> Loads | None:
    """Return what one image loads, None where every PE has its place."""
    moving = movers(scene)
    return loads(scene, dict.fromkeys(moving, float(scene.copies))) if moving else None


def of_phase(scene: Scene, f: int) -> Loads | None:
    """Return what a phase loads: at each step forward, and back where errors pass; scoring is one pass more."""
    moving, facts = movers(scene), scene.facts
    if not moving or scene.sram is None:
        return None
    steps, times = float(facts.total["optimizer_steps"][f]), {}
    scored = float((facts.count["scoring_forward_vectors"][f] > 0).any())
    for p in moving:
        layer = scene.sram.pes[p].layer
        back = steps * (facts.count["input_gradient_vectors"][f, layer] > 0)
        back += facts.count["scoring_input_gradient_vectors"][f, layer] > 0
        times[p] = float(steps + scored + back) * scene.copies
    return loads(scene, times)


def changed_bits(scene: Scene, f: int) -> float:
    """Return the bits of codes that go back to DRAM: those of turning PEs that train, once a step, one copy."""
    if scene.sram is None:
        return 0.0
    weights = sum(scene.sram.pes[p].weights for p in movers(scene) if scene.place.trains[f, p])
    return float(weights * scene.facts.total["optimizer_steps"][f] * scene.chip.weight_bits)


def energy(scene: Scene) -> Leaves:
    """Return joules of all reloads, nothing where every PE has its place."""
    found: Leaves = {}
    for f in scene.phase_count():
        done = of_phase(scene, f)
        if done is not None:
            back = {"dram_write": changed_bits(scene, f) * scene.chip.dram.energy_j}
            for name, joules in (done.joules(scene) | back).items():
                found.setdefault(name, scene.zeros())[f] = joules
    return found


def seconds(scene: Scene, f: int) -> float | None:
    """Return the time of a phase's reloads, None where every PE has its place."""
    done = of_phase(scene, f)
    if done is None:
        return None
    return done.seconds(scene) + changed_bits(scene, f) / float(scene.chip.dram.bandwidth_bits_per_s)


def held(scene: Scene, count: int) -> int:
    """Return how many of ``count`` PEs are in SRAM at once."""
    return min(count, scene.chip.sram.pe_count) if scene.chip.oversize == "multiplex" else count
