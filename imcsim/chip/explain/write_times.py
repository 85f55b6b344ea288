"""Terms of the time of writes: update and migration. Shape letters: T tasks, P PEs."""

import numpy as np

from imcsim.chip.config import RramPart
from imcsim.chip.explain.explanation import Facts, Floats, Numbers, Term, Terms, Unit, counted
from imcsim.chip.explain.programmed import commits_of, rram_profile
from imcsim.chip.explain.read_out import arriving
from imcsim.chip.profile import TileProfile, profile_of
from imcsim.devices.programming import expected_max_pulses

_PULSES = "pulses, one after the other"
_ROWS = (
    "row writes x expected pulses of the slowest cell of a row, of the PE that takes longest, or of all PEs / "
    "parallel_write_pes where that is more, by task"
)
_PULSE_VALUES = (
    "rram.cell.pulse_time_s", "rram.cell.verify_time_s", "rram.cell.pulses_mean", "rram.cell.pulses_p99",
    "rram.cell_bits", "rram.parallel_write_pes",
)  # fmt: skip


def update_terms(facts: Facts) -> Terms:
    """Return the terms of writes in place: rows of the busiest SRAM PE, pulses of RRAM rows."""
    chip, found = facts.chip, list[Term]()
    if chip.sram is not None and chip.sram_geometry is not None:
        profile = profile_of(facts.trace, chip.sram_geometry).policy(chip.sram.write_policy)
        rows = (profile.row_events * facts.where.sram_training).max(axis=1, initial=0.0)
        values = ("sram.cell.write_time_s", "sram.write_policy")
        unit: Unit = (chip.sram.cell.write_time_s, "time to write a row", values)
        found.append(counted(rows, "row writes", "of the SRAM PE with the most, by task", ("changes",), unit))
    if chip.rram is not None:
        profile = rram_profile(facts).policy(chip.rram.write_policy)
        mask = facts.where.rram_training
        pulses = _pulses(profile.changes * mask, profile.row_events * mask, chip.rram)
        found.append(_pulse_term(pulses, chip.rram, f"{_ROWS}, in place", ("changes",), ("rram.write_policy",)))
    return tuple(found)


def migration_terms(facts: Facts) -> Terms:
    """Return the terms of commits (pulses) and of loading PEs into SRAM (rows)."""
    chip, rram, sram = facts.chip, facts.chip.rram, facts.chip.sram
    if rram is None or sram is None:
        missing = "rram" if rram is None else "sram"
        return (Term(0.0, "rows", f"the chip has no [{missing}]: nothing migrates", (), 0.0, "nothing to take", ()),)
    charged, profile = float(chip.charge_migration), rram_profile(facts)
    pulses = _committed(facts, profile, rram) * charged
    rows = (arriving(facts) * profile.grid.rows).max(axis=1, initial=0) * charged
    convert_s = rram.adc.time_s(rram.adc_bits, chip.array.rows)
    unit: Unit = (
        rram.cell.read_time_s + rram.columns_per_adc * convert_s + sram.cell.write_time_s,
        "t_read + columns_per_adc x t_conversion + t_write of an SRAM row",
        ("rram.cell.read_time_s", "rram.columns_per_adc", "rram.adc_bits", "rram.adc.model", "sram.cell.write_time_s",
         "charge_migration"),
    )  # fmt: skip
    said = "rows of the tallest PE that becomes trainable, by task"
    return (
        _pulse_term(pulses, rram, f"{_ROWS}, commits", ("codes", "placement"), ("commit", "charge_migration")),
        counted(rows, "rows loaded", said, ("placement",), unit),
    )


def _committed(facts: Facts, profile: TileProfile, part: RramPart) -> Floats:
    whole, late = commits_of(facts)
    under = profile.policy("task")
    pulses = _pulses(under.changes * whole, under.row_events * whole, part)
    for commit in late:
        events = profile.changes_between(commit.first, commit.last) * commit.pes
        rows = np.minimum(events, profile.grid.rows * commit.pes)
        pulses[commit.task] += _pulses(events[None], rows[None], part)[0]
    return pulses


def _pulses(events: Numbers, rows: Numbers, part: RramPart) -> Floats:
    """(T,): pulses that follow one another when ``parallel_write_pes`` PEs are written at once."""
    together = np.divide(events, rows, out=np.ones(rows.shape), where=rows > 0)
    pulses = rows * expected_max_pulses(part.cell, part.cell_bits, np.maximum(together, 1.0))
    return np.asarray(np.maximum(pulses.max(axis=1, initial=0.0), pulses.sum(axis=1) / part.parallel_write_pes))


def _pulse_term(pulses: Floats, part: RramPart, said: str, fields: tuple[str, ...], own: tuple[str, ...]) -> Term:
    seconds = part.cell.pulse_time_s + part.cell.verify_time_s
    return counted(pulses, _PULSES, said, fields, (seconds, "t_pulse + t_verify", (*_PULSE_VALUES, *own)))
