"""Placement phases in the price: cutting a task into phases changes nothing that does not follow from the cut."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from imcsim.chip import price
from imcsim.chip.placed import place
from imcsim.chip.wear.recording import wear_ledger
from imcsim.chip.writes import writes_of
from imcsim.testing.traces import linear_layer, make_trace
from tests.chip.explain.test_explain import check_every_leaf
from tests.chip.hand import ENCODINGS, random_trace, small_chip

PHASES = ((2, 4), (6,), (1, 5))  # of 6 steps a task
ROOM = {"hybrid-28nm": {"rram.pe_count": 16, "sram.pe_count": 16}, "all-rram-28nm": {"rram.pe_count": 16},
        "all-sram-28nm": {"sram.pe_count": 16}}  # fmt: skip
CHIPS: list[tuple[str, dict[str, Any]]] = [
    ("all-rram-28nm", {}),
    ("all-rram-28nm", {"rram.write_policy": "task"}),
    ("all-rram-28nm", {"rram.write_policy": "task", "rram.write_rule": "harmonic"}),
    ("all-sram-28nm", {}),
    ("hybrid-28nm", {}),
    ("hybrid-28nm", {"rram.write_rule": "harmonic", "input_gradient": "second-copy", "rram.pe_count": 32,
                     "sram.pe_count": 32}),
    ("hybrid-28nm", {"commit": "lazy"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "more"), CHIPS)
def test_the_same_history_cut_into_phases_writes_the_same_cells(name: str, more: dict[str, Any]) -> None:
    chip = small_chip(name, ROOM[name] | more)
    whole, cut = price(random_trace(3), chip), price(random_trace(3, phases=PHASES), chip)
    assert cut.writes == whole.writes
    assert cut.lifetime == whole.lifetime
    for tree in ("deployment", "task_switch", "power_up", "area"):
        assert getattr(cut, tree) == getattr(whole, tree)
    for part in ("update", "migration"):
        for leaf, joules in whole.energy.part(part).leaves.items():
            if leaf != ("arithmetic",):
                assert cut.energy.part(part).leaves[leaf] == pytest.approx(joules, rel=1e-12)
    assert len(cut.energy_by_task) == len(cut.latency_by_task) == 3


@pytest.mark.parametrize(("name", "more"), CHIPS)
def test_every_leaf_of_phases_is_explained(name: str, more: dict[str, Any]) -> None:
    check_every_leaf(random_trace(5, phases=PHASES), small_chip(name, ROOM[name] | more))


def test_a_pe_that_freezes_within_a_task_is_programmed_then() -> None:
    """Two PEs of one weight each go 0, 1, 2, 3: one trains in both phases of task 0, the other in the first alone."""
    layer = linear_layer("fc", 8, 2)  # two PEs of 4 rows
    here = [np.zeros((1, 8, 2), np.int64)]
    for upper, lower in ((1, 1), (2, 1), (3, 1)):
        now = np.zeros((1, 8, 2), np.int64)
        now[0, 0, 0], now[0, 4, 0] = upper, lower
        here.append(now)
    placement = {"fc": np.array([[[[True], [True]]], [[[True], [False]]]])}
    trace = make_trace(
        [layer], {"fc": here[0]}, {"fc": [[here[1:]]]}, ENCODINGS, phases=((1, 2),), placement=placement,
        pe_tile=(4, 2), counts={"weight_gradient_macs": [[16], [16]], "updated_weights": [[16], [16]]},
    )  # fmt: skip
    chip = small_chip("hybrid-28nm", {"rram.pe_count": 2, "sram.pe_count": 2})
    placed = place(trace, chip.config)
    commits = [(c.phase, c.pes.tolist(), c.first, c.last) for c in writes_of(placed).commits]
    assert commits == [(0, [False, True], 0, 1), (1, [True, False], 0, 2)]
    # RRAM: the lower PE's cell at the end of the first phase, the upper one's from 0 to 3 at the end of the task
    assert [written.count.tolist() for written in writes_of(placed).committed] == [[1, 0], [0, 1]]
    report = price(trace, chip)
    assert report.writes["rram"].per_task == (2,)
    assert int(sum(layer.events.sum() for _, layer in wear_ledger(placed))) == 2
    assert report.placement["sram_training"].tolist() == [2, 1]
    assert report.placement["rram_frozen"].tolist() == [0, 1]


def test_work_that_a_method_declares_is_charged() -> None:
    amounts = {"bank": ("dram", 100, 7, 5), "copy": ("buffer", 40, 3, 2), "sums": ("digital", 9, 8, 8)}
    plain, ways = random_trace(1), ("operations", "bytes_read", "bytes_written")
    terms = [{"name": name, "memory": memory, "why": "asked"} for name, (memory, *_) in amounts.items()]
    meta = type(plain.meta).model_validate(plain.meta.model_dump() | {"work_terms": terms})
    work = {name: dict(zip(ways, (np.full(3, n) for n in each), strict=True)) for name, (_, *each) in amounts.items()}
    trace = replace(plain, meta=meta, work=work)
    chip = small_chip("all-sram-28nm", ROOM["all-sram-28nm"])
    report, config = price(trace, chip), chip.config
    spent = report.energy.part("work").flat()
    element, bit = config.mac.vector_energy_j, 3 * 8
    assert spent == pytest.approx(
        {
            "bank.arithmetic": 300 * element, "bank.read": bit * 7 * config.dram.energy_j,
            "bank.write": bit * 5 * config.dram.energy_j, "copy.arithmetic": 120 * element,
            "copy.read": bit * 3 * config.buffer.read_energy_j, "copy.write": bit * 2 * config.buffer.write_energy_j,
            "sums.arithmetic": 27 * element,
        }, rel=1e-12,
    )  # fmt: skip
    seconds = 3 * 149 / config.mac.macs_per_s + bit * 12 / config.dram.bandwidth_bits_per_s
    assert report.latency.part("work").total == pytest.approx(seconds, rel=1e-12)
    check_every_leaf(trace, chip)
