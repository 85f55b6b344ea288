"""Explains what is charged apart from training: deployment, one inference, one task switch, one power-up."""

import numpy as np

from imcsim.chip.config import ChipConfig, SramPart
from imcsim.chip.explain.explanation import Facts, Term, Terms, Unit, absent, counted, facts_of
from imcsim.chip.explain.latency import Way, forward_way, pipeline
from imcsim.chip.explain.moved import hop_values
from imcsim.chip.explain.programmed import by_pair, rram_profile
from imcsim.chip.explain.reads import Pass, read_terms
from imcsim.chip.floor_plan import network_hops
from imcsim.chip.multiplex import taking_turns
from imcsim.chip.profile import PeGrid, profile_of
from imcsim.chip.serving import resident_load
from imcsim.chip.serving_place import serving_place
from imcsim.chip.switching import dram_weights, switch, switch_transitions, switched_in
from imcsim.core.sources import Resolved
from imcsim.trace.trace import Trace

_IMAGE = "positions of one image"
_WRITE = "energy of writing one cell"
_TURNS = "PEs without a place of their own"


def explained_deployment(trace: Trace, chip: Resolved[ChipConfig]) -> dict[str, Terms]:
    """Return the terms of the first programming: cells that leave level 0 in RRAM, or a load of all SRAM."""
    facts, config = facts_of(trace, chip), chip.config
    if config.rram is None:
        return _all_loaded(facts)
    table = np.sum(rram_profile(facts).initial_transitions, axis=0) * float(facts.copies)
    said = "cells that the first codes put on another level than 0"
    return {"rram_program": by_pair(table, config.rram, said, ("codes",), ("input_gradient",))}


def explained_power_up(trace: Trace, chip: Resolved[ChipConfig]) -> dict[str, Terms]:
    """Return the terms of one power-up: nothing where RRAM keeps the weights, else a load of all SRAM."""
    config = chip.config
    if config.rram is None:
        return _all_loaded(facts_of(trace, chip))
    bits, cells = resident_load(trace, config)
    if config.sram is None or not cells:
        none = Term(0.0, "cells", "RRAM keeps all weights without power", (), 0.0, "nothing to charge", ())
        return {"dram_read": (none,), "sram_reload": (none,)}
    said = ("resident_layers", "layers")
    return {
        "dram_read": (counted(bits, "bits", "weights x weight_bits of residents", said, _dram(config)),),
        "sram_reload": (counted(cells, "cell writes", "cells of residents", said, _cell(config.sram)),),
    }


def explained_task_switch(trace: Trace, chip: Resolved[ChipConfig]) -> dict[str, Terms]:
    """Return the terms of serving another task: its masks come from DRAM into the buffer."""
    config, bits = chip.config, float(trace.task_counts["mask_bits"].mean())
    table = ("buffer.size_bytes", "buffer.table_bytes", "buffer.write_table_j")
    said, fields = "bits of a task's masks, mean over tasks", ("mask_bits",)
    writing: Unit = (config.buffer.write_energy_j, "energy of writing a bit, log-log in the table at size_bytes", table)
    return {
        "mask_dram": (counted(bits, "bits", said, fields, _dram(config)),),
        "mask_write": (counted(bits, "bits", said, fields, writing),),
    } | _rewritten(trace, config)


def _rewritten(trace: Trace, chip: ChipConfig) -> dict[str, Terms]:
    """Return the terms of the cells that hold other weights for another task."""
    in_rram, in_sram = switched_in(trace, chip)
    found: dict[str, Terms] = {}
    fields, said = (
        ("codes", "switched_layers"),
        "cells whose level differs between consecutive tasks, mean of both ways",
    )
    copies = 2.0 if chip.input_gradient == "second-copy" else 1.0
    moved = switch(trace, chip)
    if moved.rram_cells and chip.rram is not None and chip.rram_geometry is not None:
        table = switch_transitions(trace, chip.rram_geometry, in_rram)
        found["rram_program"] = by_pair(table.mean(axis=0) * copies, chip.rram, said, fields, ("input_gradient",))
    if moved.sram_cells and chip.sram is not None:
        found["sram_write"] = (counted(moved.sram_cells, "cell writes", said, fields, _cell(chip.sram)),)
    if (weights := dram_weights(trace, chip)) and in_sram:
        bits = weights * chip.weight_bits
        said = "weights that differ between consecutive tasks x weight_bits"
        found["weights_dram"] = (counted(bits, "bits", said, fields, _dram(chip)),)
    return found


def explained_inference(trace: Trace, chip: Resolved[ChipConfig]) -> dict[str, Terms]:
    """Return the terms of one image after the last task: arrays, activation functions, buffer, links."""
    facts = _serving(facts_of(trace, chip))
    positions = _positions(facts)
    vectors = np.zeros((trace.meta.tasks, len(positions)))
    vectors[-1] = positions
    way = Pass(
        vectors,
        "layers",
        trace.input_density,
        "input_density",
        transposed=False,
        scaled=f" ({_IMAGE}, last task)",
        skip_closed=chip.config.gate_columns and bool(trace.counts["closed_segments"].any()),
    )
    found = {name: (term,) for name, term in read_terms(facts, way).items()}
    return found | _moved(facts, positions) | _turns(facts)


def explained_inference_latency(trace: Trace, chip: Resolved[ChipConfig]) -> dict[str, Terms]:
    """Return the terms of the time of one image: vectors of the slowest layer, one of each other, and reloads."""
    facts = _serving(facts_of(trace, chip))
    last = forward_way(facts)
    way = Way(last.size[-1:], last.unit[-1:], last.units, last.of)
    image = _positions(facts)[None].astype(np.int64)
    found = {"forward": pipeline(image, way, np.ones(1, np.int64), ("layers", "layers"))}
    config, moving = facts.chip, _moving(facts)
    if moving is None or config.sram is None:
        return found
    grid, mask = moving
    rate = config.dram.bandwidth_bits_per_s
    bits = float((grid.rows * grid.outputs)[mask].sum()) * config.weight_bits * facts.copies
    rows = int(grid.rows[mask].sum()) * facts.copies
    row: Unit = (config.sram.cell.write_time_s, "time to write a row", ("sram.cell.write_time_s", "sram.pe_count"))
    bit: Unit = (1.0 / rate, "1 / bandwidth", ("dram.bandwidth_bits_per_s", "sram.pe_count", "weight_bits"))
    found["reload"] = (
        counted(bits, "bits", f"weights x weight_bits of {_TURNS}", ("layers",), bit),
        counted(rows, "row writes", f"rows of {_TURNS}", ("layers",), row),
    )
    return found


def _serving(facts: Facts) -> Facts:
    return Facts(facts.trace, facts.chip, serving_place(facts.chip, facts.where), facts.done, facts.bits)


def _positions(facts: Facts) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([spec.positions for spec in facts.trace.meta.layers], dtype=np.float64)


def _moved(facts: Facts, positions: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[str, Terms]:
    chip, (inputs, outputs), layers = facts.chip, facts.layer_sides(), ("layers",)
    hops = network_hops(chip, profile_of(facts.trace, chip.geometry).grid.layer_slices)
    read, written = float(positions @ inputs) * chip.input_bits, float(positions @ outputs) * chip.input_bits
    crossed = float(positions * (inputs + outputs) @ hops) * chip.input_bits
    table = ("buffer.size_bytes", "buffer.table_bytes")
    vector: Unit = (chip.mac.vector_energy_j, "energy of one element of vector arithmetic", ("mac.vector_energy_j",))
    reading: Unit = (
        chip.buffer.read_energy_j,
        "energy of reading a bit",
        (*table, "buffer.read_table_j", "input_bits"),
    )
    writing: Unit = (
        chip.buffer.write_energy_j, "energy of writing a bit", (*table, "buffer.write_table_j", "input_bits"),
    )  # fmt: skip
    hop: Unit = (chip.link.energy_j, "energy of a bit and hop", ("link.energy_j", *hop_values(chip), "input_bits"))
    return {
        "activation": (counted(float(positions @ outputs), "elements", f"{_IMAGE} x outputs", layers, vector),),
        "buffer.read": (counted(read, "bits", f"{_IMAGE} x fan-in x input_bits", layers, reading),),
        "buffer.write": (counted(written, "bits", f"{_IMAGE} x outputs x input_bits", layers, writing),),
        "link": (counted(crossed, "bit hops", "the bits read and written x hops of their layer", layers, hop),),
    }


def _moving(facts: Facts) -> tuple[PeGrid, np.ndarray[tuple[int], np.dtype[np.bool_]]] | None:
    """PEs that an image loads because they share a place; None where each has its own."""
    chip = facts.chip
    if chip.oversize != "multiplex" or chip.sram_geometry is None:
        return None
    grid = profile_of(facts.trace, chip.sram_geometry).grid
    mask = taking_turns(grid.count, chip)
    return (grid, mask) if mask.any() else None


def _turns(facts: Facts) -> dict[str, Terms]:
    moving = _moving(facts)
    if moving is None or facts.chip.sram is None:
        return {}
    return _loaded(facts, facts.chip.sram, *moving, "reload.", _TURNS)


def _all_loaded(facts: Facts) -> dict[str, Terms]:
    part, geometry = facts.chip.sram, facts.chip.sram_geometry
    if part is None or geometry is None:
        return {"sram_write": (absent("sram", "cell writes"),)}
    grid = profile_of(facts.trace, geometry).grid
    cells = int(grid.cells.sum()) * facts.copies
    bits = float((grid.rows * grid.outputs).sum()) * facts.chip.weight_bits
    return {
        "dram_read": (counted(bits, "bits", "all weights x weight_bits", ("layers",), _dram(facts.chip)),),
        "sram_write": (counted(cells, "cell writes", "cells of all PEs and copies", ("layers",), _cell(part)),),
    }


def _loaded(
    facts: Facts, part: SramPart, grid: PeGrid, mask: np.ndarray[tuple[int], np.dtype[np.bool_]], prefix: str, said: str
) -> dict[str, Terms]:
    bits = float((grid.rows * grid.outputs)[mask].sum()) * facts.chip.weight_bits * facts.copies
    cells = int(grid.cells[mask].sum()) * facts.copies
    unit, own = _dram(facts.chip), ("oversize", "sram.pe_count", "weight_bits", "input_gradient")
    dram: Unit = (unit[0], unit[1], (*unit[2], *own))
    cell: Unit = (*_cell(part)[:2], (*_cell(part)[2], *own))
    return {
        f"{prefix}dram_read": (counted(bits, "bits", f"weights x weight_bits of {said}", ("layers",), dram),),
        f"{prefix}sram_write": (counted(cells, "cell writes", f"cells of {said}", ("layers",), cell),),
    }


def _dram(chip: ChipConfig) -> Unit:
    return chip.dram.energy_j, "energy of a bit", ("dram.energy_j",)


def _cell(part: SramPart) -> Unit:
    return part.cell.write_energy_j, _WRITE, ("sram.cell.write_energy_j",)
