"""A network larger than the chip: refused, or its reloads charged, by hand on three PEs for two."""

import numpy as np
import pytest

from imcsim.chip import price
from imcsim.core.errors import ConfigError, TraceError
from tests.chip.hand import random_trace, small_chip

# layers 10 x 5 and 5 x 3 on PEs of 4 x 2 weights: 3 x 3 and 2 x 2 tiles
PES = 9 + 4


def test_it_is_refused_unless_the_chip_says_so() -> None:
    with pytest.raises(TraceError, match=r"needs 13 PEs but 'all-sram-28nm' has sram\.pe_count = 12"):
        price(random_trace(0), small_chip("all-sram-28nm", {"sram.pe_count": 12}))
    with pytest.raises(ConfigError, match=r"oversize = 'multiplex' reloads weights .* RRAM cells do not outlive"):
        small_chip("hybrid-28nm", {"oversize": "multiplex"})
    with pytest.raises(TraceError, match=r"needs 13 PEs but 'all-sram-28nm' has sram\.pe_count = 0"):
        price(random_trace(0), small_chip("all-sram-28nm", {"sram.pe_count": 0, "oversize": "multiplex"}))


def test_nothing_changes_while_there_is_room() -> None:
    trace = random_trace(1)
    plain = price(trace, small_chip("all-sram-28nm"))
    roomy = price(trace, small_chip("all-sram-28nm", {"oversize": "multiplex"}))
    assert roomy.energy.flat() == plain.energy.flat()
    assert roomy.latency.flat() == plain.latency.flat()
    assert roomy.writes == plain.writes


def test_reloads_by_hand() -> None:
    trace = random_trace(2, tasks=2)
    tight = small_chip("all-sram-28nm", {"sram.pe_count": 12, "oversize": "multiplex"})
    chip, found = tight.config, price(trace, tight)
    assert chip.sram is not None
    # eleven PEs keep their tiles; the last two of layer b (1 row x 2 and 1 x 1 outputs) take turns: 3 weights, 2 rows
    weights, rows, cells = 3, 2, 3 * 8
    forward = backward = 6  # 2 epochs of 3 steps a task; errors pass layer b
    loads = (forward + backward) * trace.meta.tasks
    bit_j = 8 * chip.dram.energy_j
    reload = found.energy.part("reload")
    assert reload.part("dram_read").total == pytest.approx(loads * weights * bit_j)
    assert reload.part("dram_write").total == pytest.approx(forward * trace.meta.tasks * weights * bit_j)
    assert reload.part("sram_write").total == pytest.approx(loads * cells * chip.sram.cell.write_energy_j)
    one_s = weights * 8 / chip.dram.bandwidth_bits_per_s + rows * chip.sram.cell.write_time_s
    back_s = forward * trace.meta.tasks * weights * 8 / chip.dram.bandwidth_bits_per_s
    assert found.latency.part("reload").total == pytest.approx(loads * one_s + back_s)
    assert found.inference.part("reload").total == pytest.approx(
        weights * bit_j + cells * chip.sram.cell.write_energy_j
    )
    assert found.inference_latency.part("reload").total == pytest.approx(one_s)


def test_reloads_are_the_only_difference_but_what_12_pes_need() -> None:
    trace = random_trace(3)
    plain = price(trace, small_chip("all-sram-28nm", {"sram.pe_count": 13}))
    tight = price(trace, small_chip("all-sram-28nm", {"sram.pe_count": 12, "oversize": "multiplex"}))
    ours = {name: joules for name, joules in tight.energy.flat().items() if not name.startswith(("reload", "leakage"))}
    theirs = {name: joules for name, joules in plain.energy.flat().items() if not name.startswith("leakage")}
    assert ours == theirs
    assert tight.area.part("sram").total < plain.area.part("sram").total
    passes = 2 * 6 * trace.meta.tasks  # forward and backward at six steps a task
    assert tight.writes["sram"].total - plain.writes["sram"].total == passes * 3 * 8
    assert tight.writes["sram"].worst == max(plain.writes["sram"].worst, 2 * passes)  # two PEs through one


@pytest.mark.parametrize("pes", [1, 5, 12])
def test_fewer_pes_reload_more(pes: int) -> None:
    trace = random_trace(4)
    costs = [
        price(trace, small_chip("all-sram-28nm", {"sram.pe_count": count, "oversize": "multiplex"}))
        for count in (pes, pes + 1)
    ]
    joules = [report.energy.part("reload").total for report in costs]
    assert joules[0] > joules[1]
    assert np.isfinite(joules).all()
