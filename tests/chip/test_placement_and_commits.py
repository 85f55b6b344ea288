"""Which memory a PE is in, what moving it costs, and what a chip refuses."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imcsim.chip import price
from imcsim.chip.placed import place
from imcsim.chip.writes import commits_by_policy
from imcsim.core.errors import ConfigError, TraceError
from imcsim.trace.placements import Placements
from tests.chip.hand import one_pe_trace, random_trace, small_chip


def test_overflow_trains_the_coldest_pes_in_rram() -> None:
    trace = random_trace(0)
    chip = small_chip("hybrid-28nm", {"sram.pe_count": 5, "rram.pe_count": 16}).config
    placed = place(trace, chip)
    where = placed.where
    assert (where.volatile_training.sum(axis=1) == 5).all()
    heat = placed.home.profile.policy("step").changes.sum(axis=0)
    assert heat[where.volatile_training[0]].min() >= heat[where.nonvolatile_training[0]].max()
    assert "the chip, not the method, set the limit" in where.warnings[0]


def test_overflow_writes_are_split_between_the_memories() -> None:
    trace = random_trace(0)
    everything = price(trace, small_chip("all-rram-28nm", {"rram.pe_count": 16})).writes["rram"].total
    none = price(trace, small_chip("hybrid-28nm", {"sram.pe_count": 0, "rram.pe_count": 16}))
    assert none.writes["rram"].total == everything
    assert none.writes["sram"].total == 0
    some = price(trace, small_chip("hybrid-28nm", {"sram.pe_count": 5, "rram.pe_count": 16}))
    assert 0 < some.writes["rram"].total < everything
    assert some.writes["rram"].worst <= none.writes["rram"].worst


def test_refusals_say_what_to_do() -> None:
    trace = random_trace(0)
    with pytest.raises(TraceError, match=r"needs 13 PEs but 'all-rram-28nm' has rram.pe_count = 8; raise it"):
        price(trace, small_chip("all-rram-28nm", {"rram.pe_count": 8}))
    with pytest.raises(TraceError, match="13 PEs train at once but 'hybrid-28nm' has room for 8 in SRAM; freeze more"):
        price(trace, small_chip("hybrid-28nm", {"sram.pe_count": 8, "overflow": "refuse"}))
    with pytest.raises(TraceError, match="recorded with input_bits = 8, but 'all-rram-28nm' has 4"):
        price(trace, small_chip("all-rram-28nm", {"input_bits": 4, "rram.pe_count": 16}))
    with pytest.raises(TraceError, match=r"counts level changes for .*, not for differential-8w-1c: record it again"):
        price(one_pe_trace(), small_chip("all-rram-28nm", {"rram.cell_bits": 1}))


def test_masks_for_another_pe_size_are_refused() -> None:
    placement = {"fc": np.ones((1, 1, 1, 1), dtype=bool)}
    trace = one_pe_trace(placement=placement, pe_tile=(8, 8))
    with pytest.raises(TraceError, match=r"are for PEs of \(8, 8\) weights .* train again with pe_tile = \[4, 2\]"):
        price(trace, small_chip("all-rram-28nm"))


TRAINING = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=bool)


def test_commits_after_every_task() -> None:
    commits = commits_by_policy(TRAINING, "task", (0, 1, 2))
    found = [(c.phase, c.pes.tolist(), c.first, c.last) for c in commits]
    assert found == [
        (0, [True, True, False], 0, 1),
        (1, [True, False, False], 1, 2),
        (2, [False, False, True], 2, 3),
    ]


def test_a_pe_that_comes_to_rest_within_a_task_is_committed_then() -> None:
    commits = commits_by_policy(TRAINING, "task", (0, 0, 1))  # two phases of task 0, one of task 1
    found = [(c.phase, c.pes.tolist(), c.first, c.last) for c in commits]
    assert found == [
        (0, [False, True, False], 0, 1),
        (1, [True, False, False], 0, 2),  # what both phases have changed, at once
        (2, [False, False, True], 2, 3),
    ]


def test_lazy_commits_wait_until_the_pe_leaves_sram() -> None:
    commits = commits_by_policy(TRAINING, "lazy", (0, 1, 2))
    found = [(c.phase, c.pes.tolist(), c.first, c.last) for c in commits]
    assert found == [(1, [False, True, False], 0, 1), (2, [True, False, False], 0, 2)]


def test_lazy_commits_write_no_more_than_one_a_task_and_name_what_is_left() -> None:
    trace = random_trace(8)
    big = {"rram.pe_count": 16, "sram.pe_count": 16}
    eager = price(trace, small_chip("hybrid-28nm", big))
    lazy = price(trace, small_chip("hybrid-28nm", big | {"commit": "lazy"}))
    assert lazy.writes["rram"].total == 0  # nothing leaves SRAM
    assert any("13 trained PEs are not committed" in text for text in lazy.warnings)
    assert eager.writes["rram"].total > 0


def test_lazy_commit_programs_the_difference_over_several_tasks() -> None:
    trace = random_trace(9)
    layers = {"a": (1, 3, 3), "b": (1, 2, 2)}
    placement = {name: np.ones((3, *shape), dtype=bool) for name, shape in layers.items()}
    codes = {name: array.copy() for name, array in trace.codes.items()}
    for name in placement:
        placement[name][2] = False
        codes[name][3] = codes[name][2]
    still = {key: _quiet(array) for key, array in trace.changes.items()}
    flow = {key: _quiet(array) for key, array in trace.transitions.items()}
    meta = trace.meta.model_copy(update={"pe_tile": (4, 2)})
    counts = dict(trace.counts) | {"trainable_weights": _quiet(trace.counts["trainable_weights"])}
    frozen_last = dataclasses.replace(
        trace, meta=meta, placement=Placements(placement), codes=codes, changes=still, transitions=flow, counts=counts
    )
    big = {"rram.pe_count": 16, "sram.pe_count": 16, "commit": "lazy"}
    report = price(frozen_last, small_chip("hybrid-28nm", big))
    encoding = small_chip("hybrid-28nm").config.geometry.encoding
    differ = sum(int((encoding.levels(c[0]) != encoding.levels(c[2])).sum()) for c in codes.values())
    assert report.writes["rram"].total == differ
    assert report.writes["rram"].worst == 1


def _quiet(array: NDArray[Any]) -> NDArray[Any]:
    copy = array.copy()
    copy[2] = 0
    return copy


@pytest.mark.parametrize("option", ["transposable", "second-copy", "digital"])
def test_each_place_for_input_gradients_has_a_price(option: str) -> None:
    chip = small_chip("all-rram-28nm", {"input_gradient": option, "rram.pe_count": 32})
    report = price(random_trace(1), chip)
    assert report.energy.part("input_gradient").total > 0
    assert report.latency.leaves["input_gradient",] > 0


def test_a_second_copy_doubles_every_write_and_needs_twice_the_pes() -> None:
    trace = random_trace(1)
    one = price(trace, small_chip("all-rram-28nm", {"rram.pe_count": 32}))
    two = price(trace, small_chip("all-rram-28nm", {"rram.pe_count": 32, "input_gradient": "second-copy"}))
    assert two.writes["rram"].total == 2 * one.writes["rram"].total
    assert two.deployment.total == pytest.approx(2 * one.deployment.total)
    with pytest.raises(TraceError, match="needs 26 PEs"):
        price(trace, small_chip("all-rram-28nm", {"rram.pe_count": 13, "input_gradient": "second-copy"}))


def test_weight_gradients_in_an_sram_array() -> None:
    big = {"sram.pe_count": 40, "weight_gradient": "sram-array"}
    report = price(random_trace(1), small_chip("all-sram-28nm", big))
    assert report.energy.leaves["weight_gradient", "array_write"] > 0
    digital = price(random_trace(1), small_chip("all-sram-28nm", {"sram.pe_count": 40}))
    assert report.area.part("sram").total > digital.area.part("sram").total
    with pytest.raises(ConfigError, match=r"weight_gradient = 'sram-array' needs \[sram\]"):
        small_chip("all-rram-28nm", {"weight_gradient": "sram-array"})


def test_stale_weights_and_lossy_converters_are_named() -> None:
    stale = price(one_pe_trace(), small_chip("all-rram-28nm", {"rram.write_policy": "epoch"}))
    assert any("stale weights" in text for text in stale.warnings)
    lossy = price(one_pe_trace(), small_chip("all-rram-28nm", {"rram.adc_bits": 3}))
    assert any("a column sum needs 5 bits" in text for text in lossy.warnings)
    assert not price(one_pe_trace(), small_chip("all-rram-28nm")).warnings
