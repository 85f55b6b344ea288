"""An explanation of a number names every value of the chip that moves it."""

from functools import cache
from typing import Any

from imcsim.chip.charged import SI_UNITS
from imcsim.chip.explain import explain_priced
from imcsim.core.sources import Resolved
from imcsim.trace import Trace
from tests.chip.hand import small_chip
from tests.oracle.moves import moving
from tests.oracle.traces import scrambled_chip, scrambled_trace

HYBRID, RRAM, SRAM = "hybrid-28nm", "all-rram-28nm", "all-sram-28nm"
PLAN = {"topology": "mesh", "pes_per_router": 2}
CHIPS: tuple[tuple[str, dict[str, Any], str], ...] = (
    (HYBRID, {"sram.pe_count": 40, "floor_plan": PLAN, "rram.write_rule": "arithmetic"}, "resident"),
    (RRAM, {"rram.adc": "adc-neurosim-22nm", "rram.adc_bits": 5, "rram.write_rule": "harmonic",
            "input_gradient": "digital"}, "switched"),
    (RRAM, {"rram.adc.model": "integrating", "rram.adc_bits": 6}, "switched"),
    (RRAM, {"rram.adc.model": "sense-amp", "rram.adc_bits": 4}, "switched"),
    (SRAM, {"oversize": "multiplex", "sram.pe_count": 5, "weight_gradient": "sram-array"}, "switched"),
)  # fmt: skip
SECONDS = ("energy.leakage.buffer", "energy.leakage.sram")
"""Watts times the seconds of the whole time tree, which are explained there."""


def named(trace: Trace, chip: Resolved[Any]) -> dict[str, set[str]]:
    """Return number -> dotted paths of the values that its explanation names."""
    return {
        found.path: {path for term in found.terms for path in term.origins}
        for tree in SI_UNITS
        for found in explain_priced(trace, chip, tree)
    }


@cache
def _on(index: int) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return number -> values that move it, and leaf -> values that are named, on one of the chips."""
    name, choice, own = CHIPS[index]
    room = {f"{part}.pe_count": 40 for part in ("rram", "sram") if part in name or name == HYBRID}
    chip, trace = scrambled_chip(small_chip(name, room | choice), 1), scrambled_trace(6, own=own)
    return moving(trace, chip.config.model_dump()), named(trace, chip)


def _missing() -> dict[str, set[str]]:
    """Return leaf -> values that move it and are not named, on any of the chips."""
    found: dict[str, set[str]] = {}
    for moved, said in map(_on, range(len(CHIPS))):
        for leaf, paths in said.items():
            if leaf not in SECONDS and moved[leaf] - paths:
                found.setdefault(leaf, set()).update(moved[leaf] - paths)
    return found


def test_every_value_that_moves_a_number_is_named() -> None:
    assert _missing() == {}


def test_what_moves_a_number_by_hand() -> None:
    found, _ = _on(0)
    assert found["area.digital"] == {"mac.area_m2"}
    assert found["energy.dram.masks"] == {"dram.energy_j"}
    assert found["energy.update.sram_write"] == {"sram.cell.write_energy_j"}
    assert found["lifetime.rram.tasks_guaranteed"] == {"rram.cell.guaranteed_cycles"}
    assert found["energy.forward.rram.shift_add"] == {"shift_add.energy_j", "rram.joined_columns"}
    assert found["writes.rram.total"] == set()
