"""What replica columns cost, by hand: the price with them less the price without."""

from typing import Any

import pytest

from imcsim.chip import price
from imcsim.chip.report import Report
from imcsim.devices.programming import event_energies_j
from tests.chip.hand import one_pe_trace, random_trace, small_chip

# 4 x 16 cells, 8 one-bit cells a weight, 8 columns a converter: two outputs, two converters, two pairs
OFFSET = {
    "rram.sign": "offset", "rram.cell_bits": 1, "rram.adc.model": "survey", "rram.adc_bits": 8,
    "rram.transposed_adc_bits": 0,
}  # fmt: skip


def both(**more: Any) -> tuple[Report, Report, Any]:
    chips = [small_chip("all-rram-28nm", OFFSET | {"rram.reference": kind} | more) for kind in ("replica", "ideal")]
    found = [price(one_pe_trace(), chip) for chip in chips]
    return found[0], found[1], chips[0].config


def test_an_image_by_hand() -> None:
    have, lack, chip = both()
    part, leaves = chip.rram, have.inference.leaves
    more = {path: joules - lack.inference.leaves[path] for path, joules in leaves.items()}
    # 8 cycles, 4 columns more to convert in each, with a shift-add behind; both outputs less their replica
    assert more["rram", "adc"] == pytest.approx(8 * 4 * part.adc.energy_j(8, 0.9, 0.0))
    assert more["rram", "shift_add"] == pytest.approx(8 * 4 * chip.shift_add.energy_j)
    assert more["rram", "accumulate"] == pytest.approx(2 * chip.shift_add.energy_j)
    # cells: each row has two pairs more, of 1 and 40 uS each; energy in their share of all conductance
    levels = 4 * 16 * 1e-6 + 39e-6 * sum((code + 128).bit_count() for code in (4, 5, 7, -7, 100, 3, 2, 1))
    share = 4 * 2 * 41e-6 / levels
    assert more["rram", "cells"] == pytest.approx(share * lack.inference.leaves["rram", "cells"])
    # word lines of 20 cells instead of 16
    assert more["rram", "driver"] == pytest.approx(4 / 16 * lack.inference.leaves["rram", "driver"])
    assert {path for path, joules in more.items() if joules > 0} == {
        ("rram", name) for name in ("adc", "shift_add", "accumulate", "cells", "driver")
    }


def test_time_by_hand() -> None:
    have, lack, chip = both()
    one = chip.rram.adc.time_s(8, 4)
    assert have.inference_latency.total - lack.inference_latency.total == pytest.approx(8 * 2 * one)
    assert have.latency.leaves["update",] == lack.latency.leaves["update",]


def test_each_pass_over_rows_converts_the_replicas_again_and_none_of_their_cells_twice() -> None:
    have, lack, chip = both(**{"rram.open_rows": 3})
    more = {path[-1]: joules - lack.inference.leaves[path] for path, joules in have.inference.leaves.items()}
    # two passes, of three rows and of one; the sums of both are less their replica once
    assert more["adc"] == pytest.approx(2 * 8 * 4 * chip.rram.adc.energy_j(8, 0.9, 0.0))
    assert more["shift_add"] == pytest.approx(2 * 8 * 4 * chip.shift_add.energy_j)
    assert more["accumulate"] == pytest.approx(2 * chip.shift_add.energy_j)
    levels = 4 * 16 * 1e-6 + 39e-6 * sum((code + 128).bit_count() for code in (4, 5, 7, -7, 100, 3, 2, 1))
    assert more["cells"] == pytest.approx(4 * 2 * 41e-6 / levels * lack.inference.leaves["rram", "cells"])
    seconds = have.inference_latency.total - lack.inference_latency.total
    assert seconds == pytest.approx(2 * 8 * 2 * chip.rram.adc.time_s(8, 3))


def test_clamps_and_control_of_replicas() -> None:
    have, lack, chip = both(**{"rram.clamp_current_a": 5e-6, "rram.control_share": 0.25})
    more = {path[-1]: joules - lack.inference.leaves[path] for path, joules in have.inference.leaves.items()}
    open_s = chip.rram.cell.read_time_s + chip.rram.adc.time_s(8, 4)
    assert more["clamp"] == pytest.approx(8 * 4 * 5e-6 * 0.9 * open_s)
    controlled = ("adc", "shift_add", "accumulate", "cells", "driver", "clamp")
    assert more["control"] == pytest.approx(0.25 * sum(more[name] for name in controlled))


def test_a_replica_column_is_a_line_of_its_own_where_weights_are_joined() -> None:
    have, lack, chip = both(**{"rram.joined_columns": 8, "rram.sensing": "dc-free"})
    more = {path[-1]: joules - lack.inference.leaves[path] for path, joules in have.inference.leaves.items()}
    # both outputs are a line each and share a converter, so that there is one pair
    assert more["adc"] == pytest.approx(8 * 2 * chip.rram.adc.energy_j(8, 0.9, 0.0))
    assert have.area.leaves["rram", "replica"] == pytest.approx((4 * 2 + 2 * 16) * chip.rram.cell.area_m2)
    # 16 columns of weights and 2 of replicas are charged, past 4 rows and 2 replica rows; without, 16 past 4
    assert have.inference.leaves["rram", "cells"] == pytest.approx(
        (18 * 6) / (16 * 4) * lack.inference.leaves["rram", "cells"]
    )


def test_replica_columns_are_spread_over_the_converters() -> None:
    # three columns a converter: six converters, and each of the two weights has a pair
    have, lack, chip = both(**{"rram.columns_per_adc": 3})
    seconds = have.inference_latency.total - lack.inference_latency.total
    assert seconds == pytest.approx(8 * 1 * chip.rram.adc.time_s(8, 4))


def test_area_and_first_programming_by_hand() -> None:
    for gradient, rows in (("transposable", 2), ("digital", 0)):
        have, lack, chip = both(input_gradient=gradient)
        cell = chip.rram.cell
        # 4 rows x 2 pairs of columns; read from its columns, too: 2 rows x 16 columns
        assert have.area.leaves["rram", "replica"] == pytest.approx((4 * 4 + rows * 16) * cell.area_m2)
        assert ("rram", "replica") not in lack.area.leaves
        # one cell of each pair is raised: 4 rows x 2, and one for each output of the replica rows
        raised = 4 * 2 + (2 if rows else 0)
        assert have.writes["rram"].deployment - lack.writes["rram"].deployment == raised
        each = event_energies_j(cell, 1, "flat").max()
        assert have.deployment.total - lack.deployment.total == pytest.approx(raised * each)


def test_errors_back_by_hand() -> None:
    chips = [small_chip("all-rram-28nm", OFFSET | {"rram.reference": kind}) for kind in ("replica", "ideal")]
    trace = random_trace(0)
    have, lack = (price(trace, chip).energy.leaves for chip in chips)
    chip = chips[0].config
    assert chip.rram is not None
    more = {path[-1]: have[path] - lack[path] for path in have if path[:2] == ("input_gradient", "rram")}
    # 16 error vectors a task pass the 2 x 2 PEs of layer b (5 x 3), in 8 cycles, two replica rows more in each
    conversions = 3 * 16 * 4 * 8 * 2
    assert more["adc"] == pytest.approx(conversions * chip.rram.adc.energy_j(8, 0.9, 0.0))
    assert more["shift_add"] == pytest.approx(conversions * chip.shift_add.energy_j)
    # column lines pass six cells instead of four
    driver = "input_gradient", "rram", "driver"
    assert have[driver] == pytest.approx(6 / 4 * lack[driver])


def test_differential_pairs_pay_for_no_replica() -> None:
    chips = [small_chip("all-rram-28nm", {"rram.reference": kind}) for kind in ("replica", "ideal")]
    reports = [price(one_pe_trace(), chip) for chip in chips]
    assert reports[0].energy.leaves == reports[1].energy.leaves
    assert reports[0].area.leaves == reports[1].area.leaves
