"""A write-back cache by hand on two PEs, against a plain simulation, and at both ends of its size."""

from collections import OrderedDict
from dataclasses import replace

import numpy as np
import pytest

from imcsim.chip import ChipConfig, price
from imcsim.chip.placed import place
from imcsim.core.errors import ConfigError
from imcsim.core.sources import Resolved
from imcsim.devices.programming import event_energies_j
from imcsim.life import chip_for, outlook, parse_policies, wear_ledger
from imcsim.life.levers import sram_cache
from imcsim.life.levers.evictions import pieces, play
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace import Trace
from tests.chip.hand import ENCODINGS, codes, random_trace, small_chip
from tests.life.test_recording import random_masks

SIZE = {"array.rows": 4, "array.cols": 16, "rram.pe_count": 16, "sram.pe_count": 16}


def cached(places: int) -> Resolved[ChipConfig]:
    return small_chip("hybrid-28nm", {"sram.pe_count": places, "overflow": "rram"})


def alternating() -> Trace:
    """Two PEs, ``a`` and ``b``: tasks train a, b, a. One weight each; a goes 0 1 1 5, b goes 0 0 -3 -3."""
    path = {"a": [0, 1, 1, 5], "b": [0, 0, -3, -3]}
    steps = {name: [[[codes([value])]] for value in values[1:]] for name, values in path.items()}
    masks = {"a": np.array([True, False, True]), "b": np.array([False, True, False])}
    return make_trace(
        [linear_layer("a", 1, 1), linear_layer("b", 1, 1)], {name: codes([0]) for name in path}, steps, ENCODINGS,
        placement={name: mask.reshape(3, 1, 1, 1) for name, mask in masks.items()}, pe_tile=(4, 2),
    )  # fmt: skip


def test_one_place_for_two_pes_by_hand() -> None:
    # after the first stream: a is there still, b drives it out, a drives b out; 334 streams make 1,002 tasks
    trace, chip = alternating(), cached(1).config
    found, streams = sram_cache(place(trace, chip), parse_policies(["sram-cache=1"])), 334
    assert found.ledger.tasks == 3 * streams
    assert found.hits * 1002 == pytest.approx(streams - 1)
    assert found.loads * 1002 == pytest.approx(2 * streams + 1)
    assert found.evictions * 1002 == pytest.approx(2 * streams)
    assert (found.held_pes, found.dirty_pes) == (1, 1)
    # a is evicted once after 0 -> 1, which moves its lowest cell, later after 1 -> 5 and 0 -> 1: the next one, too
    assert found.ledger.wear["a"].events[:, 0, 0, 0].tolist() == [streams, streams - 1, 0, 0, 0, 0, 0, 0]
    # b by -3: the lowest negative cell goes to the end of its window
    assert found.ledger.wear["b"].events[:, 0, 0, 0].tolist() == [0, 0, 0, 0, streams, 0, 0, 0]
    assert found.ledger.wear["b"].full.sum() == streams
    events = 3 * streams - 1
    assert found.events * 1002 == pytest.approx(events)
    assert chip.rram is not None
    assert chip.sram is not None
    assert found.commit_j * 1002 == pytest.approx(events * event_energies_j(chip.rram.cell, 2, "flat").max())
    assert found.leakage_j == pytest.approx(64 * chip.sram.cell.leakage_w * 86400)
    assert found.time_s > 0
    assert found.load_j > 0
    assert found.area_m2 > 64 * chip.sram.cell.area_m2
    free = sram_cache(
        place(trace, chip.model_copy(update={"charge_migration": False})), parse_policies(["sram-cache=1"])
    )
    assert free.commit_j == free.load_j == 0  # a chip that charges no commits charges no evictions
    assert free.events == found.events


@pytest.mark.parametrize("places", [1, 2, 4, 6, 9])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_as_a_plain_simulation_has_it(places: int, seed: int) -> None:
    trace, chip = random_masks(seed), cached(places).config
    placed = place(trace, chip)
    home, where, count = placed.home, placed.where, placed.home.grid.count
    found = play(placed, home, places, np.ones(count, np.int64), "lru", 3)
    inside: OrderedDict[int, tuple[int, int]] = OrderedDict()  # in the order of last training
    loads, hits, evicted = np.zeros(count, int), 0, []
    for number in range(3):
        for task in range(4):
            wanted, lost = (np.flatnonzero(mask[task]) for mask in (where.homed_training, where.nonvolatile_training))
            for out in [pe for pe in inside if pe in lost]:
                evicted.append((out, *inside.pop(out), number, task))
            hits += sum(int(pe) in inside for pe in wanted)
            new = [pe for pe in wanted if pe not in inside]
            while len(inside) + len(new) > places:
                out = next(pe for pe in inside if pe not in wanted)
                evicted.append((out, *inside.pop(out), number, task))
            for pe in wanted:
                inside.setdefault(int(pe), (number, task))
                inside.move_to_end(int(pe))
            loads[new] += 1
    assert found.hits == hits
    assert found.loads.tolist() == loads.tolist()
    assert found.dirty == len(inside)
    for one in range(count):
        spans = sorted((first, task, min(to - start, 2)) for pe, start, first, to, task in evicted if pe == one)
        assert sorted(span for span, times in found.spans.items() for _ in range(times[one])) == spans
    at_once = sum(times * sum(len(pes) for _, pes in moment) for moment, times in found.moments.items())
    assert at_once == len(evicted) == found.times.sum()


def test_spans_over_the_end_of_the_stream() -> None:
    assert pieces((1, 3, 0), 4) == ((1, 3),)
    assert pieces((1, 3, 1), 4) == ((1, 4), (0, 3))
    assert pieces((1, 0, 1), 4) == ((1, 4),)
    assert pieces((1, 3, 2), 4) == ((1, 4), (0, 4), (0, 3))


def test_without_a_place_writes_are_those_in_place() -> None:
    trace = random_masks(0)
    none = outlook(trace, small_chip("all-rram-28nm"))
    found = outlook(trace, cached(0), parse_policies(["sram-cache=0"]))
    assert found.worst_cycles_per_task == none.worst_cycles_per_task
    assert found.first_failure is not None
    assert none.first_failure is not None
    assert found.first_failure.median == pytest.approx(none.first_failure.median, rel=1e-9)
    cache = found.levers.cache
    assert cache is not None
    assert (cache.hits, cache.loads, cache.evictions, cache.leakage_j, cache.area_m2) == (0, 0, 0, 0, 0)
    assert found.energy[0].programming_j == pytest.approx(none.energy[0].programming_j, rel=1e-9)


def test_with_places_for_all_nothing_is_ever_committed() -> None:
    trace = random_masks(0)
    found = outlook(trace, cached(16), parse_policies(["sram-cache=16"]))
    assert found.first_failure is found.one_percent is None
    assert found.energy[0].programming_j == 0
    cache = found.levers.cache
    assert cache is not None
    assert cache.evictions == 0
    assert cache.dirty_pes > 0
    report = price(trace, cached(16))
    spent = (report.energy.total - report.energy.part("migration").total) / 4  # no task switch rewrites or loads masks
    assert found.energy[0].total_j == pytest.approx(spent + cache.load_j + cache.leakage_j, rel=1e-12)
    assert found.tasks == 4


def test_a_cache_writes_less_than_a_commit_after_each_task() -> None:
    trace, chip = random_masks(1), cached(9)
    cache = sram_cache(place(trace, chip.config), parse_policies(["sram-cache=9"]))
    commits = sum(int(wear.events.sum()) for _, wear in wear_ledger(place(trace, chip.config))) / 4
    assert sum(int(wear.events.sum()) for _, wear in cache.ledger) / cache.ledger.tasks < commits
    for _, wear in cache.ledger:
        assert wear.distances.sum() == pytest.approx(wear.events.sum())
        assert wear.full.sum() == pytest.approx(wear.distances[-1])


def test_a_cache_does_not_follow_from_how_a_task_is_cut_into_phases() -> None:
    options, chip = parse_policies(["sram-cache=16"]), cached(16).config
    whole, cut = (
        sram_cache(place(trace, chip), options)
        for trace in (random_trace(2), random_trace(2, phases=((2, 4), (6,), (1, 5))))
    )
    for field in ("loads", "evictions", "events", "commit_j", "load_j", "leakage_j", "time_s", "held_pes", "dirty_pes"):
        assert getattr(cut, field) == pytest.approx(getattr(whole, field), rel=1e-12), field


def test_the_pe_with_most_life_left_goes_first() -> None:
    # task 0 writes a hard and b little, task 1 c: with two places one of a and b goes, by number or by life
    path = {"a": [0, 85, 85, 0], "b": [0, 1, 1, 2], "c": [0, 0, 1, 1]}
    steps = {name: [[[codes([value])]] for value in values[1:]] for name, values in path.items()}
    masks = {"a": [True, False, True], "b": [True, False, True], "c": [False, True, False]}
    trace = make_trace(
        [linear_layer(name, 1, 1) for name in path], {name: codes([0]) for name in path}, steps, ENCODINGS,
        placement={name: np.array(mask).reshape(3, 1, 1, 1) for name, mask in masks.items()}, pe_tile=(4, 2),
    )  # fmt: skip
    worn = {}
    for way in ("lru", "life"):
        found = sram_cache(place(trace, cached(2).config), parse_policies([f"sram-cache=2:{way}"]))
        worn[way] = {name: int(found.ledger.wear[name].events.sum()) for name in path}
    assert worn["life"]["a"] < worn["lru"]["a"]
    assert worn["life"]["b"] > worn["lru"]["b"]


def test_switches_and_resident_layers_keep_their_part() -> None:
    trace = random_trace(3)
    trace = replace(trace, meta=trace.meta.model_copy(update={"switched_layers": ("b",)}))
    cache = sram_cache(place(trace, cached(16).config), parse_policies(["sram-cache=16"]))
    once = wear_ledger(place(trace, cached(16).config)).wear["b"].switches
    assert once is not None
    many = cache.ledger.wear["b"].switches
    assert many is not None
    np.testing.assert_allclose(many / cache.ledger.tasks, once / 3, rtol=1e-5)


def test_chips_that_cannot_cache_are_refused() -> None:
    options = parse_policies(["sram-cache=2"])
    with pytest.raises(ConfigError, match=r"sram-cache needs SRAM PEs, and 'all-rram-28nm' has no \[sram\]: choose a"):
        chip_for("all-rram-28nm", options)
    with pytest.raises(ConfigError, match=r"sram-cache=2 needs a hybrid chip with sram.pe_count = 2"):
        outlook(random_trace(0), cached(3), options)
    with pytest.raises(ConfigError, match=r"needs a chip with \[rram\] and \[sram\], and 'all-rram-28nm' has not both"):
        sram_cache(place(random_trace(0), small_chip("all-rram-28nm").config), options)
    with pytest.raises(ConfigError, match="sram-cache plays the stream itself and cannot go by a ledger"):
        outlook(random_trace(0), cached(2), options, wear_ledger(place(random_trace(0), cached(2).config)))
    assert chip_for("hybrid-28nm", options, SIZE).config.sram.pe_count == 2  # type: ignore[union-attr]
