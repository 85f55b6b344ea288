"""Terms of writes to dead cells, where a trace has them."""

from imcsim.chip.explain.explanation import Facts, Terms, Unit, counted
from imcsim.chip.failed_writes import failed_writes

_OF = "failed writes"
_SAID = "writes to dead cells that verify found to have failed, in each copy"
_CELL = ("rram.cell.pulses_mean", "rram.cell.pulses_p99", "rram.cell_bits", "input_gradient")


def failed_energy(facts: Facts) -> dict[str, Terms]:
    """Return the terms of the leaf of the energy tree; empty where nothing is charged."""
    found = failed_writes(facts.trace, facts.chip)
    if found is None:
        return {}
    own = () if facts.chip.sram is None else ("charge_migration",)
    joules = (
        "rram.cell.set_pulse_share",
        "rram.cell.set_energy_j",
        "rram.cell.reset_energy_j",
        "rram.cell.verify_energy_j",
    )
    said = "(p99 - mean pulses) x (s E_set + (1 - s) E_reset + E_verify)"
    unit: Unit = (found.each_j, said, (*_CELL, *joules, *own))
    return {found.leaf: (counted(found.events, _OF, _SAID, ("failed_writes",), unit),)}


def failed_time(facts: Facts) -> dict[str, Terms]:
    """Return the terms of the leaf of the time tree; empty where nothing is charged."""
    found = failed_writes(facts.trace, facts.chip)
    if found is None:
        return {}
    own = () if facts.chip.sram is None else ("charge_migration",)
    seconds = ("rram.cell.pulse_time_s", "rram.cell.verify_time_s", "rram.parallel_write_pes")
    said = "(p99 - mean pulses) x (t_pulse + t_verify) / parallel_write_pes"
    unit: Unit = (found.each_s, said, (*_CELL, *seconds, *own))
    return {"failed_writes": (counted(found.events, _OF, _SAID, ("failed_writes",), unit),)}
