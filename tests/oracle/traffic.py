"""Bits that move: buffer, links and DRAM, and the hops of a bit on a floor plan.

Shape letters: F placement phases, L mapped layers.
"""

import math
from dataclasses import dataclass

from tests.oracle.cells import up
from tests.oracle.periphery import buffer_read_j, buffer_write_j
from tests.oracle.scene import Leaves, Scene

CROSSING = ("forward", "input_gradient", "scoring")
"""What goes over links, beside the buffer's port."""


@dataclass(frozen=True)
class Bits:
    """Bits by purpose, each (F,); ``hopped`` are bits x hops."""

    read: Leaves
    written: Leaves
    dram: Leaves
    hopped: Leaves

    def of_buffer(self, f: int) -> float:
        """Return all bits through the buffer's port in a phase."""
        return math.fsum(part[f] for part in (*self.read.values(), *self.written.values()))

    def of_dram(self, f: int) -> float:
        """Return all bits to and from DRAM in a phase."""
        return math.fsum(part[f] for part in self.dram.values())


def bits_of(scene: Scene) -> Bits:
    """Return the bits that training moves."""
    read, written, dram, hopped = ({}, {}, {}, {})  # type: tuple[Leaves, Leaves, Leaves, Leaves]
    for f in scene.phase_count():
        of_vectors = _of_vectors(scene, f)
        spilled, master_spilled = spilled_shares(scene, f)
        total = {name: float(values[f]) for name, values in scene.facts.total.items()}
        signs = total["relu_elements"] * (1 - spilled)
        gradient, inside, outside = _of_update(scene, f, master_spilled)
        kept = float(scene.facts.count["kept_elements"][f].sum()) + total["other_kept_elements"]
        reads = {name: one for name, (one, _, _) in of_vectors.items()}
        writes = {name: two for name, (_, two, _) in of_vectors.items() if name != "weight_gradient"}
        _put(read, scene, f, {**reads, "signs": signs, "update": gradient + inside})
        _put(written, scene, f, {**writes, "signs": signs, "update": gradient + inside})
        _put(hopped, scene, f, {name: of_vectors[name][2] for name in CROSSING})
        moved = {
            "activations": 2 * spilled * (kept * scene.chip.input_bits + total["relu_elements"]),  # there and back
            "replay": 8 * (total["replay_bytes_read"] + total["replay_bytes_written"]),
            "master": 2 * outside,
            "scoring": 2 * 8 * total["scoring_bytes"],
            "masks": total["mask_bits"],
        }
        _put(dram, scene, f, moved)
    return Bits(read, written, dram, hopped)


def _put(into: Leaves, scene: Scene, f: int, values: dict[str, float]) -> None:
    for name, value in values.items():
        into.setdefault(name, scene.zeros())[f] = value


def _of_vectors(scene: Scene, f: int) -> dict[str, tuple[float, float, float]]:
    """Return (bits read, bits written, bits x hops) of each purpose: vectors in and out of each layer."""
    chip, count = scene.chip, scene.facts.count
    there = layer_hops(scene, 0)
    back = layer_hops(scene, 1) if chip.input_gradient == "second-copy" else there  # errors go to the copy
    found = dict.fromkeys((*CROSSING, "weight_gradient"), (0.0, 0.0, 0.0))

    def add(name: str, one: float, two: float, hops: float) -> None:
        read, written, hopped = found[name]
        found[name] = read + one, written + two, hopped + (one + two) * hops

    for index, layer in enumerate(scene.facts.layers):
        x, y = layer.inputs_all, layer.outputs_all
        vectors = {name: float(values[f, index]) for name, values in count.items() if name.endswith("_vectors")}
        ahead, error = chip.input_bits, chip.error_bits
        add("forward", vectors["forward_vectors"] * x * ahead, vectors["forward_vectors"] * y * ahead, there[index])
        n = vectors["input_gradient_vectors"]
        add("input_gradient", n * y * error, n * x * error, back[index])
        add("weight_gradient", vectors["weight_gradient_vectors"] * (x * ahead + y * error), 0.0, 0.0)
        n = vectors["scoring_forward_vectors"]
        add("scoring", n * x * ahead, n * y * ahead, there[index])
        n = vectors["scoring_input_gradient_vectors"]
        add("scoring", n * y * error, n * x * error, back[index])
    return found


def spilled_shares(scene: Scene, f: int) -> tuple[float, float]:
    """Return the shares of kept activations, and of the master copy, for which the buffer has no room."""
    chip, total = scene.chip, scene.facts.total
    room = chip.buffer.size_bytes * 8.0
    values = float(scene.facts.count["trainable_weights"][f].sum() + total["digital_parameters"][f])
    master = (values + float(total["optimizer_state_values"][f])) * chip.master_copy.bits
    if chip.master_copy.location == "dram":
        master = 0.0
    kept = float(total["peak_kept_elements"][f]) * chip.input_bits + float(total["peak_kept_bits"][f])
    return _beyond(kept, max(0.0, room - master)), _beyond(master, room)


def _beyond(bits: float, room: float) -> float:
    """Return the share of ``bits`` that ``room`` does not hold."""
    return 0.0 if bits <= room else 1 - room / bits


def _of_update(scene: Scene, f: int, master_spilled: float) -> tuple[float, float, float]:
    """Return bits, each one way: of gradients, and of master copy and optimiser state in the buffer and in DRAM."""
    chip, total = scene.chip, scene.facts.total
    digital = float(total["digital_parameters"][f])
    updated = float(scene.facts.count["updated_weights"][f].sum()) + digital * float(total["optimizer_steps"][f])
    trainable = float(scene.facts.count["trainable_weights"][f].sum()) + digital
    state = float(total["optimizer_state_values"][f]) / trainable if trainable else 0.0  # values beside each weight
    one_way = updated * (1 + state) * chip.master_copy.bits
    outside = one_way * (1.0 if chip.master_copy.location == "dram" else master_spilled)
    return updated * chip.master_copy.bits, one_way - outside, outside


def layer_hops(scene: Scene, copy: int) -> list[float]:
    """Return the mean hops from the buffer to the PEs of each layer; a second copy lies behind the first."""
    pes, plan = scene.home.pes, scene.chip.floor_plan
    if plan is None:
        return [float(scene.chip.link.hops)] * len(scene.facts.layers)
    hops, homes = router_hops(scene), scene.home.part.pe_count
    found = []
    for index in range(len(scene.facts.layers)):
        mine = [p + copy * len(pes) for p, pe in enumerate(pes) if pe.layer == index]
        found.append(sum(hops[min(p, homes - 1) // plan.pes_per_router] for p in mine) / len(mine))
    return found


def router_hops(scene: Scene) -> list[int]:
    """Return the hops to each router, in the order in which PEs fill them: the nearest of a mesh first."""
    plan = scene.chip.floor_plan
    count = max(1, up(scene.home.part.pe_count, plan.pes_per_router))
    if plan.topology == "h-tree":
        depth = 0
        while 2**depth < count:
            depth += 1
        return [max(1, depth)] * count
    side = 1
    while side * side < count:
        side += 1
    middle = (up(count, side) - 1) // 2  # the row before which the buffer stands
    return sorted(1 + router % side + abs(router // side - middle) for router in range(count))


def energy(scene: Scene, bits: Bits) -> Leaves:
    """Return joules of buffer, links and DRAM."""
    chip = scene.chip
    found = {f"buffer.read_{name}": _times(part, buffer_read_j(chip)) for name, part in bits.read.items()}
    found |= {f"buffer.write_{name}": _times(part, buffer_write_j(chip)) for name, part in bits.written.items()}
    found |= {f"link.{name}": _times(part, chip.link.energy_j) for name, part in bits.hopped.items()}
    return found | {f"dram.{name}": _times(part, chip.dram.energy_j) for name, part in bits.dram.items()}


def _times(amounts: list[float], each: float) -> list[float]:
    return [amount * each for amount in amounts]
