"""Any mapping rule in the price of training: what it changes, by hand, and what a chip cannot read."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imcsim.chip import price
from imcsim.chip.charged import charged
from imcsim.chip.explain import explain_priced
from imcsim.chip.per_image import per_image
from imcsim.chip.placed import place
from imcsim.core.errors import ContentError, EventsError, MappingError
from imcsim.core.sources import Resolved
from imcsim.events import run, training_graph, work_of
from imcsim.events.consolidate import CommitScheme, crash
from imcsim.life.outlook import outlook
from imcsim.mapping import map_network
from imcsim.mapping.rule import MAPPING_RULES
from imcsim.mapping.tile import Tile
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.testing.training import map_of
from imcsim.trace.trace import Trace
from tests.chip.hand import ENCODINGS, random_trace, small_chip

CHIPS = ("all-rram-28nm", "all-sram-28nm", "hybrid-28nm")
PLENTY = {"rram": 64, "sram": 64}
ONE_WAY = [name for name in MAPPING_RULES.names() if name != "second_copy"]


def chip_for(name: str, rule: str = "im2col", more: dict[str, Any] | None = None) -> Resolved[Any]:
    values: dict[str, Any] = {f"{m}.pe_count": n for m, n in PLENTY.items() if m in name or name == "hybrid-28nm"}
    if rule == "second_copy":
        values["input_gradient"] = "second-copy"
    return small_chip(name, values | (more or {}))


def _passes(vectors: NDArray[Any]) -> dict[str, Any]:
    return {"forward_vectors": vectors, "weight_gradient_vectors": vectors}


def still_trace(*shapes: tuple[int, int], positions: tuple[int, ...] = (), codes: int = 3, vectors: Any = 12) -> Trace:
    """Layers whose codes never change."""
    at = positions or (1,) * len(shapes)
    layers = [linear_layer(f"l{i}", *shape, positions=at[i]) for i, shape in enumerate(shapes)]
    start = {spec.name: np.full(spec.matrix_shape, codes) for spec in layers}
    history = {name: [[[code]]] for name, code in start.items()}
    return make_trace(layers, start, history, ENCODINGS, counts=_passes(np.multiply(vectors, at)))


@pytest.mark.parametrize("name", CHIPS)
@pytest.mark.parametrize("rule", MAPPING_RULES.names())
def test_every_rule_prices_and_keeps_the_laws(rule: str, name: str) -> None:
    """Among the laws: each level change of the trace is charged once in each copy."""
    report = price(random_trace(2), chip_for(name, rule), rule=rule)
    assert report.energy.total > 0
    assert report.latency.total > 0


@pytest.mark.parametrize("name", ["all-rram-28nm", "all-sram-28nm"])
@pytest.mark.parametrize("rule", ONE_WAY)
def test_an_image_costs_the_same_from_a_map_and_from_a_trace(rule: str, name: str) -> None:
    trace, chip = random_trace(5), chip_for(name)
    report = price(trace, chip, rule=rule)
    found = per_image(
        map_of(trace, chip.config, MAPPING_RULES.get(rule)),
        chip.config,
        density=trace.input_density[-1],
        codes={layer: codes[-1] for layer, codes in trace.codes.items()},
    )
    expected = report.inference.flat()
    assert found.energy.flat() == pytest.approx({k: v for k, v in expected.items() if v or k in found.energy.flat()})
    assert found.latency_s == pytest.approx(report.inference_latency.total)


def test_the_default_is_im2col_by_name_or_itself() -> None:
    trace, chip = random_trace(3), chip_for("hybrid-28nm")
    plain = price(trace, chip).energy.flat()
    assert price(trace, chip, rule="im2col").energy.flat() == plain
    assert price(trace, chip, rule=MAPPING_RULES.get("im2col")).energy.flat() == plain
    transposable = price(trace, chip, rule="transposable").energy.flat()  # the same tiles, counted tile by tile
    assert transposable == pytest.approx(plain, rel=1e-12)


def test_layers_that_share_a_pe_take_turns_and_one_pe() -> None:
    trace, chip = still_trace((2, 1), (2, 1), vectors=[12, 8]), chip_for("all-rram-28nm")
    plain, packed = price(trace, chip), price(trace, chip, rule="dense_pack")
    assert (plain.placement["rram_training"][0], packed.placement["rram_training"][0]) == (2, 1)
    each_s = plain.latency.leaves["forward",] / 13  # 12 vectors of the slowest layer, one of the other in one step
    assert packed.latency.leaves["forward",] == pytest.approx(20 * each_s)
    read = [report.energy.part("forward", "rram").total for report in (plain, packed)]
    assert read[1] == pytest.approx(read[0])
    assert packed.area.leaves["rram", "cells"] == plain.area.leaves["rram", "cells"]


def test_copies_share_vectors_and_are_all_written() -> None:
    """One PE that three copies of make three times as fast; each copy is programmed, and takes cells."""
    trace = random_trace(4, positions=4)
    chip = chip_for("all-rram-28nm", more={"rram.pe_count": 40})  # 4 x 9 + 4: four copies of 'a', one of 'b'
    placed = place(trace, chip.config, "replicate")
    assert placed.home.layout.copies.tolist() == [4, 1]
    plain, copied = price(trace, chip), price(trace, chip, rule="replicate")
    first, second = (int(plain.writes["rram"].total), int(copied.writes["rram"].total))
    of_b = sum(int(trace.changes["step", ENCODINGS[0].name, "b"].sum()) for _ in range(1))
    assert second - of_b == 4 * (first - of_b)
    assert copied.energy.part("forward").flat() == pytest.approx(plain.energy.part("forward").flat())
    assert copied.inference_latency.total < plain.inference_latency.total
    cells = plain.area.leaves["rram", "cells"]
    share_of_a = 50 / 65
    assert copied.area.leaves["rram", "cells"] == pytest.approx(cells * (1 + 3 * share_of_a))
    life = [outlook(trace, chip, rule=rule) for rule in ("im2col", "replicate")]
    assert life[1].cells == pytest.approx(life[0].cells * (1 + 3 * share_of_a))
    assert life[0].worst_cycles_per_task == life[1].worst_cycles_per_task
    first_death, sooner = (report.lifetime["rram"].tasks_first_failure for report in (plain, copied))
    assert first_death is not None
    assert sooner is not None
    assert sooner < first_death
    assert life[1].first_failure is not None
    assert life[1].first_failure.median == pytest.approx(sooner, rel=1e-6)


def test_zero_rows_have_no_place_and_cost_nothing() -> None:
    layer = linear_layer("a", 8, 2)
    start = np.ones((1, 8, 2), dtype=np.int64)
    start[0, 2:6] = 0
    trace = make_trace([layer], {"a": start}, {"a": [[[start]]]}, ENCODINGS, counts={"forward_vectors": 10})
    chip = chip_for("all-rram-28nm")
    plain, skipped = price(trace, chip), price(trace, chip, rule="sparse_skip")
    assert (plain.placement["rram_training"][0], skipped.placement["rram_training"][0]) == (2, 1)
    halves = [report.energy.part("forward", "rram", "adc").total for report in (plain, skipped)]
    assert halves[1] < halves[0]
    read = [report.energy.leaves["buffer", "read_forward"] for report in (plain, skipped)]
    assert read[1] == pytest.approx(read[0] / 2)  # 4 of 8 inputs are fetched
    link = [report.energy.leaves["link", "forward"] for report in (plain, skipped)]
    assert link[1] == pytest.approx(link[0] * (4 + 2) / (8 + 2))


def test_a_weight_that_trains_is_not_left_out() -> None:
    """Zero at the end of each task, but not in between."""
    layer, zero = linear_layer("a", 4, 2), np.zeros((1, 4, 2), dtype=np.int64)
    moved = zero.copy()
    moved[0, 1] = 1
    trace = make_trace([layer], {"a": zero}, {"a": [[[moved, zero]]]}, ENCODINGS)
    placed = place(trace, chip_for("all-rram-28nm").config, "sparse_skip")
    assert placed.home.grid.rows.tolist() == [1]


def first_row_only(shape: tuple[int, int, int], geometry: Any) -> tuple[Tile, ...]:
    return (Tile(0, 0, range(1), range(shape[2])),)


def outside(shape: tuple[int, int, int], geometry: Any) -> tuple[Tile, ...]:
    return (Tile(0, 0, range(shape[1]), range(shape[2]), row_offset=1),)


def twice(shape: tuple[int, int, int], geometry: Any) -> tuple[Tile, ...]:
    return (Tile(0, 0, range(shape[1]), range(1)), Tile(1, 0, range(shape[1]), range(shape[2])))


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (first_row_only, "in layer 'l0': weight .* should be in one place, but is nowhere"),
        (outside, "cannot be right, in layer 'l0': weight .* should be inside an array of 4 x 16 cells"),
        (twice, "in layer 'l0': weight .* should be in one place, but is in PE 0 .* and in PE"),
    ],
)
def test_a_rule_that_loses_weights_is_refused(rule: Any, said: str) -> None:
    with pytest.raises(MappingError, match=said):
        price(still_trace((4, 2)), chip_for("all-rram-28nm"), rule=rule)


@pytest.mark.parametrize(
    ("rule", "gradient", "said"),
    [
        ("transposable", "digital", "'transposable' lays PEs that are read from both sides, but 'all-rram-28nm' has"),
        ("second_copy", "transposable", "lays a second, transposed copy, .*--set input_gradient=second-copy"),
    ],
)
def test_a_rule_and_a_chip_that_contradict_are_refused(rule: str, gradient: str, said: str) -> None:
    with pytest.raises(MappingError, match=said):
        price(random_trace(1), small_chip("all-rram-28nm", {"input_gradient": gradient}), rule=rule)


def test_an_unknown_rule_is_told_its_nearest() -> None:
    with pytest.raises(ContentError, match="dense_pack"):
        price(random_trace(1), chip_for("all-rram-28nm"), rule="dens_pack")


def test_a_budget_too_small_for_one_copy_is_refused() -> None:
    with pytest.raises(MappingError, match="one copy of each layer takes 13 PEs, but pe_budget is 12"):
        price(random_trace(1), small_chip("all-rram-28nm", {"rram.pe_count": 12}), rule="replicate")


@pytest.mark.parametrize("rule", ["dense_pack", "replicate", "kernel_split"])
def test_a_step_as_events_spends_what_is_charged(rule: str) -> None:
    trace, chip = random_trace(6), chip_for("hybrid-28nm").config
    work = work_of(trace, chip, rule=rule)
    schedule = run(training_graph(work))
    plain = run(training_graph(work_of(trace, chip)))
    assert schedule.makespan_s > 0
    assert schedule.energy_j == pytest.approx(plain.energy_j, rel=0.3)


def test_layers_that_share_a_pe_have_their_arrays_together() -> None:
    work = work_of(still_trace((2, 1), (2, 1), (4, 2)), chip_for("all-rram-28nm").config, rule="dense_pack")
    assert work.arrays == ("l0 + l1", "l0 + l1", "l2")


def test_a_crash_of_another_rule_is_refused() -> None:
    work = work_of(random_trace(1), chip_for("hybrid-28nm").config, rule="dense_pack")
    with pytest.raises(EventsError, match="laid out by rule 'im2col' only"):
        crash(work, CommitScheme(name="in-place"))


def test_explain_adds_up_to_the_price() -> None:
    trace, chip = random_trace(1), chip_for("hybrid-28nm")
    report = price(trace, chip, rule="dense_pack")
    found = explain_priced(trace, chip, "energy.forward", rule="dense_pack")
    assert sum(one.value for one in found) == pytest.approx(report.energy.part("forward").total, rel=1e-12)


def test_a_map_is_built_once_for_a_trace() -> None:
    calls: list[NDArray[Any]] = []

    def counted(shape: tuple[int, int, int], geometry: Any) -> tuple[Tile, ...]:
        calls.append(np.array(shape))
        return tuple(map_network([linear_layer("x", *shape[1:])], geometry).maps[0].tiles)

    trace, chip = still_trace((4, 2)), chip_for("all-rram-28nm").config
    first, second = (charged(place(trace, chip, counted)) for _ in range(2))
    assert len(calls) == 1
    assert first.placed.home.profile is second.placed.home.profile
