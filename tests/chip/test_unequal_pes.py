"""Memories whose PEs hold different numbers of weights: 1-bit RRAM cells (14 a weight) beside 8-bit SRAM, by hand."""

from typing import Any

import numpy as np
import pytest

from imcsim.chip import price
from imcsim.chip.charged import charged
from imcsim.chip.config import ChipConfig, load_chip
from imcsim.chip.placed import place
from imcsim.chip.serving_place import serving_in_sram
from imcsim.core.errors import TraceError
from imcsim.core.sources import Resolved
from imcsim.crossbar.encoding import Encoding
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace.trace import Trace

RRAM = Encoding(sign="differential", weight_bits=8, cell_bits=1)
SRAM = Encoding(sign="offset", weight_bits=8, cell_bits=1)


def chip_64(more: dict[str, Any] | None = None) -> Resolved[ChipConfig]:
    """64 x 64 cells: an RRAM PE holds 64 // 14 = 4 outputs, an SRAM PE 64 // 8 = 8."""
    values = {"array.rows": 64, "array.cols": 64, "rram.cell_bits": 1, "rram.pe_count": 16, "sram.pe_count": 16,
              "rram.control_share": 0.0, "sram.control_share": 0.0, "rram.clamp_current_a": 0.0}  # fmt: skip
    return load_chip("hybrid-28nm", values | (more or {}))


def trace_64(tile: tuple[int, int] | None, trains: list[list[int]] | None = None) -> Trace:
    """64 inputs, 12 outputs, 10 vectors; one step adds 1 to the code of every weight (0 -> 1) of what trains."""
    start = np.zeros((1, 64, 12), dtype=np.int64)
    placement, moved = {}, start + 1
    if tile is not None:
        placed = np.array(trains, dtype=bool).reshape(1, 1, 1, -1)
        placement = {"fc": placed}
        moved = start + np.repeat(placed[0], tile[1], axis=-1)[..., :12]
    layer = linear_layer("fc", 64, 12)
    return make_trace(
        [layer], {"fc": start}, {"fc": [[[moved]]]}, (RRAM, SRAM), placement=placement, pe_tile=tile,
        counts={"forward_vectors": 10},
    )  # fmt: skip


def test_a_tile_of_sram_lies_in_two_pes_of_rram() -> None:
    placed = place(trace_64((64, 8), [[1, 0]]), chip_64().config)  # outputs 0..7 train, 8..11 rest
    home, away = placed.banks
    assert home.grid.outputs.tolist() == [4, 4, 4]
    assert home.layout.unit.tolist() == [0, 0, 1]
    assert away.grid.outputs.tolist() == [8, 4]
    assert away.layout.unit.tolist() == [0, 1]
    assert home.holds.tolist() == [[False, False, True]]
    assert away.holds.tolist() == [[True, False]]


def test_a_tile_of_rram_lies_in_one_pe_of_sram() -> None:
    placed = place(trace_64((64, 4), [[1, 0, 1]]), chip_64().config)
    home, away = placed.banks
    assert home.layout.unit.tolist() == away.layout.unit.tolist() == [0, 1, 2]
    assert away.grid.outputs.tolist() == [4, 4, 4]
    assert away.trains.tolist() == [[True, False, True]]


def test_without_masks_a_unit_is_a_pe_of_rram() -> None:
    placed = place(trace_64(None), chip_64().config)
    assert [bank.layout.pe_count for bank in placed.banks] == [3, 3]


def test_loads_commits_and_room_by_hand() -> None:
    trace, chip = trace_64((64, 8), [[1, 0]]), chip_64()
    spent = charged(place(trace, chip.config))
    reasons = ("in_place", "committed", "loaded")
    written = {reason: sum(int(w.count.sum()) for w in getattr(spent.writes, reason)) for reason in reasons}
    # one bit of an SRAM weight, and one cell of an RRAM weight, differ between codes 0 and 1
    assert written == {"in_place": 64 * 8, "committed": 64 * 8, "loaded": 64 * 8 * 8}
    report = price(trace, chip)
    part, home = chip.config.sram, chip.config.rram
    assert part is not None
    assert home is not None
    cell = home.cell
    loads = report.energy.leaves["migration", "sram_write"]
    assert loads == pytest.approx(64 * 8 * 8 * part.cell.write_energy_j)
    # mean pulses of a SET and a RESET, a verify before and after each
    pulse_j = cell.set_pulse_share * cell.set_energy_j + (1 - cell.set_pulse_share) * cell.reset_energy_j
    event_j = cell.pulses_mean[0] * pulse_j + (cell.pulses_mean[0] + 1) * cell.verify_energy_j
    assert report.energy.leaves["migration", "rram_program"] == pytest.approx(64 * 8 * event_j)
    # two PEs of 64 rows and 4 outputs are read out, all cells at their lowest level
    read = 2 * 64 * chip.config.driver.energy_j(64, chip.config.supply_v)
    siemens = 64 * 8 * 14 * cell.conductance_min_s
    open_s = cell.read_time_s + home.adc.time_s(home.adc_bits, 64)
    read += siemens * cell.read_voltage_v * chip.config.supply_v * open_s
    read += 64 * 8 * 7 * home.adc.energy_j(home.adc_bits, chip.config.supply_v, 2 * cell.conductance_min_s)
    assert report.energy.leaves["migration", "rram_read"] == pytest.approx(read)
    with pytest.raises(TraceError, match=r"needs 3 PEs but 'hybrid-28nm' has rram.pe_count = 2"):
        price(trace, chip_64({"rram.pe_count": 2}))
    with pytest.raises(TraceError, match="1 PEs train at once but 'hybrid-28nm' has room for 0 in SRAM"):
        price(trace, chip_64({"sram.pe_count": 0, "overflow": "refuse"}))
    two = trace_64((64, 4), [[1, 1, 0]])
    with pytest.raises(TraceError, match="2 PEs train at once but 'hybrid-28nm' has room for 1 in SRAM"):
        price(two, chip_64({"sram.pe_count": 1, "overflow": "refuse"}))


def test_reads_by_hand() -> None:
    trace, chip = trace_64((64, 8), [[1, 0]]), chip_64()
    report, config = price(trace, chip), chip.config
    drive_j = config.driver.energy_j(64, config.supply_v)
    # while it trains: one SRAM PE of 8 outputs, one RRAM PE of 4; each row switches in half of the 8 cycles
    assert report.energy.leaves["forward", "sram", "driver"] == pytest.approx(10 * 64 * 4 * drive_j)
    assert report.energy.leaves["forward", "rram", "driver"] == pytest.approx(10 * 64 * 4 * drive_j)
    shift_j = config.shift_add.energy_j
    assert report.energy.leaves["forward", "rram", "shift_add"] == pytest.approx(10 * 4 * 7 * 8 * shift_j)
    # once committed, an image is read from three RRAM PEs of 4 outputs of 7 pairs of columns
    assert report.inference.leaves["rram", "shift_add"] == pytest.approx(3 * 4 * 7 * 8 * shift_j)
    assert report.inference.leaves["rram", "driver"] == pytest.approx(3 * 64 * 4 * drive_j)
    assert report.inference.part("sram").total == 0
    part = config.rram
    assert part is not None
    step = part.cell.conductance_max_s - part.cell.conductance_min_s
    # 64 x 12 weights of 14 cells; 64 x 8 of them are 1: one cell each in the high state
    siemens = 64 * 12 * 14 * part.cell.conductance_min_s + 64 * 8 * step
    open_s = part.cell.read_time_s + part.adc.time_s(part.adc_bits, 64)
    cells_j = 8 * 0.5 * siemens * part.cell.read_voltage_v * config.supply_v * open_s
    assert report.inference.leaves["rram", "cells"] == pytest.approx(cells_j)


def test_area_counts_pes_of_each_memory() -> None:
    report = price(trace_64((64, 8), [[1, 0]]), chip_64())
    part = chip_64().config.rram
    assert part is not None
    area_m2 = part.cell.area_m2
    used = 64 * 12 * 14
    assert report.area.leaves["rram", "cells"] == pytest.approx(used * area_m2)
    assert report.area.leaves["unused", "rram_cells"] == pytest.approx((3 * 64 * 64 - used) * area_m2)


def test_a_tile_of_neither_memory_is_refused() -> None:
    with pytest.raises(TraceError, match=r"are for PEs of \(64, 2\) weights .* has PEs of \(64, 4\) and \(64, 8\)"):
        price(trace_64((64, 2), [[1] * 6]), chip_64())


def test_what_is_served_from_two_memories_within_a_pe_cannot_be_converted() -> None:
    trace, chip = trace_64((64, 8), [[1, 0]]), chip_64().config
    (served,) = serving_in_sram(trace, chip)
    assert served["fc"].shape == (1, 1, 3)
    assert not served["fc"].any()
    # PEs of RRAM hold more than those of SRAM, and training goes on in SRAM: one of them would be half in each
    wide = load_chip("hybrid-28nm", {"array.rows": 64, "array.cols": 64, "rram.cell_bits": 3, "commit": "lazy"}).config
    encodings = tuple(macro.geometry.encoding for macro in wide.macros)
    start = np.zeros((1, 64, 12), dtype=np.int64)
    placed = np.array([[[[True, False]]]])
    moved = start + np.repeat(placed[0], 8, axis=-1)[..., :12]
    half = make_trace(
        [linear_layer("fc", 64, 12)], {"fc": start}, {"fc": [[[moved]]]}, encodings, placement={"fc": placed},
        pe_tile=(64, 8),
    )  # fmt: skip
    with pytest.raises(TraceError, match=r"layer 'fc' is served from both memories within one PE of \(64, 10\)"):
        serving_in_sram(half, wide)
