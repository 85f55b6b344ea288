"""Terms of weight gradients in SRAM arrays, and of weights that take turns in SRAM.

Shape letters: T tasks, P PEs.
"""

from imcsim.chip.explain.explanation import Facts, Numbers, Term, Unit, counted
from imcsim.chip.gradients import weight_gradient_macs
from imcsim.chip.multiplex import passes, taking_turns
from imcsim.chip.profile import profile_of

_WRITE: Unit = (0.0, "energy of writing one cell", ("sram.cell.write_energy_j",))


def array_gradient_terms(facts: Facts) -> dict[str, Term]:
    """Return the terms of ``weight_gradient`` where it is computed in SRAM arrays."""
    chip, part = facts.chip, facts.chip.sram
    if chip.weight_gradient != "sram-array" or part is None:
        return {}
    phases, rows = -(-chip.error_bits // chip.dac_bits), chip.array.rows
    macs = weight_gradient_macs(facts.trace, chip).sum(axis=1)
    fields = ("weight_gradient_macs", "dense_gradient_macs") if chip.skip_masked_gradients else (
        "weight_gradient_vectors",
    )  # fmt: skip
    own = ("weight_gradient", "skip_masked_gradients", "array.rows", "input_bits", "error_bits", "dac_bits")
    tree = part.adder_tree
    evaluations = macs / rows * chip.input_bits * phases
    said = "MACs / rows x input_bits x phases of an error"
    inputs, _ = facts.layer_sides()
    written = facts.trace.counts["weight_gradient_vectors"] @ inputs * chip.input_bits
    return {
        "weight_gradient.adder_tree": counted(
            evaluations * tree.full_adders(rows, chip.dac_bits), "full adders",
            f"{said} x (N (b + 1) - (b + log2 N + 1)), N = rows, b = dac_bits", fields,
            (tree.full_adder_energy_j * tree.activity, "energy of a full adder x share that switches",
             ("sram.adder_tree.full_adder_energy_j", "sram.adder_tree.activity", *own)),
        ),
        "weight_gradient.shift_add": counted(
            evaluations, "shift-adds", said, fields,
            (chip.shift_add.energy_j, "energy of one shift-add", ("shift_add.energy_j", *own)),
        ),
        "weight_gradient.array_write": counted(
            written, "cell writes", "vectors x fan-in x input_bits", ("weight_gradient_vectors",),
            (part.cell.write_energy_j, *_WRITE[1:]),
        ),
    }  # fmt: skip


def reloaded(facts: Facts) -> tuple[Numbers, Numbers, Numbers, Numbers] | None:
    """Return (T,) bits from DRAM, bits back to it, SRAM cells and rows written by reloads; None where nothing is."""
    chip, geometry = facts.chip, facts.chip.sram_geometry
    if chip.oversize != "multiplex" or geometry is None:
        return None
    profile = profile_of(facts.trace, geometry)
    grid, moving = profile.grid, taking_turns(profile.grid.count, chip)
    if not moving.any():
        return None
    there, back = passes(facts.trace)
    loads = (there[:, None] + back[:, grid.layer])[:, moving] * facts.copies
    steps = facts.trace.task_counts["optimizer_steps"][:, None]
    changed = profile.trainable[:, moving] * steps
    bits = (grid.rows * grid.outputs)[moving] * float(chip.weight_bits)
    return loads @ bits, changed @ bits, loads @ grid.cells[moving], loads @ grid.rows[moving]


RELOAD_FIELDS = ("optimizer_steps", "input_gradient_vectors", "scoring_forward_vectors")
RELOAD_VALUES = ("oversize", "sram.pe_count", "weight_bits", "input_gradient")
RELOAD_SAID = "of the PEs without a place of their own, at each pass forward and, where errors go, back"


def reload_terms(facts: Facts) -> dict[str, Term]:
    """Return the terms of ``reload``; empty where every PE has its place."""
    chip, found = facts.chip, reloaded(facts)
    if found is None or chip.sram is None:
        return {}
    bits, back, cells, _ = found
    dram = (chip.dram.energy_j, "energy of a bit", ("dram.energy_j", *RELOAD_VALUES))
    writing = (chip.sram.cell.write_energy_j, _WRITE[1], (*_WRITE[2], *RELOAD_VALUES))
    return {
        "reload.dram_read": counted(bits, "bits", f"weights x weight_bits {RELOAD_SAID}", RELOAD_FIELDS, dram),
        "reload.dram_write": counted(
            back, "bits", "weights x weight_bits of those PEs that train, at each step",
            ("optimizer_steps", "placement"), dram,
        ),
        "reload.sram_write": counted(cells, "cell writes", f"cells {RELOAD_SAID}", RELOAD_FIELDS, writing),
    }  # fmt: skip
