"""Terms of bits moved and of digital work: buffer, links, DRAM, masks, gradients, updates, writes of SRAM cells."""

import numpy as np

from imcsim.chip.explain.explanation import Facts, Floats, Term
from imcsim.chip.gradients import weight_gradient_macs

_MATRIX = "bits of each vector's inputs and outputs"
_BITS = {
    "forward": ("forward_vectors",),
    "input_gradient": ("input_gradient_vectors",),
    "weight_gradient": ("weight_gradient_vectors",),
    "scoring": ("scoring_forward_vectors", "scoring_input_gradient_vectors"),
    "signs": ("relu_elements", "peak_kept_elements", "peak_kept_bits"),
    "update": ("updated_weights", "digital_parameters", "optimizer_steps", "optimizer_state_values"),
}
_DRAM = {
    "activations": ("kept_elements", "other_kept_elements", "relu_elements", "peak_kept_elements", "peak_kept_bits"),
    "replay": ("replay_bytes_read", "replay_bytes_written"),
    "master": _BITS["update"],
    "scoring": ("scoring_bytes",),
    "masks": ("mask_bits",),
}
_WIDTHS = {"forward": ("input_bits",), "input_gradient": ("error_bits",)}
_BOTH = ("input_bits", "error_bits")
_MASTER = ("master_copy.bits", "master_copy.location", "buffer.size_bytes")


def traffic_terms(facts: Facts) -> dict[str, Term]:
    """Return the terms below ``buffer``, ``link``, ``dram`` and ``masks``."""
    chip, bits, found = facts.chip, facts.bits, {}
    for way, amounts in (("read", bits.buffer_reads), ("write", bits.buffer_writes)):
        unit_j = chip.buffer.read_energy_j if way == "read" else chip.buffer.write_energy_j
        for name, amount in amounts.items():
            found[f"buffer.{way}_{name}"] = _buffer(way, amount, _BITS[name], unit_j, name)
    for name in ("forward", "input_gradient", "scoring"):
        moved = bits.buffer_reads[name] + bits.buffer_writes[name]
        found[f"link.{name}"] = _term(
            moved, "bits", f"the bits read and written for it: {_MATRIX}", _BITS[name],
            (chip.link.energy_j * chip.link.hops, "energy of a bit and hop x mean hops"),
            ("link.energy_j", "link.hops", *_WIDTHS.get(name, _BOTH)),
        )  # fmt: skip
    for name, amount in bits.dram.items():
        own = _MASTER if name == "master" else ("input_bits", *_MASTER) if name == "activations" else ()
        found[f"dram.{name}"] = _term(
            amount, "bits", "bits to and from DRAM", _DRAM[name], (chip.dram.energy_j, "energy of a bit"),
            ("dram.energy_j", *own),
        )  # fmt: skip
    return found | _masks(facts)


def _buffer(way: str, amount: Floats, fields: tuple[str, ...], unit_j: float, name: str) -> Term:
    counted = {"update": "gradient, master copy and optimiser state of each updated weight", "signs": "one bit a ReLU"}
    own = {"update": _MASTER, "signs": ("input_bits", *_MASTER)}
    unit = (unit_j, f"energy of {'reading' if way == 'read' else 'writing'} a bit, log-log in the table at size_bytes")
    parameters = (
        "buffer.size_bytes",
        "buffer.table_bytes",
        f"buffer.{way}_table_j",
        *own.get(name, _WIDTHS.get(name, _BOTH)),
    )
    return _term(amount, "bits", counted.get(name, _MATRIX), fields, unit, tuple(dict.fromkeys(parameters)))


def _masks(facts: Facts) -> dict[str, Term]:
    buffer, task = facts.chip.buffer, facts.trace.task_counts
    bits = task["mask_bits"].astype(np.float64)
    table = ("buffer.size_bytes", "buffer.table_bytes")
    return {
        "masks.write": _term(
            bits, "bits", "bits of each task's masks, once", ("mask_bits",),
            (buffer.write_energy_j, "energy of writing a bit"), (*table, "buffer.write_table_j"),
        ),
        "masks.read": _term(
            bits * task["optimizer_steps"], "bits", "bits of each task's masks, at every step",
            ("mask_bits", "optimizer_steps"), (buffer.read_energy_j, "energy of reading a bit"),
            (*table, "buffer.read_table_j"),
        ),
    }  # fmt: skip


def digital_terms(facts: Facts) -> dict[str, Term]:
    """Return the terms of the digital unit: activations, gradients, updates, and MACs of scoring."""
    trace, mac = facts.trace, facts.chip.mac
    counts, task = trace.counts, trace.task_counts
    inputs, outputs = facts.layer_sides()
    vector = (mac.vector_energy_j, "energy of one element of vector arithmetic"), ("mac.vector_energy_j",)
    gradient = (mac.gradient_energy_j, "energy of one gradient MAC"), ("mac.gradient_energy_j",)
    updated = counts["updated_weights"].sum(axis=1) + task["digital_parameters"] * task["optimizer_steps"]
    scored = counts["scoring_weight_gradient_macs"].sum(axis=1) + task["scoring_macs"]
    found = {
        "forward.activation": _term(
            counts["forward_vectors"] @ outputs, "elements", "vectors x outputs", ("forward_vectors",), *vector
        ),
        "input_gradient.activation": _term(
            counts["input_gradient_vectors"] @ inputs, "elements", "vectors x fan-in", ("input_gradient_vectors",),
            *vector,
        ),
        "update.arithmetic": _term(
            updated, "updates", "updated_weights + digital_parameters x optimizer_steps",
            ("updated_weights", "digital_parameters", "optimizer_steps"),
            (mac.update_energy_j, "energy of one optimiser update"), ("mac.update_energy_j",),
        ),
        "scoring.mac": _term(
            scored, "MACs", "gradient MACs of scoring and its own arithmetic",
            ("scoring_weight_gradient_macs", "scoring_macs"), *gradient,
        ),
    }  # fmt: skip
    return found | _weight_gradient(facts, gradient) | _input_gradient(facts, gradient)


def write_terms(facts: Facts) -> dict[str, Term]:
    """Return the terms of writing SRAM cells: in place, and of PEs that arrive from RRAM."""
    chip, done = facts.chip, facts.done
    if chip.sram is None:
        return {}
    unit = chip.sram.cell.write_energy_j, "energy of writing one cell"
    charged = float(chip.charge_migration)
    found = {
        "update.sram_write": _term(
            done.sram_events.astype(np.float64), "programming events",
            "level changes of SRAM PEs that train, at their write policy", ("changes",), unit,
            ("sram.cell.write_energy_j", "sram.write_policy", "input_gradient"),
        )
    }  # fmt: skip
    if chip.rram is not None:
        found["migration.sram_write"] = _term(
            (done.load_events * charged).astype(np.float64), "programming events",
            "cells of PEs that become trainable", ("placement",), unit,
            ("sram.cell.write_energy_j", "charge_migration", "input_gradient"),
        )  # fmt: skip
    return found


Unit = tuple[tuple[float, str], tuple[str, ...]]


def _weight_gradient(facts: Facts, gradient: Unit) -> dict[str, Term]:
    chip = facts.chip
    if chip.weight_gradient != "digital":
        return {}
    skipped = chip.skip_masked_gradients
    return {
        "weight_gradient.mac": _term(
            weight_gradient_macs(facts.trace, chip).sum(axis=1),
            "MACs",
            "MACs of unmasked weights that train, and dense ones that the method asks for"
            if skipped
            else "vectors x weights of every layer that trains",
            ("weight_gradient_macs", "dense_gradient_macs") if skipped else ("weight_gradient_vectors",),
            gradient[0],
            (*gradient[1], "skip_masked_gradients", "weight_gradient"),
        )
    }


def _input_gradient(facts: Facts, gradient: Unit) -> dict[str, Term]:
    if facts.chip.input_gradient != "digital":
        return {}
    weights = np.array([spec.weight_count for spec in facts.trace.meta.layers], dtype=np.float64)

    def macs(prefix: str, field: str) -> dict[str, Term]:
        amount = facts.trace.counts[field] @ weights
        return {f"{prefix}.mac": _term(amount, "MACs", "vectors x weights", (field,), gradient[0], gradient[1])}

    return macs("input_gradient", "input_gradient_vectors") | macs(
        "scoring.input_gradient", "scoring_input_gradient_vectors"
    )


def _term(
    amount: Floats,
    amount_of: str,
    amount_formula: str,
    fields: tuple[str, ...],
    unit: tuple[float, str],
    parameters: tuple[str, ...],
) -> Term:
    return Term(float(amount.sum()), amount_of, amount_formula, fields, *unit, parameters)
