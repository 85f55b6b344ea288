"""Terms of reading PEs, forward and transposed: drivers, cells, converters, adder trees, shift-add.

Counted anew from the trace and the map, beside :mod:`imcsim.chip.read_cost`, so that the two can disagree.
Shape letters: T tasks, P PEs, L layers.
"""

from dataclasses import dataclass

import numpy as np

from imcsim.chip.closed_columns import open_share
from imcsim.chip.config import RramPart
from imcsim.chip.explain.explanation import Facts, Floats, Term
from imcsim.chip.profile import TileProfile, profile_of
from imcsim.chip.read_cost import activity, conductance_sums

_ADC = {
    "macro-fit": ("(k1 b + k2 4^b) Vdd^2", ("macro_fit.linear_f", "macro_fit.exponential_f")),
    "neurosim": (
        "(p_bit b + p_0 + p_R exp(-k log10 R_column)) (b + 1) t_bit, between nodes on log-log axes",
        (
            "feature_size_m", "neurosim.feature_sizes_m", "neurosim.power_per_bit_w", "neurosim.power_offset_w",
            "neurosim.power_resistive_w", "neurosim.resistive_slope", "neurosim.time_per_bit_s",
        ),
    ),
    "neurosim-mlsa": (
        "(p_ref (2^b - 1) + p_R exp(-k log10 R_column)) t, between nodes on log-log axes",
        (
            "feature_size_m", "neurosim_mlsa.feature_sizes_m", "neurosim_mlsa.power_per_reference_w",
            "neurosim_mlsa.power_resistive_w", "neurosim_mlsa.resistive_slope", "neurosim_mlsa.time_s",
        ),
    ),
    "table": ("entry of a table over bits", ("table.bits", "table.energy_j")),
    "survey": ("table over bits, log-linear between entries", ("survey.bits", "survey.energy_j")),
}  # fmt: skip
_SHIFT_ADD = ("shift_add.energy_j",)


@dataclass(frozen=True)
class Pass:
    """Vectors (T, L) that go through the arrays one way, and where in the trace they and their activity come from."""

    vectors: Floats
    field: str
    density: Floats
    density_field: str
    transposed: bool
    scaled: str = ""  # said of the vectors where they are not taken as they are
    skip_closed: bool = False  # column segments that a mask closes are not evaluated
    after: bool = False  # of learned tasks: with the codes at their end

    def fields(self, *, busy: bool) -> tuple[str, ...]:
        """Return the trace's fields behind a count of vectors, with activity if it enters."""
        closed = ("closed_segments",) if self.skip_closed else ()
        return (self.field, self.density_field, *closed) if busy else (self.field, *closed)


def read_terms(facts: Facts, way: Pass) -> dict[str, Term]:
    """Return the terms of a pass by ``memory.component``, for the memories that the chip has."""
    chip = facts.chip
    found: dict[str, Term] = {}
    if chip.rram is not None and chip.rram_geometry is not None:
        counted = _Counted(facts, way, profile_of(facts.trace, chip.rram_geometry), "rram")
        found |= {f"rram.{name}": term for name, term in _rram(counted, chip.rram).items()}
    if chip.sram is not None and chip.sram_geometry is not None:
        counted = _Counted(facts, way, profile_of(facts.trace, chip.sram_geometry), "sram")
        found |= {f"sram.{name}": term for name, term in _sram(counted).items()}
    return found


class _Counted:
    """Counts of one pass through the PEs of one memory."""

    def __init__(self, facts: Facts, way: Pass, profile: TileProfile, memory: str) -> None:
        self.chip, self.way, self.profile, self.grid, self.memory = facts.chip, way, profile, profile.grid, memory
        mask = facts.where.in_rram if memory == "rram" else facts.where.in_sram
        self.used = mask * way.vectors[:, self.grid.layer]  # (T, P) vectors through each PE
        self.evaluated = self.used * (
            open_share(facts.trace, self.grid)[:, self.grid.layer] if way.skip_closed else 1.0
        )
        self.busy = activity(way.density, facts.chip.dac_bits)
        slices = self.grid.geometry.encoding.slices
        self.driven, self.sensed = self.grid.rows, self.grid.cols
        self.senses_of = "used columns x phases"
        if way.skip_closed:
            self.senses_of += " x share of column segments that are open"
        if way.transposed:
            self.driven, self.sensed = self.grid.cols, self.grid.rows * slices
            self.senses_of = "used rows x slices x phases"

    def over(self, what: str) -> str:
        vectors = f"{self.way.field}{self.way.scaled}"
        return f"sum over tasks and PEs in {self.memory.upper()} of {vectors} x {what}"

    def sensed_count(self) -> float:
        return float((self.evaluated * self.sensed).sum() * self.busy.phases)

    def driver(self) -> Term:
        chip, across = self.chip, "rows" if self.way.transposed else "cols"
        wide = ("driver.dac_capacitance_per_bit_f",) if chip.dac_bits > 1 else ()
        return Term(
            amount=float((self.used * self.driven * self.busy.drives[:, self.grid.layer]).sum()),
            amount_of="line switches",
            amount_formula=self.over(f"used {'columns' if self.way.transposed else 'rows'} x expected switches a line"),
            fields=self.way.fields(busy=True),
            unit=chip.driver.energy_j(getattr(chip.array, across), chip.supply_v, chip.dac_bits),
            unit_formula=f"({across} (C_wire + C_gate){' + C_dac dac_bits' if wide else ''}) Vdd^2",
            parameters=(
                "driver.wire_capacitance_per_cell_f", "driver.gate_capacitance_per_cell_f", *wide, f"array.{across}",
                "supply_v", "dac_bits",
            ),
        )  # fmt: skip

    def shift_add(self, per: str) -> Term:
        return Term(
            amount=self.sensed_count(),
            amount_of="shift-adds",
            amount_formula=f"one for each {per}: {self.over(self.senses_of)}",
            fields=self.way.fields(busy=False),
            unit=self.chip.shift_add.energy_j,
            unit_formula="energy of one shift-add",
            parameters=(*_SHIFT_ADD, "dac_bits"),
        )

    def accumulate(self) -> Term:
        tiles = self.grid.row_tiles[self.grid.layer]
        return Term(
            amount=float((self.used * self.grid.outputs * (tiles - 1) / tiles).sum()),
            amount_of="additions",
            amount_formula=self.over("outputs x (row tiles - 1) / row tiles"),
            fields=self.way.fields(busy=False),
            unit=self.chip.shift_add.energy_j,
            unit_formula="energy of one shift-add",
            parameters=(*_SHIFT_ADD, "array.rows", "array.cols"),
        )


def _rram(counted: _Counted, part: RramPart) -> dict[str, Term]:
    found = {
        "driver": counted.driver(),
        "cells": _cells(counted, part),
        "adc": _conversions(counted, part),
        "shift_add": counted.shift_add("conversion"),
    }
    return found if counted.way.transposed else found | {"accumulate": counted.accumulate()}


def _sram(counted: _Counted) -> dict[str, Term]:
    found = {
        "driver": counted.driver(),
        "adder_tree": _adders(counted),
        "shift_add": counted.shift_add("evaluation of a tree"),
    }
    return found if counted.way.transposed else found | {"accumulate": counted.accumulate()}


def _cells(counted: _Counted, part: RramPart) -> Term:
    conductance_s = conductance_sums(counted.profile, part, after=counted.way.after)
    power = counted.busy.power[:, counted.grid.layer]
    when = "end" if counted.way.after else "start"
    return Term(
        amount=float((counted.used * conductance_s * power).sum()),
        amount_of="siemens read",
        amount_formula=counted.over(f"cell conductances at the task's {when} x expected squared digit, all phases"),
        fields=(*counted.way.fields(busy=True), "codes"),
        unit=part.cell.read_voltage_v**2 * part.cell.read_time_s,
        unit_formula="V_read^2 t_read",
        parameters=(
            "rram.cell.read_voltage_v", "rram.cell.read_time_s", "rram.cell.conductance_min_s",
            "rram.cell.conductance_max_s", "rram.cell_bits", "rram.sign", "dac_bits",
        ),
    )  # fmt: skip


def _conversions(counted: _Counted, part: RramPart) -> Term:
    driven = (
        conductance_sums(counted.profile, part, after=counted.way.after) * counted.busy.drives[:, counted.grid.layer]
    )
    each_j = part.adc.energy_j(part.adc_bits, counted.chip.supply_v, driven / counted.sensed / counted.busy.phases)
    conversions = counted.evaluated * counted.sensed * counted.busy.phases
    formula, values = conversion_values(part)
    return Term(
        amount=float(conversions.sum()),
        amount_of="conversions",
        amount_formula=counted.over(counted.senses_of),
        fields=(*counted.way.fields(busy=part.adc.follows_conductance), *codes_of(part)),
        unit=mean_unit(each_j, conversions),
        unit_formula=formula,
        parameters=(*values, "rram.cell_bits", "rram.sign", "dac_bits"),
    )


def mean_unit(each: Floats, amounts: Floats) -> float:
    """Return what one of ``amounts`` costs on average where each element of ``each`` is the cost of one there."""
    total = float(amounts.sum())
    return float((each * amounts).sum()) / total if total else float(each.mean())


def codes_of(part: RramPart) -> tuple[str, ...]:
    """Return the trace's codes as a field, where a conversion's energy follows from them."""
    return ("codes",) if part.adc.follows_conductance else ()


def conversion_values(part: RramPart) -> tuple[str, tuple[str, ...]]:
    """Return the formula of a conversion's energy under the part's converter model, and the values that enter it."""
    formula, coefficients = _ADC[part.adc.model]
    if part.adc.follows_conductance:
        formula += "; mean over conversions of the lines of each PE in each task"
    window = ("rram.cell.conductance_min_s", "rram.cell.conductance_max_s")
    own = {"macro-fit": ("supply_v",), "neurosim": window, "neurosim-mlsa": window}
    named = (f"rram.adc.{name}" for name in coefficients)
    return formula, ("rram.adc.model", *named, "rram.adc_bits", *own.get(part.adc.model, ()))


def _adders(counted: _Counted) -> Term:
    grid, part = counted.grid, counted.chip.sram
    if part is None:
        raise ValueError("the chip has no SRAM")
    inputs = grid.outputs if counted.way.transposed else grid.rows
    adders = np.array([part.adder_tree.full_adders(int(n), counted.chip.dac_bits) for n in inputs], dtype=np.float64)
    return Term(
        amount=float((counted.evaluated * counted.sensed * adders).sum() * counted.busy.phases),
        amount_of="full adders",
        amount_formula=counted.over(f"{counted.senses_of} x (N (b + 1) - (b + log2 N + 1)), N inputs of b = dac_bits"),
        fields=counted.way.fields(busy=False),
        unit=part.adder_tree.full_adder_energy_j * part.adder_tree.activity,
        unit_formula="energy of a full adder x share that switches",
        parameters=("sram.adder_tree.full_adder_energy_j", "sram.adder_tree.activity", "dac_bits"),
    )
