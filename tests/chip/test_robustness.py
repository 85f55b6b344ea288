"""Odd networks and streams on every shipped chip: a finite number or one clear sentence, never nan, inf or a crash."""

import dataclasses
import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from imcsim.chip import load_chip, price
from imcsim.chip.charged import SI_UNITS
from imcsim.chip.explain import explain_priced
from imcsim.core.errors import ImcsimError, TraceError
from imcsim.events import StepOptions, doubled, long_run, run, training_graph, work_of
from imcsim.events.training_step import portion_of
from imcsim.mapping import map_network
from imcsim.mapping.layer import LayerSpec
from imcsim.report.mapping_compare import rule_figures
from imcsim.report.mapping_table import chip_fit, fit_sentence, mapping_rows, mapping_text
from imcsim.report.record import record
from imcsim.report.timeline import timeline_record, timeline_text
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace import Trace
from imcsim.trace.placements import Placements
from tests.chip.hand import ENCODINGS

CHIPS = ("hybrid-28nm", "all-rram-28nm", "all-sram-28nm")
VECTORS = ("forward_vectors", "input_gradient_vectors", "weight_gradient_vectors")
pytestmark = pytest.mark.filterwarnings("error")  # a division by zero warns before it gives nan


def conv_on_one_pixel(name: str, channels: int, outputs: int, groups: int = 1) -> LayerSpec:
    """A 3 x 3 convolution of a 1 x 1 map: nine rows a channel, eight of them padding."""
    return LayerSpec(
        name=name, kind="conv2d", in_features=channels, out_features=outputs, kernel=(3, 3), stride=(1, 1),
        padding=(1, 1), groups=groups, positions=1, input_elements=channels, output_elements=outputs,
    )  # fmt: skip


NETWORKS: dict[str, list[LayerSpec]] = {
    "one weight": [linear_layer("w", 1, 1)],
    "fully connected": [linear_layer("a", 300, 20), linear_layer("b", 20, 20), linear_layer("c", 20, 2)],
    "maps of one pixel": [
        conv_on_one_pixel("a", 1, 4),
        conv_on_one_pixel("b", 4, 4, groups=4),
        linear_layer("c", 4, 2),
    ],
    "smaller than a PE": [linear_layer("a", 3, 2)],
    "a wide and a narrow layer": [linear_layer("a", 1, 500), linear_layer("b", 500, 1)],
}


def trained(layers: list[LayerSpec], images: int = 1, tasks: int = 2) -> Trace:
    """``tasks`` tasks of one step on ``images`` images; some weights move by a code."""
    rng = np.random.default_rng(0)
    start = {spec.name: rng.integers(-127, 128, spec.matrix_shape) for spec in layers}
    history = {}
    for spec in layers:
        now, steps = start[spec.name], []
        for _ in range(tasks):
            now = np.clip(now + rng.integers(-1, 2, spec.matrix_shape), -127, 127)
            steps.append([[now]])
        history[spec.name] = steps
    vectors = [images * spec.positions for spec in layers]
    counts: dict[str, Any] = dict.fromkeys(VECTORS, vectors)
    counts["input_gradient_vectors"] = [0, *vectors[1:]]
    counts["weight_gradient_macs"] = [n * spec.weight_count for n, spec in zip(vectors, layers, strict=True)]
    counts["updated_weights"] = [spec.weight_count for spec in layers]
    counts["kept_elements"] = [images * spec.input_elements for spec in layers]
    return make_trace(layers, start, history, ENCODINGS, counts=counts, task_counts={"samples": images})


def emptied(trace: Trace, *tasks: int) -> Trace:
    """The same trace with nothing learned in ``tasks``: no steps, no changes."""

    def without(array: Any) -> Any:
        copy = array.copy()
        copy[list(tasks)] = 0
        return copy

    codes: dict[str, Any] = {name: array.copy() for name, array in trace.codes.items()}
    for array in codes.values():
        for task in sorted(tasks):
            array[task + 1] = array[task]
    exist = ("active_weights", "peak_active_weights")
    return dataclasses.replace(
        trace,
        codes=codes,
        counts={name: array if name in exist else without(array) for name, array in trace.counts.items()},
        task_counts={name: without(array) for name, array in trace.task_counts.items()},
        changes={key: without(array) for key, array in trace.changes.items()},
        transitions={key: without(array) for key, array in trace.transitions.items()},
        input_density=without(trace.input_density),
    )


def frozen(trace: Trace) -> Trace:
    """Steps are taken and pass forward, but every PE of every task is frozen."""
    still = emptied(trace, *range(trace.meta.tasks))
    shapes = {spec.name: _pes(spec) for spec in trace.meta.layers}
    counts = dict(still.counts) | {"forward_vectors": trace.counts["forward_vectors"]}
    tasks = dict(trace.task_counts) | {"peak_kept_elements": still.task_counts["peak_kept_elements"]}
    return dataclasses.replace(
        still,
        meta=trace.meta.model_copy(update={"pe_tile": (64, 8)}),
        placement=Placements({name: np.zeros((trace.meta.tasks, *shape), bool) for name, shape in shapes.items()}),
        counts=counts,
        task_counts=tasks,
    )


def _pes(spec: LayerSpec) -> tuple[int, int, int]:
    return spec.groups, -(-spec.fan_in // 64), -(-spec.outputs // 8)


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from numbers(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from numbers(inner)
    elif isinstance(value, float):
        yield value


def check_finite(document: Any) -> None:
    text = json.dumps(document, allow_nan=False)
    assert text
    assert all(math.isfinite(number) for number in numbers(document))


def check_price(trace: Trace, chip: Any) -> None:
    report = price(trace, chip)
    check_finite(record(report))
    shown = str(report)
    assert "nan" not in shown
    assert "inf " not in shown
    for tree in SI_UNITS:
        for found in explain_priced(trace, chip, tree):
            total = sum(term.amount * term.each for term in found.terms)
            assert total == pytest.approx(found.value, rel=1e-12, abs=0.0)


def check_timeline(trace: Trace, chip: Any, task: int = -1) -> None:
    work = work_of(trace, chip.config, task)
    options = StepOptions(steps=1, once=True)
    schedule = run(training_graph(work, options))
    found = timeline_record(schedule, work, options, portion_of(work, options), doubled(schedule), None)
    check_finite(json.loads(json.dumps(found, allow_nan=False)))
    assert "nan" not in timeline_text(found)


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("network", NETWORKS)
def test_odd_networks_have_a_price_an_explanation_and_a_timeline(network: str, chip: str) -> None:
    trace = trained(NETWORKS[network])
    check_price(trace, load_chip(chip))
    check_timeline(trace, load_chip(chip))


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("network", NETWORKS)
def test_odd_networks_have_a_map(network: str, chip: str) -> None:
    config = load_chip(chip).config
    network_map = map_network(NETWORKS[network], config.geometry)
    check_finite(mapping_rows(network_map, 8))
    assert "nan" not in str(mapping_text(network_map, "title", 8))
    check_finite(rule_figures(network_map, config))
    assert fit_sentence(chip_fit(network_map, config), config, network)


@pytest.mark.parametrize("gradient", ["second-copy", "digital"])
@pytest.mark.parametrize("network", ["one weight", "maps of one pixel"])
def test_odd_networks_on_other_gradients(network: str, gradient: str) -> None:
    for name in CHIPS:
        chip = load_chip(name, {"input_gradient": gradient})
        check_price(trained(NETWORKS[network]), chip)
        check_timeline(trained(NETWORKS[network]), chip)


@pytest.mark.parametrize("chip", CHIPS)
def test_a_task_without_steps_has_a_price_and_no_timeline(chip: str) -> None:
    trace = emptied(trained(NETWORKS["fully connected"]), 1)
    check_price(trace, load_chip(chip))
    assert price(trace, load_chip(chip)).energy_by_task[1].part("forward").total == 0
    check_timeline(trace, load_chip(chip), task=0)
    with pytest.raises(ImcsimError, match="task 1 of the trace has no optimiser step"):
        work_of(trace, load_chip(chip).config, 1)


@pytest.mark.parametrize("chip", CHIPS)
def test_a_stream_in_which_nothing_happens_costs_leakage_at_most(chip: str) -> None:
    trace = emptied(trained(NETWORKS["fully connected"]), 0, 1)
    check_price(trace, load_chip(chip, {} if "hybrid" not in chip else {"charge_migration": False}))
    report = price(trace, load_chip(chip))
    assert report.energy.part("forward").total == 0
    assert report.energy.part("update").total == 0


@pytest.mark.parametrize("chip", CHIPS)
def test_everything_frozen_passes_forward_and_writes_nothing(chip: str) -> None:
    trace = frozen(trained(NETWORKS["fully connected"]))
    check_price(trace, load_chip(chip))
    check_timeline(trace, load_chip(chip))
    report = price(trace, load_chip(chip))
    assert report.energy.part("forward").total > 0
    assert all(writes.total == 0 for writes in report.writes.values())
    assert report.energy.part("migration").total == 0
    assert "no limit" in str(report)


@pytest.mark.parametrize(
    ("chip", "part"), [("hybrid-28nm", "rram"), ("all-rram-28nm", "rram"), ("all-sram-28nm", "sram")]
)
def test_a_layer_larger_than_the_chip_is_refused_with_what_helps(chip: str, part: str) -> None:
    small = load_chip(chip, {f"{part}.pe_count": 3})
    layers = [linear_layer("a", 300, 8)]  # five row tiles
    trace = trained(layers)
    sentence = rf"needs 5 PEs but '{chip}' has {part}.pe_count = 3; raise it"
    with pytest.raises(TraceError, match=sentence):
        price(trace, small)
    with pytest.raises(TraceError, match=sentence):
        work_of(trace, small.config, 0)
    network_map = map_network(layers, small.config.geometry)
    assert "does not fit" in fit_sentence(chip_fit(network_map, small.config), small.config, "net")
    check_finite(rule_figures(network_map, small.config))


@pytest.mark.parametrize("pes", [1, 2, 4])
def test_a_layer_larger_than_the_chip_takes_turns_if_told_to(pes: int) -> None:
    chip = load_chip("all-sram-28nm", {"sram.pe_count": pes, "oversize": "multiplex"})
    trace = trained([linear_layer("a", 300, 8)])
    check_price(trace, chip)
    check_timeline(trace, chip)
    assert price(trace, chip).energy.part("reload").total > 0


@pytest.mark.parametrize("topology", ["mesh", "h-tree"])
@pytest.mark.parametrize("chip", CHIPS)
def test_a_floor_plan_breaks_none_of_it(chip: str, topology: str) -> None:
    plan = {"floor_plan": {"topology": topology, "pes_per_router": 96}}
    for trace in (trained(NETWORKS["one weight"]), emptied(trained(NETWORKS["maps of one pixel"]), 0, 1)):
        check_price(trace, load_chip(chip, plan))


def test_many_steps_of_one_image_are_told_by_their_period() -> None:
    trace = trained(NETWORKS["smaller than a PE"])
    counts = {name: array * 50 for name, array in trace.counts.items() if name in VECTORS}
    steps = {name: trace.task_counts[name] * 50 for name in ("optimizer_steps", "samples")}
    counts |= {name: trace.counts[name] * 50 for name in ("weight_gradient_macs", "updated_weights")}
    long = dataclasses.replace(trace, counts=dict(trace.counts) | counts, task_counts=dict(trace.task_counts) | steps)
    told = long_run(work_of(long, load_chip("hybrid-28nm").config, 0), StepOptions(steps=50))
    assert 0 < told.latency_s < math.inf
