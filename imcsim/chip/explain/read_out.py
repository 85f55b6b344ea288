"""Terms of reading whole PEs: those that move to SRAM, and all weights for input gradients in the digital unit."""

import numpy as np

from imcsim.chip.config import RramPart
from imcsim.chip.explain.explanation import Facts, Floats, Term, Terms, Unit, absent, counted
from imcsim.chip.explain.programmed import rram_profile
from imcsim.chip.explain.reads import codes_of, conversion_values, mean_unit
from imcsim.chip.gradients import reads_of_all_weights
from imcsim.chip.profile import profile_of
from imcsim.chip.read_cost import conductance_sums

_STEPS = "optimizer_steps"


def load_terms(facts: Facts) -> dict[str, Terms]:
    """Return the terms of ``migration.rram_read``: PEs that become trainable are read row by row."""
    chip = facts.chip
    if chip.rram is None or chip.sram is None:
        return {"migration.rram_read": (absent("rram" if chip.rram is None else "sram", "cells read"),)}
    times = arriving(facts) * facts.copies * float(chip.charge_migration)
    own = ("charge_migration", "input_gradient")
    return {"migration.rram_read": _read_out(facts, chip.rram, times, "PEs that become trainable", ("placement",), own)}


def arriving(facts: Facts) -> Floats:
    """Return (T, P): 1 where a PE comes from its home in RRAM to train in SRAM."""
    return np.asarray(facts.where.arriving, dtype=np.float64)


def digital_gradient_terms(facts: Facts) -> dict[str, Terms]:
    """Return the terms of reading weights for input gradients in the digital unit, training and scoring."""
    chip, found = facts.chip, {}
    if chip.input_gradient != "digital":
        return {}
    for prefix, field, scoring in (
        ("input_gradient", "input_gradient_vectors", False),
        ("scoring.input_gradient", "scoring_input_gradient_vectors", True),
    ):
        reads = reads_of_all_weights(facts.trace, facts.trace.counts[field], scoring=scoring)
        fields = (field,) if scoring else (field, _STEPS)
        when = "once for each scoring" if scoring else "at each step"
        said = f"PEs of layers that errors pass, {when}"
        if chip.rram is not None:
            by_pe = reads[:, rram_profile(facts).grid.layer] * facts.where.in_rram
            found[f"{prefix}.read_out"] = _read_out(facts, chip.rram, by_pe, said, fields, ("input_gradient",))
        if chip.sram is not None:
            found[f"{prefix}.sram_read"] = (_sram_bits(facts, reads, said, fields),)
    return found


def _sram_bits(facts: Facts, reads: Floats, said: str, fields: tuple[str, ...]) -> Term:
    chip = facts.chip
    if chip.sram is None:
        raise ValueError("the chip has no SRAM")
    grid = profile_of(facts.trace, chip.geometry).grid
    bits = reads[:, grid.layer] * ~facts.where.in_rram * grid.rows * grid.outputs * chip.weight_bits
    unit: Unit = (
        chip.sram.cell.read_energy_j,
        "energy of reading one cell",
        ("sram.cell.read_energy_j", "weight_bits", "input_gradient"),
    )
    return counted(bits, "bits", f"weights x weight_bits of {said}, in SRAM", (*fields, "placement"), unit)


def _read_out(
    facts: Facts, part: RramPart, times: Floats, said: str, fields: tuple[str, ...], own: tuple[str, ...]
) -> Terms:
    """Cells, conversions and driven rows of reading PEs ``times`` (T, P) whole."""
    chip, profile = facts.chip, rram_profile(facts)
    grid, sums_s = profile.grid, conductance_sums(profile, part)
    cells, rows = times * grid.cells, float((times * grid.rows).sum())
    each = f"cells in use of {said}"
    reading: Unit = (
        part.cell.read_voltage_v**2 * part.cell.read_time_s,
        "V_read^2 t_read",
        ("rram.cell.read_voltage_v", "rram.cell.read_time_s", "rram.cell.conductance_min_s",
         "rram.cell.conductance_max_s", "rram.cell_bits", "rram.sign", *own),
    )  # fmt: skip
    formula, values = conversion_values(part)
    each_j = part.adc.energy_j(part.adc_bits, chip.supply_v, np.asarray(sums_s / grid.cells))
    converting: Unit = (mean_unit(each_j, cells), formula, (*values, *own))
    driving: Unit = (
        chip.driver.energy_j(chip.array.cols, chip.supply_v),
        "cols (C_wire + C_gate) Vdd^2",
        ("driver.wire_capacitance_per_cell_f", "driver.gate_capacitance_per_cell_f", "array.cols", "supply_v", *own),
    )
    conducting = f"conductance at the task's start of {each}"
    return (
        counted(times * sums_s, "siemens read", conducting, (*fields, "codes"), reading),
        counted(cells, "conversions", each, (*fields, *codes_of(part)), converting),
        counted(rows, "rows driven", f"rows in use of {said}", fields, driving),
    )
