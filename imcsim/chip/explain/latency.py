"""Explains the leaves of the time tree: the closed form of :mod:`imcsim.chip.latency`.

Shape letters: T tasks, L mapped layers, P PEs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imcsim.chip import latency
from imcsim.chip.config import ChipConfig, RramPart, SramPart
from imcsim.chip.explain.explanation import Facts, Floats, Term, Terms, Unit, counted, facts_of
from imcsim.chip.explain.failed import failed_time
from imcsim.chip.explain.moved import BITS_FIELDS, DRAM_FIELDS
from imcsim.chip.explain.scratch import RELOAD_FIELDS, RELOAD_SAID, RELOAD_VALUES, reloaded
from imcsim.chip.explain.write_times import migration_terms, update_terms
from imcsim.chip.gradients import scratch_pes, weight_gradient_macs
from imcsim.chip.profile import profile_of
from imcsim.chip.read_cost import rram_pass_s, rram_transposed_pass_s, sram_pass_s
from imcsim.core.sources import Resolved
from imcsim.trace.trace import Trace

ADC_TIMES = {
    "macro-fit": ("rram.adc.macro_fit.time_per_bit_and_row_s", "rram.adc.macro_fit.time_per_bit_s", "array.rows"),
    "neurosim": ("rram.adc.neurosim.time_per_bit_s",),
    "neurosim-mlsa": ("rram.adc.neurosim_mlsa.time_s",),
    "table": ("rram.adc.table.bits", "rram.adc.table.time_s"),
    "survey": ("rram.adc.survey.rate_hz",),
}
_DIGITAL_S = "1 / MACs per second of the digital unit"


@dataclass(frozen=True)
class Way:
    """One direction through the network: size of a vector (T, L), and which of ``units`` of time it takes (T, L)."""

    size: Floats
    unit: NDArray[np.intp]
    units: tuple[Unit, ...]
    of: tuple[str, ...]


def explained_latency(trace: Trace, chip: Resolved[ChipConfig]) -> dict[str, Terms]:
    """Return the terms of every leaf of the time tree, by the leaf's path in it."""
    facts = facts_of(trace, chip)
    counts, steps = trace.counts, trace.task_counts["optimizer_steps"]
    there, back = forward_way(facts), _backward(facts)
    found = {
        "forward": pipeline(counts["forward_vectors"], there, steps, ("forward_vectors", "optimizer_steps")),
        "input_gradient": pipeline(
            counts["input_gradient_vectors"], back, steps, ("input_gradient_vectors", "optimizer_steps")
        ),
        "weight_gradient": (_weight_gradient(facts),),
        "update": update_terms(facts),
        "migration": migration_terms(facts),
        "scoring": _scoring(facts, there, back),
        "buffer": (_buffer(facts),),
        "dram": (_dram(facts),),
    }
    return found | _reload(facts) | failed_time(facts)


def pipeline(vectors: NDArray[np.int64], way: Way, steps: NDArray[np.int64], fields: tuple[str, ...]) -> Terms:
    """Return the slowest layer's vectors, and one vector through each other layer in use for each fill."""
    seconds = np.array([unit[0] for unit in way.units])[way.unit] * way.size
    slowest, task = (vectors * seconds).argmax(axis=1), np.arange(len(vectors))
    rest = (vectors > 0).astype(np.float64) * way.size
    rest[task, slowest] = 0.0
    found = []
    for index, (unit, of) in enumerate(zip(way.units, way.of, strict=True)):
        mine = way.unit == index
        busy = (vectors * way.size * mine)[task, slowest]
        fill = (rest * mine).sum(axis=1) * steps
        said = f"{of} of the slowest layer, where it is read so"
        found.append(counted(busy, of, said, fields[:1], unit))
        said = f"{of} that fill the pipeline: one vector of each other layer and step"
        found.append(counted(fill, of, said, fields, unit))
    return tuple(found)


def forward_way(facts: Facts) -> Way:
    """Return how vectors pass forward, at the pace of the slower memory of each layer."""
    return _arrays(facts, _forward_units(facts.chip))


def _forward_units(chip: ChipConfig) -> dict[str, Unit]:
    phases, own, found = -(-chip.input_bits // chip.dac_bits), ("input_bits", "dac_bits"), dict[str, Unit]()
    if chip.rram is not None:
        values = (*adc_pass_values(chip.rram), "rram.columns_per_adc", *own)
        said = "phases x (t_read + columns_per_adc x t_conversion)"
        found["rram"] = (phases * rram_pass_s(chip, chip.rram), said, values)
    if chip.sram is not None:
        seconds = phases * sram_pass_s(chip, chip.sram, chip.array.rows)
        found["sram"] = (seconds, f"phases x {_TREE_SAID}", (*_TREE_VALUES, "array.rows", *own))
    return found


_TREE_SAID = "columns_per_tree x max(adder tree, clock)"
_TREE_VALUES = ("sram.columns_per_tree", "sram.adder_tree.full_adder_delay_s", "clock_hz")


def adc_pass_values(part: RramPart) -> tuple[str, ...]:
    """Return the values behind the settling of a column and the time of one conversion."""
    return ("rram.cell.read_time_s", "rram.adc.model", *ADC_TIMES[part.adc.model], "rram.adc_bits")


def _backward(facts: Facts) -> Way:
    chip, trace = facts.chip, facts.trace
    if chip.input_gradient == "digital":
        weights = np.array([spec.weight_count for spec in trace.meta.layers], dtype=np.float64)
        shape = (trace.meta.tasks, len(weights))
        unit: Unit = (1.0 / chip.mac.macs_per_s, _DIGITAL_S, ("mac.macs_per_s", "input_gradient"))
        return Way(np.tile(weights, (shape[0], 1)), np.zeros(shape, np.intp), (unit,), ("MACs",))
    phases = -(-chip.error_bits // chip.dac_bits)
    if chip.input_gradient == "second-copy":
        ratio = phases / -(-chip.input_bits // chip.dac_bits)
        units = {
            kind: (seconds * ratio, f"as forward, with error bits: {said}", (*values, "error_bits"))
            for kind, (seconds, said, values) in _forward_units(chip).items()
        }
        return _arrays(facts, units)
    return _arrays(facts, _transposed_units(chip, phases))


def _transposed_units(chip: ChipConfig, phases: int) -> dict[str, Unit]:
    own, found = ("error_bits", "dac_bits", "array.rows", "array.cols"), dict[str, Unit]()
    if chip.rram is not None:
        seconds = phases * chip.geometry.encoding.slices * rram_transposed_pass_s(chip, chip.rram)
        said = "phases x slices x (t_read + ceil(rows / ADCs) x t_conversion)"
        values = (*adc_pass_values(chip.rram), "rram.columns_per_adc", "rram.cell_bits", *own)
        found["rram"] = (seconds, said, tuple(dict.fromkeys(values)))
    if chip.sram is not None and chip.sram_geometry is not None:
        wide = sram_pass_s(chip, chip.sram, chip.sram_geometry.weight_cols)
        seconds = phases * chip.sram_geometry.encoding.slices * wide
        found["sram"] = (seconds, f"phases x slices x {_TREE_SAID}", (*_TREE_VALUES, *own))
    return found


def _arrays(facts: Facts, units: dict[str, Unit]) -> Way:
    """Which memory sets the pace of each layer: the slower of those that hold it."""
    tasks, layers = facts.trace.meta.tasks, len(facts.trace.meta.layers)
    masks = {"rram": facts.where.in_rram, "sram": facts.where.in_sram}
    slices = profile_of(facts.trace, facts.chip.geometry).grid.layer_slices
    seconds = np.zeros((len(units), tasks, layers))
    for index, (kind, unit) in enumerate(units.items()):
        for layer, span in enumerate(slices):
            seconds[index, :, layer] = masks[kind][:, span].any(axis=1) * unit[0]
    of = tuple(f"vectors through {kind.upper()}" for kind in units)
    return Way(np.ones((tasks, layers)), seconds.argmax(axis=0), tuple(units.values()), of)


def _weight_gradient(facts: Facts) -> Term:
    chip = facts.chip
    macs = weight_gradient_macs(facts.trace, chip).sum(axis=1)
    fields = ("weight_gradient_macs", "dense_gradient_macs") if chip.skip_masked_gradients else (
        "weight_gradient_vectors",
    )  # fmt: skip
    own = ("weight_gradient", "skip_masked_gradients")
    if chip.weight_gradient == "digital" or chip.sram is None:
        unit: Unit = (1.0 / chip.mac.macs_per_s, _DIGITAL_S, ("mac.macs_per_s", *own))
        return counted(macs, "MACs", "MACs of the weight gradient", fields, unit)
    return _scratch_passes(facts, chip.sram, macs, fields, own)


def _scratch_passes(facts: Facts, part: SramPart, macs: Floats, fields: tuple[str, ...], own: tuple[str, ...]) -> Term:
    chip = facts.chip
    cells, arrays = chip.array.rows * chip.array.cols, scratch_pes(facts.trace, chip)
    phases = -(-chip.error_bits // chip.dac_bits)
    passes = macs / (cells / chip.input_bits) * phases / arrays
    said = f"MACs / (cells of a PE / input_bits) x phases of an error / {arrays} arrays of the widest layer"
    values = (*_TREE_VALUES, "array.rows", "array.cols", "input_bits", "error_bits", "dac_bits", *own)
    unit = (sram_pass_s(chip, part, chip.array.rows), _TREE_SAID, values)
    return counted(passes, "passes of the arrays", said, fields, unit)


def _scoring(facts: Facts, there: Way, back: Way) -> Terms:
    trace, mac = facts.trace, facts.chip.mac
    once = np.ones(trace.meta.tasks, dtype=np.int64)
    forward, errors = "scoring_forward_vectors", "scoring_input_gradient_vectors"
    macs = trace.counts["scoring_weight_gradient_macs"].sum(axis=1) + trace.task_counts["scoring_macs"]
    unit: Unit = (1.0 / mac.macs_per_s, _DIGITAL_S, ("mac.macs_per_s",))
    fields = ("scoring_weight_gradient_macs", "scoring_macs")
    return (
        *pipeline(trace.counts[forward], there, once, (forward,)),
        *pipeline(trace.counts[errors], back, once, (errors,)),
        counted(macs, "MACs", "gradient MACs of scoring and its own arithmetic", fields, unit),
    )


def _buffer(facts: Facts) -> Term:
    """What the port moves beyond what the arrays and the gradient unit give it time for."""
    buffer, bits = facts.chip.buffer, facts.bits.buffer_bits()
    trees = latency.training_latency(facts.trace, facts.chip, facts.where, facts.done, facts.bits)
    parts = ("forward", "input_gradient", "weight_gradient")
    hidden = [sum(tree.leaves[part,] for part in parts) for tree in trees]
    rate = buffer.bandwidth_bits_per_s
    left_s = np.maximum(0.0, bits / rate - np.array(hidden))
    said = "bits beyond bandwidth x seconds of forward, input_gradient and weight_gradient, by task"
    fields = tuple(dict.fromkeys(field for name in BITS_FIELDS.values() for field in name))
    return counted(left_s * rate, "bits", said, fields, _per_bit(rate, "buffer"))


def _dram(facts: Facts) -> Term:
    fields = tuple(dict.fromkeys(field for name in DRAM_FIELDS.values() for field in name))
    unit = _per_bit(facts.chip.dram.bandwidth_bits_per_s, "dram")
    return counted(facts.bits.dram_bits(), "bits", "all bits to and from DRAM", fields, unit)


def _per_bit(rate: float, part: str) -> Unit:
    return 1.0 / rate, "1 / bandwidth", (f"{part}.bandwidth_bits_per_s",)


def _reload(facts: Facts) -> dict[str, Terms]:
    chip, found = facts.chip, reloaded(facts)
    if found is None or chip.sram is None:
        return {}
    bits, back, _, rows = found
    rate, said, values = _per_bit(chip.dram.bandwidth_bits_per_s, "dram")
    moving = (rate, said, (*values, *RELOAD_VALUES))
    unit = (chip.sram.cell.write_time_s, "time to write a row", ("sram.cell.write_time_s", *RELOAD_VALUES))
    return {
        "reload": (
            counted(bits, "bits", f"weights x weight_bits {RELOAD_SAID}", RELOAD_FIELDS, moving),
            counted(rows, "row writes", f"rows {RELOAD_SAID}, one after the other", RELOAD_FIELDS, unit),
            counted(back, "bits", "weights x weight_bits of those PEs that train, at each step", RELOAD_FIELDS, moving),
        )
    }
