"""Terms of bits moved and of digital work: buffer, links, DRAM, masks, gradients, updates, writes of SRAM cells."""

import numpy as np

from imcsim.chip.config import ChipConfig
from imcsim.chip.explain.explanation import Facts, Floats, Term, Terms, Unit, absent, counted
from imcsim.chip.gradients import weight_gradient_macs

_MATRIX = "bits of each vector's inputs and outputs"
BITS_FIELDS = {
    "forward": ("forward_vectors",),
    "input_gradient": ("input_gradient_vectors",),
    "weight_gradient": ("weight_gradient_vectors",),
    "scoring": ("scoring_forward_vectors", "scoring_input_gradient_vectors"),
    "signs": ("relu_elements", "peak_kept_elements", "peak_kept_bits"),
    "update": ("updated_weights", "digital_parameters", "optimizer_steps", "optimizer_state_values"),
}
DRAM_FIELDS = {
    "activations": ("kept_elements", "other_kept_elements", "relu_elements", "peak_kept_elements", "peak_kept_bits"),
    "replay": ("replay_bytes_read", "replay_bytes_written"),
    "master": BITS_FIELDS["update"],
    "scoring": ("scoring_bytes",),
    "masks": ("mask_bits",),
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


def traffic_terms(facts: Facts) -> dict[str, Term]:
    """Return the terms below ``buffer``, ``dram`` and ``masks``."""
    chip, bits, found = facts.chip, facts.bits, {}
    for way, amounts in (("read", bits.buffer_reads), ("write", bits.buffer_writes)):
        unit_j = chip.buffer.read_energy_j if way == "read" else chip.buffer.write_energy_j
        for name, amount in amounts.items():
            found[f"buffer.{way}_{name}"] = _buffer(way, amount, unit_j, name)
    for name, amount in bits.dram.items():
        own = _MASTER if name == "master" else ("input_bits", *_MASTER) if name == "activations" else ()
        unit = (chip.dram.energy_j, "energy of a bit", ("dram.energy_j", *own))
        found[f"dram.{name}"] = counted(amount, "bits", _DRAM_SAID[name], DRAM_FIELDS[name], unit)
    return found | _masks(facts)


def link_terms(facts: Facts) -> dict[str, Term]:
    """Return the terms below ``link``: bits x hops, by the floor plan if the chip states one."""
    chip, bits, found = facts.chip, facts.bits, {}
    planned = chip.floor_plan is not None
    said = "the bits read and written for it"
    for name in ("forward", "input_gradient", "scoring"):
        moved = bits.buffer_reads[name] + bits.buffer_writes[name]
        mean = float((moved * bits.hops[name]).sum() / moved.sum()) if moved.sum() > 0 else 0.0
        hops = f"hops of its layer on the floor plan ({mean:.4g} on average)" if planned else "the link's mean hops"
        values = ("link.energy_j", *hop_values(chip), *_WIDTHS.get(name, _BOTH))
        unit = (chip.link.energy_j, "energy of a bit and hop", values)
        found[f"link.{name}"] = counted(
            moved * bits.hops[name], "bit hops", f"{said}, {_MATRIX}, x {hops}", BITS_FIELDS[name], unit
        )
    return found


def hop_values(chip: ChipConfig) -> tuple[str, ...]:
    """Return the values that hops follow from."""
    if chip.floor_plan is None:
        return ("link.hops",)
    home = "rram.pe_count" if chip.rram is not None else "sram.pe_count"
    return ("floor_plan.topology", "floor_plan.pes_per_router", home)


def _buffer(way: str, amount: Floats, unit_j: float, name: str) -> Term:
    said = {
        "update": "gradient, master copy and optimiser state of each updated weight",
        "signs": "one bit an element of ReLU or dropout that nothing kept tells",
    }
    own = {"update": _MASTER, "signs": ("input_bits", *_MASTER)}
    formula = f"energy of {'reading' if way == 'read' else 'writing'} a bit, log-log in the table at size_bytes"
    values = (
        "buffer.size_bytes", "buffer.table_bytes", f"buffer.{way}_table_j",
        *own.get(name, _WIDTHS.get(name, _BOTH)),
    )  # fmt: skip
    unit = (unit_j, formula, tuple(dict.fromkeys(values)))
    return counted(amount, "bits", said.get(name, _MATRIX), BITS_FIELDS[name], unit)


def _masks(facts: Facts) -> dict[str, Term]:
    buffer, task = facts.chip.buffer, facts.trace.task_counts
    bits = task["mask_bits"].astype(np.float64)
    table = ("buffer.size_bytes", "buffer.table_bytes")
    return {
        "masks.write": counted(
            bits, "bits", "bits of each task's masks, once", ("mask_bits",),
            (buffer.write_energy_j, "energy of writing a bit", (*table, "buffer.write_table_j")),
        ),
        "masks.read": counted(
            bits * task["optimizer_steps"], "bits", "bits of each task's masks, at every step",
            ("mask_bits", "optimizer_steps"),
            (buffer.read_energy_j, "energy of reading a bit", (*table, "buffer.read_table_j")),
        ),
    }  # fmt: skip


def digital_terms(facts: Facts) -> dict[str, Term]:
    """Return the terms of the digital unit: activations, gradients, updates, and MACs of scoring."""
    trace, mac = facts.trace, facts.chip.mac
    counts, task = trace.counts, trace.task_counts
    inputs, outputs = facts.layer_sides()
    vector = (mac.vector_energy_j, "energy of one element of vector arithmetic", ("mac.vector_energy_j",))
    gradient = (mac.gradient_energy_j, "energy of one gradient MAC", ("mac.gradient_energy_j",))
    updated = counts["updated_weights"].sum(axis=1) + task["digital_parameters"] * task["optimizer_steps"]
    scored = counts["scoring_weight_gradient_macs"].sum(axis=1) + task["scoring_macs"]
    found = {
        "forward.activation": counted(
            counts["forward_vectors"] @ outputs, "elements", "vectors x outputs", ("forward_vectors",), vector
        ),
        "input_gradient.activation": counted(
            counts["input_gradient_vectors"] @ inputs, "elements", "vectors x fan-in", ("input_gradient_vectors",),
            vector,
        ),
        "update.arithmetic": counted(
            updated, "updates", "updated_weights + digital_parameters x optimizer_steps",
            ("updated_weights", "digital_parameters", "optimizer_steps"),
            (mac.update_energy_j, "energy of one optimiser update", ("mac.update_energy_j",)),
        ),
        "scoring.mac": counted(
            scored, "MACs", "gradient MACs of scoring and its own arithmetic",
            ("scoring_weight_gradient_macs", "scoring_macs"), gradient,
        ),
    }  # fmt: skip
    return found | _weight_gradient(facts, gradient) | _input_gradient(facts, gradient)


def write_terms(facts: Facts) -> dict[str, Terms]:
    """Return the terms of writing SRAM cells: in place, and of PEs that arrive from RRAM."""
    chip, done, events = facts.chip, facts.done, "programming events"
    if chip.sram is None:
        return dict.fromkeys(("update.sram_write", "migration.sram_write"), (absent("sram", events),))
    writing, cell = "energy of writing one cell", chip.sram.cell
    in_place = ("sram.cell.write_energy_j", "sram.write_policy", "input_gradient")
    loading = ("sram.cell.write_energy_j", "charge_migration", "input_gradient")
    loaded = counted(
        done.load_events * float(chip.charge_migration), events, "cells of PEs that become trainable", ("placement",),
        (cell.write_energy_j, writing, loading),
    )  # fmt: skip
    written = counted(
        done.sram_events, events, "level changes of SRAM PEs that train, at their write policy", ("changes",),
        (cell.write_energy_j, writing, in_place),
    )  # fmt: skip
    arrives = loaded if chip.rram is not None else absent("rram", events)
    return {"update.sram_write": (written,), "migration.sram_write": (arrives,)}


def _weight_gradient(facts: Facts, gradient: Unit) -> dict[str, Term]:
    chip = facts.chip
    if chip.weight_gradient != "digital":
        return {}
    skipped = chip.skip_masked_gradients
    joules, formula, values = gradient
    return {
        "weight_gradient.mac": counted(
            weight_gradient_macs(facts.trace, chip).sum(axis=1),
            "MACs",
            "MACs of unmasked weights that train, and dense ones that the method asks for"
            if skipped
            else "vectors x weights of every layer that trains",
            ("weight_gradient_macs", "dense_gradient_macs") if skipped else ("weight_gradient_vectors",),
            (joules, formula, (*values, "skip_masked_gradients", "weight_gradient")),
        )
    }


def _input_gradient(facts: Facts, gradient: Unit) -> dict[str, Term]:
    if facts.chip.input_gradient != "digital":
        return {}
    weights = np.array([spec.weight_count for spec in facts.trace.meta.layers], dtype=np.float64)

    def macs(prefix: str, field: str) -> dict[str, Term]:
        amount = facts.trace.counts[field] @ weights
        return {f"{prefix}.mac": counted(amount, "MACs", "vectors x weights", (field,), gradient)}

    return macs("input_gradient", "input_gradient_vectors") | macs(
        "scoring.input_gradient", "scoring_input_gradient_vectors"
    )
