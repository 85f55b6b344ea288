"""Terms of programming RRAM cells: in place, and of what SRAM has learned.

Counted anew from the trace's transition tables. Shape letters: T tasks, P PEs.
"""

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import RramPart
from imcsim.chip.explain.explanation import Facts, Floats, Term, Terms, Unit, absent, counted
from imcsim.chip.profile import TileProfile, profile_of
from imcsim.chip.writes import Commit, plan_commits
from imcsim.devices.programming import event_energies_j
from imcsim.trace.schema import Policy

_PAIR = {
    "harmonic": "2 V^2 H(G_old, G_new) t n, n = ceil(abs(dG) / dG_min), H the harmonic mean",
    "arithmetic": "V^2 mean(G_old, G_new) t n + V^2 C_wire n, n = ceil(abs(dG) / dG_min)",
}
_PAIR_VALUES = (
    "rram.cell.conductance_min_s", "rram.cell.conductance_max_s", "rram.cell.set_voltage_v",
    "rram.cell.reset_voltage_v", "rram.cell.pulse_time_s",
)  # fmt: skip
_FLAT_VALUES = (
    "rram.cell.pulses_mean", "rram.cell.set_pulse_share", "rram.cell.set_energy_j", "rram.cell.reset_energy_j",
    "rram.cell.verify_energy_j",
)  # fmt: skip
_EVENTS = "programming events"
_SHARED = ", a layer's table shared out by the level changes of its PEs"


def program_terms(facts: Facts) -> dict[str, Terms]:
    """Return the terms of ``update.rram_program`` and ``migration.rram_program``."""
    part = facts.chip.rram
    if part is None:
        nothing = (absent("rram", _EVENTS),)
        return {"update.rram_program": nothing, "migration.rram_program": nothing}
    profile = rram_profile(facts)
    in_place = transitions(profile, part.write_policy, facts.where.rram_training) * facts.copies
    return {
        "update.rram_program": by_pair(
            in_place, part, "level changes of PEs that train in RRAM, at its write policy",
            ("transitions", "changes"), ("rram.write_policy", "input_gradient"),
            shared="" if part.write_policy == "task" else _SHARED,
        ),
        "migration.rram_program": _committed(facts, profile, part),
    }  # fmt: skip


def rram_profile(facts: Facts) -> TileProfile:
    """Return the trace as the chip's RRAM PEs see it."""
    geometry = facts.chip.rram_geometry
    if geometry is None:
        raise ValueError("the chip has no RRAM")
    return profile_of(facts.trace, geometry)


def transitions(profile: TileProfile, policy: Policy, pes: NDArray[np.bool_]) -> Floats:
    """Return (levels, levels) events under ``policy`` of the PEs in ``pes`` (T, P), over the whole stream."""
    if policy == "task":
        tables = [profile.transitions_between(task, task + 1, row) for task, row in enumerate(pes)]
        return np.asarray(np.sum(tables, axis=0), dtype=np.float64)
    changes = profile.policy(policy).changes
    levels = profile.geometry.encoding.level_count
    found = np.zeros((levels, levels))
    for span, table in zip(profile.grid.layer_slices, profile.transitions(policy), strict=True):
        ours, all_ = (changes * pes)[:, span].sum(axis=1), changes[:, span].sum(axis=1)
        share = np.divide(ours, all_, out=np.zeros(len(all_)), where=all_ > 0)
        found += np.einsum("tij,t->ij", table, share)
    return found


def commits_of(facts: Facts) -> tuple[NDArray[np.bool_], tuple[Commit, ...]]:
    """Return (T, P) PEs committed after a task that alone changed them, and the commits of several tasks' changes."""
    whole, late = np.zeros_like(facts.where.sram_training), []
    for commit in plan_commits(facts.where, facts.chip.commit) if facts.chip.sram is not None else ():
        if commit.last - commit.first == 1 and commit.last == commit.task + 1:
            whole[commit.task] |= commit.pes
        else:
            late.append(commit)
    return whole, tuple(late)


def _committed(facts: Facts, profile: TileProfile, part: RramPart) -> Terms:
    if facts.chip.sram is None:
        return (absent("sram", _EVENTS),)
    whole, late = commits_of(facts)
    times = facts.copies * float(facts.chip.charge_migration)
    own = ("commit", "charge_migration", "input_gradient")
    said = "cells that a task left at another level, of PEs trained in SRAM"
    found = by_pair(transitions(profile, "task", whole) * times, part, said, ("codes", "placement"), own)
    if not late:
        return found
    table = np.sum([profile.transitions_between(c.first, c.last, c.pes) for c in late], axis=0) * times
    said = "cells that RRAM holds at another level when a PE leaves SRAM, changes of several tasks together"
    return (*found, *by_pair(table, part, said, ("codes", "placement"), own))


def by_pair(
    table: Floats, part: RramPart, said: str, fields: tuple[str, ...], own: tuple[str, ...], *, shared: str = ""
) -> Terms:
    """Return one term where every event costs the same (rule ``flat``), else one for each pair of levels that occurs.

    ``table`` (levels, levels) holds the events, ``said`` what they are, ``shared`` how they were found by PE.
    """
    said += shared
    energies = event_energies_j(part.cell, part.cell_bits, part.write_rule)
    values = (*_values(part), *own)
    events = np.where(energies > 0, table, 0.0)
    if part.write_rule == "flat":
        unit: Unit = (float(energies.max()), _formula(part), values)
        return (counted(events, _EVENTS, said, fields, unit),)
    pairs = np.argwhere(events > 0) if events.any() else np.array([[0, 1]])
    return tuple(_pair(events, energies, (int(i), int(j)), said, fields, (_formula(part), values)) for i, j in pairs)


def _pair(
    events: Floats,
    energies: Floats,
    at: tuple[int, int],
    said: str,
    fields: tuple[str, ...],
    how: tuple[str, tuple[str, ...]],
) -> Term:
    of = f"{_EVENTS} from level {at[0]} to {at[1]}"
    return counted(float(events[at]), of, said, fields, (float(energies[at]), *how))


def _formula(part: RramPart) -> str:
    if part.write_rule == "flat":
        return "n (s E_set + (1 - s) E_reset) + (n + 1) E_verify, n = mean pulses, s = share of SET pulses"
    return _PAIR[part.write_rule]


def _values(part: RramPart) -> tuple[str, ...]:
    own = {
        "flat": _FLAT_VALUES,
        "harmonic": _PAIR_VALUES,
        "arithmetic": (*_PAIR_VALUES, "rram.cell.wire_capacitance_f"),
    }
    return ("rram.write_rule", *own[part.write_rule], "rram.cell_bits", "rram.sign")
