"""Explains the leaves of the area tree: parts of used PEs, buffer, digital unit, and what no weight uses."""

from dataclasses import dataclass

import numpy as np

from imcsim.chip.config import ChipConfig, RramPart, SramPart
from imcsim.chip.explain.explanation import Facts, Term, Terms, Unit, counted, facts_of
from imcsim.chip.gradients import scratch_pes
from imcsim.chip.multiplex import held_pes
from imcsim.chip.profile import profile_of
from imcsim.core.sources import Resolved
from imcsim.trace.trace import Trace

_ADC = {
    "macro-fit": ("10^(a1 b + a0) 2^b um2", ("macro_fit.area_log10_slope", "macro_fit.area_log10_offset_um2")),
    "survey": ("exp(a_node ln nm + a_rate ln Hz + a_energy ln pJ + a_0) um2", (
        "survey.area_ln_per_ln_nm", "survey.area_ln_per_ln_hz", "survey.area_ln_per_ln_pj", "survey.area_ln_offset_um2",
        "survey.rate_hz", "survey.energy_j", "feature_size_m",
    )),
    "table": ("entry of a table over bits", ("table.bits", "table.area_m2")),
}  # fmt: skip
_PLACED = ("layers", "placement")


@dataclass(frozen=True)
class _Piece:
    """A component of a PE: how many a PE has, of what, and the area of one (m2)."""

    count: int
    of: str
    unit: Unit


def explained_area(trace: Trace, chip: Resolved[ChipConfig]) -> dict[str, Terms]:
    """Return the terms of every leaf of the area tree, by the leaf's path in it."""
    facts, config = facts_of(trace, chip), chip.config
    found = _buffer_and_unit(config)
    if config.rram is not None:
        grid = profile_of(trace, config.geometry).grid
        used = grid.count * facts.copies
        cells = int(grid.cells.sum()) * facts.copies
        found |= _memory(config, "rram", _rram_pieces(config, config.rram), (used, config.rram.pe_count), cells)
    if config.sram is not None:
        found |= _sram(facts, config.sram)
    return found


def _sram(facts: Facts, part: SramPart) -> dict[str, Terms]:
    chip, geometry = facts.chip, facts.chip.sram_geometry
    if geometry is None:
        return {}
    in_sram, copies = facts.where.in_sram, facts.copies
    chosen = np.flatnonzero(in_sram[int(in_sram.sum(axis=1).argmax())])
    chosen = chosen[: held_pes(len(chosen) * copies, chip) // copies]
    scratch = scratch_pes(facts.trace, chip)
    used = len(chosen) * copies + scratch
    holding = int(profile_of(facts.trace, geometry).grid.cells[chosen].sum()) * copies
    whole = scratch * chip.array.rows * chip.array.cols
    return _memory(chip, "sram", _sram_pieces(chip, part), (used, max(part.pe_count, used)), holding + whole)


def _memory(
    chip: ChipConfig, kind: str, pieces: dict[str, _Piece], pes: tuple[int, int], cells: int
) -> dict[str, Terms]:
    """Leaves of one memory: ``pes`` in use and on the chip, ``cells`` in use."""
    used, available = pes
    own = (f"{kind}.pe_count", "input_gradient", "oversize", "weight_gradient")
    rest = {name: piece for name, piece in pieces.items() if name != "cells"}
    found = {f"{kind}.{name}": (_term(piece, used, "used PEs", own),) for name, piece in rest.items()}
    each = pieces["cells"]
    held = "cells that hold a weight, or activations for weight gradients, in the task with the most SRAM PEs"
    said = "cells that hold a weight" if kind == "rram" else held
    found[f"{kind}.cells"] = (counted(cells, "cells", said, _PLACED, _with(each.unit, own)),)
    empty = used * each.count - cells
    found[f"unused.{kind}_cells"] = (
        counted(empty, "cells", "cells of used PEs that hold nothing", _PLACED, _with(each.unit, own)),
    )
    unused = tuple(_term(piece, available - used, "PEs that are not used", own) for piece in pieces.values())
    return found | {f"unused.{kind}_pes": unused}


def _term(piece: _Piece, pes: int, said: str, own: tuple[str, ...]) -> Term:
    return counted(piece.count * pes, piece.of, f"{pes} {said} x {piece.count}", _PLACED, _with(piece.unit, own))


def _with(unit: Unit, own: tuple[str, ...]) -> Unit:
    return unit[0], unit[1], tuple(dict.fromkeys((*unit[2], *own)))


def _rram_pieces(chip: ChipConfig, part: RramPart) -> dict[str, _Piece]:
    adcs = -(-chip.array.cols // part.columns_per_adc)
    formula, coefficients = _ADC.get(part.adc.model, _ADC["macro-fit"])
    values = ("rram.adc.model", *(f"rram.adc.{name}" for name in coefficients), "rram.adc_bits")
    sharing = ("rram.columns_per_adc", "array.cols")
    cell: Unit = (part.cell.area_m2, "area_f2 F^2", ("rram.cell.area_f2", "rram.cell.feature_size_m"))
    pieces = {
        "cells": _Piece(chip.array.rows * chip.array.cols, "cells", cell),
        "adc": _Piece(adcs, "converters", (part.adc.area_m2(part.adc_bits), formula, (*values, *sharing))),
        "driver": _drivers(chip, "rows"),
        "shift_add": _Piece(adcs, "shift-adds", _shift_add(chip, sharing)),
    }
    return pieces | ({"transpose_driver": _drivers(chip, "cols")} if chip.input_gradient == "transposable" else {})


def _sram_pieces(chip: ChipConfig, part: SramPart) -> dict[str, _Piece]:
    trees, sharing = -(-chip.array.cols // part.columns_per_tree), ("sram.columns_per_tree", "array.cols")
    cell: Unit = (part.cell.area_m2, "area_f2 F^2", ("sram.cell.area_f2", "sram.cell.feature_size_m"))
    pieces = {
        "cells": _Piece(chip.array.rows * chip.array.cols, "cells", cell),
        "adder_tree": _trees(chip, part, trees, chip.array.rows),
        "driver": _drivers(chip, "rows"),
        "shift_add": _Piece(trees, "shift-adds", _shift_add(chip, sharing)),
    }
    geometry = chip.sram_geometry
    if chip.input_gradient == "transposable" and geometry is not None:
        rows = -(-chip.array.rows // part.columns_per_tree)
        pieces["transpose_tree"] = _trees(chip, part, rows, geometry.weight_cols)
        pieces["transpose_driver"] = _drivers(chip, "cols")
    return pieces


def _trees(chip: ChipConfig, part: SramPart, trees: int, inputs: int) -> _Piece:
    adders = part.adder_tree.full_adders(inputs, chip.dac_bits)
    values = ("sram.adder_tree.full_adder_area_m2", "sram.columns_per_tree", "array.rows", "array.cols", "dac_bits")
    unit: Unit = (part.adder_tree.full_adder_area_m2, "area of a full adder", values)
    return _Piece(trees * adders, "full adders", unit)


def _drivers(chip: ChipConfig, across: str) -> _Piece:
    unit: Unit = (chip.driver.area_per_row_m2, "area of a line's driver", ("driver.area_per_row_m2", f"array.{across}"))
    return _Piece(getattr(chip.array, across), "line drivers", unit)


def _shift_add(chip: ChipConfig, sharing: tuple[str, ...]) -> Unit:
    return chip.shift_add.area_m2, "area of one shift-add", ("shift_add.area_m2", *sharing)


def _buffer_and_unit(chip: ChipConfig) -> dict[str, Terms]:
    bits = chip.buffer.size_bits
    values = ("buffer.size_bytes", "buffer.table_bytes", "buffer.area_table_m2")
    buffer: Unit = (chip.buffer.area_m2 / bits, "area of a bit, log-log in the table at size_bytes", values)
    unit: Unit = (chip.mac.area_m2, "area of the digital unit", ("mac.area_m2",))
    return {
        "buffer": (counted(bits, "bits", "8 x size_bytes", (), buffer),),
        "digital": (counted(1, "unit", "one on the chip", (), unit),),
    }
