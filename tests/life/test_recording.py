"""The ledger against pencil and paper, and against the events that pricing charges."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from imcsim.chip import ChipConfig, price
from imcsim.chip.placed import place
from imcsim.chip.wear.ledger import MOST_EVENTS
from imcsim.core.errors import ConfigError
from imcsim.core.sources import Resolved
from imcsim.life import WearLedger, wear_ledger
from imcsim.mapping.masks import expand_pe_mask
from imcsim.testing.traces import History, linear_layer, make_trace
from imcsim.trace import Trace
from tests.chip.hand import ENCODINGS, RRAM, codes, one_pe_trace, random_trace, small_chip

# every way in which cells of RRAM come to be written
SETUPS = [
    ("all-rram-28nm", {}),
    ("all-rram-28nm", {"rram.write_policy": "epoch", "input_gradient": "second-copy", "rram.pe_count": 32}),
    ("all-rram-28nm", {"rram.write_policy": "task"}),
    ("hybrid-28nm", {}),
    ("hybrid-28nm", {"commit": "lazy"}),
    ("hybrid-28nm", {"sram.pe_count": 3}),
    ("hybrid-28nm", {"sram.pe_count": 3, "rram.write_policy": "task"}),
]


def random_masks(seed: int) -> Trace:
    """PEs of 4 x 2 weights that come and go at random over four tasks of two steps; frozen ones keep their codes."""
    rng = np.random.default_rng(seed)
    layers = [linear_layer("a", 10, 5), linear_layer("b", 5, 3)]
    masks = {"a": rng.random((4, 1, 3, 3)) < 0.5, "b": rng.random((4, 1, 2, 2)) < 0.5}
    start = {spec.name: rng.integers(-100, 101, spec.matrix_shape) for spec in layers}
    history: dict[str, History] = {}
    for spec in layers:
        now, path = start[spec.name], []
        for mask in expand_pe_mask(masks[spec.name], spec.matrix_shape, (4, 2)):
            steps = []
            for _ in range(2):
                now = now + mask * rng.integers(-4, 5, now.shape)
                steps.append(now)
            path.append([steps])
        history[spec.name] = path
    return make_trace(layers, start, history, ENCODINGS, placement=masks, pe_tile=(4, 2))


def charged(trace: Trace, chip: ChipConfig) -> tuple[int, int]:
    """Return (all programming events, events of the worst cell) as pricing charges them."""
    writes = price(trace, Resolved(chip, {})).writes["rram"]
    return writes.total, writes.worst


def counted(ledger: WearLedger) -> tuple[int, int]:
    events = [layer.events for _, layer in ledger]
    return sum(int(e.sum()) for e in events) * ledger.copies, max(int(e.max()) for e in events)


def test_in_place_by_hand() -> None:
    # weight (0, 0): 0 -> 1 -> 4: the lowest positive cell goes 0 1 0, the next 0 0 1; weight (3, 1): -1 -> -1 -> 1
    ledger = wear_ledger(place(one_pe_trace(), small_chip("all-rram-28nm").config))
    events = ledger.wear["fc"].events
    assert events[:, 0, 0, 0].tolist() == [2, 1, 0, 0, 0, 0, 0, 0]
    assert events[:, 0, 3, 1].tolist() == [1, 0, 0, 0, 1, 0, 0, 0]
    assert events.sum() == 5
    assert ledger.wear["fc"].distances.tolist() == [0, 5, 0, 0]
    assert ledger.wear["fc"].full.sum() == 0
    assert (ledger.tasks, ledger.cells) == (1, 64)


def test_a_commit_by_hand_writes_what_differs_at_its_ends() -> None:
    ledger = wear_ledger(place(one_pe_trace(), small_chip("hybrid-28nm").config))
    assert ledger.wear["fc"].events[:, 0, 0, 0].tolist() == [0, 1, 0, 0, 0, 0, 0, 0]
    assert ledger.wear["fc"].events.sum() == 3


def test_full_window_events_are_kept_apart() -> None:
    # 0 -> 3 spans the window of a 2-bit cell, 3 -> 7 does not: 7 = 3 + 4 * 1
    path = [codes([0]), codes([3]), codes([7])]
    trace = make_trace([linear_layer("l", 1, 1)], {"l": path[0]}, {"l": [[[path[1]], [path[2]]]]}, [RRAM])
    for policy, events, full in (("task", [1, 1], [1.0, 0.0]), ("step", [1, 1], [0.5, 0.5])):
        chip = small_chip("all-rram-28nm", {"rram.write_policy": policy}).config
        wear = wear_ledger(place(trace, chip)).wear["l"]
        assert wear.events[:2, 0, 0, 0].tolist() == events
        # in place at every step, the trace tells how many events of the layer were full, not which
        assert wear.full[:2, 0, 0, 0].tolist() == full
        assert wear.distances.tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("name", "more"), SETUPS)
def test_events_add_up_to_those_charged(name: str, more: dict[str, object], seed: int) -> None:
    chip = small_chip(name, more).config
    trace = random_masks(seed)
    ledger = wear_ledger(place(trace, chip))
    assert counted(ledger) == charged(trace, chip)
    for _, layer in ledger:
        assert layer.distances.sum() == pytest.approx(layer.events.sum(), rel=1e-12)
        assert (layer.full <= layer.events).all()
        assert layer.full.sum() == pytest.approx(layer.distances[-1], rel=1e-5)


def test_task_switches_at_the_rate_of_the_horizon() -> None:
    trace = random_trace(3)
    trace = replace(trace, meta=trace.meta.model_copy(update={"switched_layers": ("b",)}))
    chip = small_chip("all-rram-28nm", {"horizon.task_switches_per_task": 2.5})
    ledger, report = wear_ledger(place(trace, chip.config)), price(trace, chip)
    assert ledger.wear["a"].switches is None
    switches = ledger.wear["b"].switches
    assert switches is not None
    assert switches.sum() == pytest.approx(2.5 * 3 * report.horizon["switch_rram_cells"], rel=1e-6)
    levels = RRAM.levels(trace.codes["b"])[:, 1:]
    per_pair = sum((levels[:, i] != levels[:, j]).astype(float) for i, j in pairwise(range(3)))
    np.testing.assert_allclose(switches, 2.5 * 3 / 2 * per_pair, rtol=1e-6)
    assert counted(ledger) == charged(trace, chip.config)  # switches are beside the events of training


def test_ledgers_of_the_same_cells_add_up() -> None:
    chip = small_chip("hybrid-28nm").config
    first, second = wear_ledger(place(random_masks(0), chip)), wear_ledger(place(random_masks(1), chip))
    whole = counted(first)[0] + counted(second)[0]
    first.add(second)
    assert counted(first)[0] == whole
    assert first.tasks == 8
    for _ in range(100):  # hundreds of tasks
        first.add(second)
    assert counted(first)[0] == whole + 100 * counted(second)[0]
    assert first.tasks == 408


@pytest.mark.parametrize(
    ("name", "more", "what"),
    [
        ("all-rram-28nm", {"array.rows": 8}, r"its PEs have 8 x 16 cells, here 4 x 16 cells"),
        ("all-rram-28nm", {"rram.sign": "offset", "rram.cell_bits": 1}, r"coded as offset-8w-1c, here diff"),
        ("all-rram-28nm", {"input_gradient": "second-copy", "rram.pe_count": 32}, r"copies of a weight are 2, here 1"),
    ],
)
def test_a_ledger_of_another_mapping_is_refused(name: str, more: dict[str, object], what: str) -> None:
    trace = random_trace(0)
    mine = wear_ledger(place(trace, small_chip("all-rram-28nm").config))
    before = {spec.name: layer.events.copy() for spec, layer in mine}
    with pytest.raises(ConfigError, match=what):
        mine.add(wear_ledger(place(trace, small_chip(name, more).config)))
    assert mine.tasks == 3
    assert all((layer.events == before[spec.name]).all() for spec, layer in mine)
    with pytest.raises(ConfigError, match=r"layers are fc \(1, 4, 2\), here a "):
        mine.add(wear_ledger(place(one_pe_trace(), small_chip("all-rram-28nm").config)))


def test_a_counter_does_not_overflow() -> None:
    ledger = wear_ledger(place(random_trace(0), small_chip("all-rram-28nm").config))
    with pytest.raises(ConfigError, match=r"start a new ledger"):
        ledger.expect(MOST_EVENTS)
    assert ledger.most_events == 18  # three tasks of six steps


def test_a_chip_without_rram_has_no_ledger() -> None:
    with pytest.raises(ConfigError, match=r"'all-sram-28nm' has no RRAM"):
        wear_ledger(place(random_trace(0), small_chip("all-sram-28nm").config))
