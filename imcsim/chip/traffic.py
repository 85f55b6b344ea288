"""Bits moved: buffer, links and DRAM, each charged once. Shape letters: F placement phases, L mapped layers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.placed import Placed
from imcsim.core.charge import Charge, Charges
from imcsim.trace.trace import Trace

Floats = NDArray[np.float64]

_MATRIX = "bits of each vector's inputs and outputs"
FIELDS = {
    "forward": ("forward_vectors",),
    "input_gradient": ("input_gradient_vectors",),
    "weight_gradient": ("weight_gradient_vectors",),
    "scoring": ("scoring_forward_vectors", "scoring_input_gradient_vectors"),
    "signs": ("relu_elements", "peak_kept_elements", "peak_kept_bits"),
    "update": ("updated_weights", "digital_parameters", "optimizer_steps", "optimizer_state_values"),
}
"""Purpose of buffer bits -> fields of the trace that they are counted from."""
DRAM_FIELDS = {
    "activations": ("kept_elements", "other_kept_elements", "relu_elements", "peak_kept_elements", "peak_kept_bits"),
    "replay": ("replay_bytes_read", "replay_bytes_written"),
    "master": FIELDS["update"],
    "scoring": ("scoring_bytes",),
    "masks": ("mask_bits",),
}
_SAID = {
    "update": "gradient, master copy and optimiser state of each updated weight",
    "signs": "one bit an element of ReLU or dropout that nothing kept tells",
}
_DRAM_SAID = {
    "activations": "the share of kept activations that does not fit the buffer, written and read once",
    "replay": "8 x bytes read from and written to the replay buffer",
    "master": "what of master copy and optimiser state is not in the buffer, read and written at each update",
    "scoring": "8 x bytes that scoring remembers, written and read once",
    "masks": "bits of each task's masks, once",
}
_WIDTHS = {"forward": ("input_bits",), "input_gradient": ("error_bits",)}
_BOTH = ("input_bits", "error_bits")
_MASTER = ("master_copy.bits", "master_copy.location", "buffer.size_bytes")
_OWN = {"update": _MASTER, "signs": ("input_bits", *_MASTER)}


@dataclass(frozen=True)
class Traffic:
    """Bits by purpose, each (F,): read from and written to the buffer, moved to or from DRAM (reads + writes).

    ``crossing`` are those that links move, and ``hops`` their mean hops: by layer as the floor plan has it, weighted by
    bits.
    The shares are those of kept activations, and of the master copy, that do not fit the buffer.
    """

    buffer_reads: Mapping[str, Floats]
    buffer_writes: Mapping[str, Floats]
    crossing: Mapping[str, Floats]
    hops: Mapping[str, Floats]
    dram: Mapping[str, Floats]
    spilled_share: Floats
    master_spilled_share: Floats

    @property
    def buffer_bits(self) -> Floats:
        """All buffer bits of each task, (F,)."""
        parts = [*self.buffer_reads.values(), *self.buffer_writes.values()]
        return np.asarray(np.sum(parts, axis=0), dtype=np.float64)

    @property
    def dram_bits(self) -> Floats:
        """All DRAM bits of each task, (F,)."""
        return np.asarray(np.sum(list(self.dram.values()), axis=0), dtype=np.float64)


def traffic(placed: Placed) -> Traffic:
    """Return the traffic of training.

    Every input vector is read from the buffer as the array takes it (fan-in after im2col: no line-buffer reuse; less
    where the mapping rule says so), every output element is written once. An output kept for backward is that same
    copy: keeping costs room, and what does not fit is written to DRAM and read back once.
    """
    chip, (inputs, outputs) = placed.chip, placed.sides
    count, task = placed.trace.counts, placed.trace.task_counts
    bits_x, bits_e, (fetched, crossing) = chip.input_bits, chip.error_bits, placed.moved
    forward, backward, weights = (count[f"{name}_vectors"] for name in ("forward", "input_gradient", "weight_gradient"))
    scored_f, scored_b = count["scoring_forward_vectors"], count["scoring_input_gradient_vectors"]
    spill, master_spill = _spilled_shares(placed.trace, chip)
    kept_bits = (count["kept_elements"].sum(axis=1) + task["other_kept_elements"]) * bits_x + task["relu_elements"]
    reads = {
        "forward": forward @ fetched * bits_x,
        "input_gradient": backward @ outputs * bits_e,
        "weight_gradient": weights @ (inputs * bits_x + outputs * bits_e),
        "signs": task["relu_elements"] * (1.0 - spill),
        "scoring": scored_f @ fetched * bits_x + scored_b @ outputs * bits_e,
    }
    writes = {
        "forward": forward @ outputs * bits_x,
        "input_gradient": backward @ inputs * bits_e,
        "signs": task["relu_elements"] * (1.0 - spill),
        "scoring": scored_f @ outputs * bits_x + scored_b @ inputs * bits_e,
    }
    update_reads, update_writes, update_dram = _update(placed.trace, chip, master_spill)
    dram = {
        "activations": 2.0 * spill * kept_bits,
        "replay": (task["replay_bytes_read"] + task["replay_bytes_written"]) * 8.0,
        "master": update_dram,
        "scoring": task["scoring_bytes"] * 8.0 * 2.0,
        "masks": task["mask_bits"].astype(float),
    }
    written = writes | {"update": update_writes}
    extra = crossing - outputs - fetched  # inputs that neighbouring vectors share are fetched once and sent to each
    crossed = {name: reads[name] + writes[name] for name in ("forward", "input_gradient", "scoring")}
    if extra.any():
        crossed["forward"] = crossed["forward"] + forward @ extra * bits_x
        crossed["scoring"] = crossed["scoring"] + scored_f @ extra * bits_x
    return Traffic(
        reads | {"update": update_reads}, written, crossed, _mean_hops(placed), dram, spill, master_spill
    )  # fmt: skip


def moved(placed: Placed, bits: Traffic) -> Charges:
    """Return the charges (J) of moving bits: below ``buffer``, ``link``, ``dram`` and ``masks``."""
    chip, found = placed.chip, list[Charge]()
    for way, amounts in (("read", bits.buffer_reads), ("write", bits.buffer_writes)):
        price = chip.buffer.read_price() if way == "read" else chip.buffer.write_price()
        for name, amount in amounts.items():
            each = price.also(*_OWN.get(name, _WIDTHS.get(name, _BOTH)))
            found.append(Charge(f"buffer.{way}_{name}", amount, "bits", _SAID.get(name, _MATRIX), FIELDS[name], each))
    found += [_link(placed, bits, name) for name in ("forward", "input_gradient", "scoring")]
    for name, amount in bits.dram.items():
        own = _MASTER if name == "master" else ("input_bits", *_MASTER) if name == "activations" else ()
        each = chip.dram.energy_price().also(*own)
        found.append(Charge(f"dram.{name}", amount, "bits", _DRAM_SAID[name], DRAM_FIELDS[name], each))
    return (*found, *_masks(placed))


def _masks(placed: Placed) -> Charges:
    """A task's masks are written once and read at every step; they are in no other buffer leaf."""
    buffer, bits = placed.chip.buffer, placed.phase_counts["mask_bits"]
    steps = placed.phase_counts["optimizer_steps"]
    once, always = "bits of each task's masks, once", "bits of each task's masks, at every step"
    fields = ("mask_bits", "optimizer_steps")
    return (
        Charge("masks.write", bits, "bits", once, fields[:1], buffer.write_price()),
        Charge("masks.read", bits * steps, "bits", always, fields, buffer.read_price()),
    )


def move_time(placed: Placed, bits: Traffic, beside: Floats, hidden_s: Floats) -> Charges:
    """Return the charges (s) of ``buffer``, beyond the seconds (F,) that hide it, and of ``dram``.

    ``beside`` (F,) are bits of other purposes that cross the buffer's port.
    """
    rate = placed.chip.buffer.bandwidth_bits_per_s
    left_s = np.maximum(0.0, (bits.buffer_bits + beside) / rate - hidden_s)
    said = "bits beyond bandwidth x seconds of forward, input_gradient and weight_gradient, by task"
    fields = tuple(dict.fromkeys(field for names in FIELDS.values() for field in names))
    outside = tuple(dict.fromkeys(field for names in DRAM_FIELDS.values() for field in names))
    waiting = placed.chip.dram.time_price().also("input_bits", *_MASTER)
    return (
        Charge("buffer", left_s * rate, "bits", said, fields, placed.chip.buffer.time_price()),
        Charge("dram", bits.dram_bits, "bits", "all bits to and from DRAM", outside, waiting),
    )


def _link(placed: Placed, bits: Traffic, name: str) -> Charge:
    crossing, hops = bits.crossing[name], bits.hops[name]
    mean = float((crossing * hops).sum() / crossing.sum()) if crossing.sum() > 0 else 0.0
    planned = f"hops of its layer on the floor plan ({mean:.4g} on average)"
    far = planned if placed.chip.floor_plan is not None else "the link's mean hops"
    said = f"the bits read and written for it, {_MATRIX}, x {far}"
    each = placed.chip.link.energy_price().also(*placed.chip.hop_values, *_WIDTHS.get(name, _BOTH))
    return Charge(f"link.{name}", crossing * hops, "bit hops", said, FIELDS[name], each)


def master_bits(trace: Trace, chip: ChipConfig) -> Floats:
    """Bits of the master copy and of the optimiser's state during each task, (F,)."""
    weights = trace.counts["trainable_weights"].sum(axis=1) + trace.task_counts["digital_parameters"]
    return np.asarray((weights + trace.task_counts["optimizer_state_values"]) * float(chip.master_copy.bits))


def _mean_hops(placed: Placed) -> dict[str, Floats]:
    """Mean hops of a bit by phase, for each purpose that crosses links; errors go to a second copy if there is one."""
    count, chip = placed.trace.counts, placed.chip
    if chip.floor_plan is None:
        return {name: np.full(placed.phases, chip.link.hops) for name in ("forward", "input_gradient", "scoring")}
    inputs, outputs = placed.sides
    there, back = placed.hops, placed.error_hops
    ahead, errors = placed.moved[1] * chip.input_bits, (inputs + outputs) * chip.error_bits
    crossed = {
        "forward": (count["forward_vectors"] * ahead, 0.0 * count["forward_vectors"]),
        "input_gradient": (0.0 * count["input_gradient_vectors"], count["input_gradient_vectors"] * errors),
        "scoring": (count["scoring_forward_vectors"] * ahead, count["scoring_input_gradient_vectors"] * errors),
    }
    return {name: _weighted(one @ there + two @ back, (one + two).sum(axis=1)) for name, (one, two) in crossed.items()}


def _weighted(amount: Floats, weight: Floats) -> Floats:
    return np.divide(amount, weight, out=np.zeros(len(weight)), where=weight > 0)


def _spilled_shares(trace: Trace, chip: ChipConfig) -> tuple[Floats, Floats]:
    """(F,) shares: the master copy takes its room first (it stays all task long); activations take what is left."""
    room = chip.buffer.size_bytes * 8.0
    master = master_bits(trace, chip) * (1.0 if chip.master_copy.location == "buffer" else 0.0)
    master_spill = 1.0 - np.minimum(1.0, room / np.maximum(master, 1.0))
    left = np.maximum(0.0, room - master)
    peak = trace.task_counts["peak_kept_elements"] * chip.input_bits + trace.task_counts["peak_kept_bits"]
    share = 1.0 - np.minimum(1.0, left / np.maximum(peak, 1))
    share = np.where(peak > 0, share, 0.0)  # of nothing, nothing spills
    return np.asarray(share, dtype=np.float64), np.asarray(master_spill, dtype=np.float64)


def _update(trace: Trace, chip: ChipConfig, master_spill: Floats) -> tuple[Floats, Floats, Floats]:
    """Gradient written and read once; master copy and optimiser state read and written, per updated weight."""
    task = trace.task_counts
    digital = (task["digital_parameters"] * task["optimizer_steps"]).astype(float)
    updated = trace.counts["updated_weights"].sum(axis=1) + digital
    trainable = trace.counts["trainable_weights"].sum(axis=1) + task["digital_parameters"]
    state = np.divide(task["optimizer_state_values"], trainable, out=np.zeros(len(updated)), where=trainable > 0)
    one_way = updated * (1.0 + state) * chip.master_copy.bits
    gradient = updated * chip.master_copy.bits
    outside = 1.0 if chip.master_copy.location == "dram" else master_spill
    inside = one_way * (1.0 - outside)
    return gradient + inside, gradient + inside, 2.0 * one_way * outside
