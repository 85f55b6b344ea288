"""Each law of a trace, broken on purpose."""

import copy
import dataclasses
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imcsim
from imcsim.chip import price
from imcsim.chip.explain import explain_priced
from imcsim.chip.placed import place
from imcsim.chip.trace_masks import task_masks
from imcsim.core.config import config_hash, parse
from imcsim.core.errors import ConservationError
from imcsim.events import work_of
from imcsim.learn.api import learn
from imcsim.learn.config import LearnConfig
from imcsim.life import outlook, wear_ledger
from imcsim.life.compare import compare_levers
from imcsim.testing.methods import TINY
from imcsim.trace import Trace
from imcsim.trace.conservation import check_once, check_trace
from imcsim.trace.schema import COUNTS, TASK_COUNTS, Policy
from imcsim.trace.store import save
from tests.chip.hand import one_pe_trace, random_trace, small_chip

KEY = ("step", "offset-8w-1c", "fc")


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_honest_histories_pass(seed: int) -> None:
    check_trace(random_trace(seed))


def _with(field: str, key: Any, change: Any) -> Any:
    trace = one_pe_trace(placement={"fc": np.ones((1, 1, 1, 1), dtype=bool)}, pe_tile=(4, 2))
    table = dict(getattr(trace, field))
    table[key] = change(table[key].copy())
    changed: dict[str, Any] = {field: table}
    return dataclasses.replace(trace, **changed)


def _set(index: tuple[int, ...], value: int) -> Any:
    def change(array: Any) -> Any:
        array[index] = value
        return array

    return change


@pytest.mark.parametrize(
    ("field", "key", "change", "law"),
    [
        (
            "counts",
            "forward_vectors",
            _set((0, 0), -1),
            "'forward_vectors' must lie in 0..9.0072e[+]15, got -1",
        ),
        ("counts", "forward_vectors", lambda a: a[0], r"must have shape \(1, 1\), got \(1,\)"),
        ("task_counts", "samples", lambda a: a[None], r"task_counts of 'samples' must have shape \(1,\)"),
        ("task_counts", "samples", lambda a: a - 3, "task_counts of 'samples' must lie in 0"),
        ("changes", KEY, _set((0, 7, 0, 2, 0), 1), "level changes must equal transitions"),
        ("codes", "fc", _set((1, 0, 2, 0), 99), "transitions must lead to the new codes"),
        ("task_counts", "optimizer_steps", lambda a: a - 1, "changed more often than there were commits"),
        ("placement", "fc", lambda a: ~a, "a frozen PE changed its codes"),
    ],
)
def test_a_broken_law_is_named(field: str, key: Any, change: Any, law: str) -> None:
    with pytest.raises(ConservationError, match=law):
        check_trace(_with(field, key, change))


def test_a_coarser_policy_must_not_change_more() -> None:
    trace = one_pe_trace()
    step: tuple[Policy, str, str] = ("step", KEY[1], "fc")
    epoch: tuple[Policy, str, str] = ("epoch", KEY[1], "fc")
    swapped, flows = dict(trace.changes), dict(trace.transitions)
    swapped[step], swapped[epoch] = swapped[epoch], swapped[step]
    flows[step], flows[epoch] = flows[epoch], flows[step]
    counts = {**trace.task_counts, "epochs": trace.task_counts["optimizer_steps"]}
    with pytest.raises(ConservationError, match="more often than under the finer policy"):
        check_trace(dataclasses.replace(trace, changes=swapped, transitions=flows, task_counts=counts))


def test_densities_and_accuracies_are_shares() -> None:
    trace = one_pe_trace()
    for field in ("input_density", "error_density"):
        wrong: Any = {field: getattr(trace, field) + 2.0}
        with pytest.raises(ConservationError, match=f"{field} must lie in 0..1"):
            check_trace(dataclasses.replace(trace, **wrong))
    for name, matrix in trace.accuracy.items():
        with pytest.raises(ConservationError, match=f"accuracy of '{name}' must lie in 0..1"):
            check_trace(dataclasses.replace(trace, accuracy={**trace.accuracy, name: matrix + 2.0}))


def test_the_verdict_stays_on_the_object_until_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[object] = []
    monkeypatch.setattr("imcsim.trace.conservation.LAWS", (seen.append,))
    trace = one_pe_trace()
    assert check_once(trace) is trace and check_once(trace) is trace
    assert seen == [trace]
    check_once(dataclasses.replace(trace, input_density=trace.input_density.copy()))
    assert len(seen) == 2
    trace.counts["forward_vectors"] = trace.counts["forward_vectors"].copy()  # type: ignore[index]
    check_once(trace)
    assert len(seen) == 3
    check_once(copy.deepcopy(trace))  # whose arrays can be written again
    assert len(seen) == 4


def test_arrays_are_read_only_once_they_are_checked() -> None:
    trace = check_once(one_pe_trace())
    for array in (trace.codes["fc"], trace.counts["forward_vectors"], trace.class_il):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_a_copy_derives_everything_anew() -> None:
    trace = one_pe_trace()
    trace.cache["profile"] = 1
    assert dataclasses.replace(trace, input_density=trace.input_density.copy()).cache == {}


READERS: dict[str, Any] = {
    "price": lambda trace, chip: price(trace, chip),
    "explain": lambda trace, chip: explain_priced(trace, chip, "energy.forward"),
    "place": lambda trace, chip: place(trace, chip.config),
    "outlook": lambda trace, chip: outlook(trace, chip),
    "wear ledger": lambda trace, chip: wear_ledger(place(trace, chip.config)),
    "levers": lambda trace, chip: compare_levers(trace, "hybrid-28nm"),
    "timeline, crash": lambda trace, chip: work_of(trace, chip.config, 0),
    "map": lambda trace, chip: task_masks(trace),
    "save": lambda trace, chip: save(trace, Path("never-written")),
}


@pytest.mark.parametrize("reader", READERS)
def test_no_reader_takes_a_trace_that_breaks_a_law(reader: str) -> None:
    trace = one_pe_trace()
    steps = dict(trace.task_counts) | {"optimizer_steps": -trace.task_counts["optimizer_steps"]}
    with pytest.raises(ConservationError, match="task_counts of 'optimizer_steps' must lie in 0"):
        READERS[reader](dataclasses.replace(trace, task_counts=steps), small_chip("hybrid-28nm"))


def test_a_network_is_rebuilt_only_from_whole_arrays() -> None:
    trace = one_pe_trace()
    wrong = dataclasses.replace(trace, codes={"fc": trace.codes["fc"].astype(float)})
    with pytest.raises(ConservationError, match="codes of 'fc' must be of integers, got float64"):
        imcsim.network_after(wrong, 0)


def scaled(name: str, factor: float, layer: int | None = None) -> Any:
    def change(trace: Trace) -> Trace:
        group = "counts" if name in trace.counts else "task_counts"
        array = getattr(trace, group)[name].copy()
        part = array if layer is None else array[:, layer]
        part[...] = (part * factor).astype(array.dtype)
        changed: dict[str, Any] = {group: dict(getattr(trace, group)) | {name: array}}
        return dataclasses.replace(trace, **changed)

    return change


@pytest.mark.parametrize(
    ("change", "law"),
    [
        (scaled("forward_vectors", 1000), "forward_vectors must be at most samples x positions"),
        (scaled("forward_vectors", 0.5), "must be samples x positions|no layer's forward_vectors|at most those"),
        (scaled("forward_vectors", 0), "no layer's forward_vectors are samples x positions"),
        (scaled("samples", 0), "a step passes at least one sample"),
        (scaled("samples", 1000), "no layer's forward_vectors are samples x positions"),
        (scaled("optimizer_steps", 0), "changed more often than there were commits"),
        (scaled("epochs", 0), "changed more often than there were commits"),
        (scaled("weight_gradient_vectors", 2, 1), "weight_gradient_vectors must be at most those that passed forward"),
        (scaled("input_gradient_vectors", 2, 1), "input_gradient_vectors must be at most those that passed forward"),
        (scaled("weight_gradient_macs", 1000), "weight_gradient_macs must be at most vectors x weights"),
        (scaled("weight_gradient_macs", 0), "weight_gradient_macs must be at least positions x updated"),
        (scaled("updated_weights", 0), "more weights changed than were updated"),
        (scaled("updated_weights", 1000), "weight_gradient_macs must be at least|updated_weights must be at most"),
        (scaled("trainable_weights", 0), "more weights changed than may"),
        (scaled("trainable_weights", 2), "more weights train than the layer has"),
        (scaled("active_weights", 2), "active_weights of layer 'a' must be those of its mask"),
        (scaled("peak_active_weights", 2), "more weights exist than the layer has"),
        (scaled("peak_active_weights", 0), "peak_active_weights must be at least active_weights"),
        (scaled("kept_elements", 1000), "kept_elements must be at most samples x input elements"),
        (scaled("peak_kept_elements", 1000), "peak_kept_elements must be at most all that was kept"),
        (scaled("peak_kept_elements", 0), "peak_kept_elements must be positive"),
    ],
)
def test_counts_are_tied_to_one_another(change: Any, law: str) -> None:
    with pytest.raises(ConservationError, match=law):
        check_trace(change(random_trace(0)))


def with_counts(**values: Any) -> Trace:
    by_layer = {name: value for name, value in values.items() if name in COUNTS}
    by_task = {name: value for name, value in values.items() if name in TASK_COUNTS}
    return random_trace(0, counts=by_layer, task_counts=by_task)


@pytest.mark.parametrize(
    ("counts", "law"),
    [
        ({"forward_vectors": [63, 16]}, "forward_vectors must be a multiple of the layer's positions"),
        ({"scoring_forward_vectors": [4, 1], "scoring_input_gradient_vectors": [0, 2]}, "more vectors back than"),
        ({"scoring_forward_vectors": [4, 1], "scoring_weight_gradient_macs": [0, 16]}, "at most vectors x weights"),
        ({"dense_gradient_macs": [0, 16 * 15 + 1]}, "dense_gradient_macs must be at most vectors x weights"),
        ({"skipped_writes": [0, 7 * 15 + 1]}, "skipped_writes must be at most steps x weights"),
        ({"closed_segments": [51, 0]}, "more column segments are closed than the layer has weights"),
        ({"relu_elements": 9, "peak_kept_bits": 10}, "peak_kept_bits must be at most all that was kept"),
        ({"replay_samples_read": 17, "replay_bytes_read": 100}, "more replay samples are read than pass"),
        ({"replay_samples_read": 0, "replay_bytes_read": 100}, "replay_bytes_read do not fit the samples read"),
        ({"replay_samples_read": 2, "replay_bytes_read": 10**6}, "replay_bytes_read do not fit the samples read"),
        ({"replay_samples_written": 99, "replay_bytes_written": 999}, "more replay samples are written than pass"),
    ],
)
def test_counts_beyond_what_can_be_are_refused(counts: dict[str, Any], law: str) -> None:
    with pytest.raises(ConservationError, match=law):
        check_trace(with_counts(**counts))


@pytest.mark.parametrize(
    "strange",
    [
        np.zeros((1, 1), object), np.full((1, 1), "a"), np.full((1, 1), np.nan), np.ones((1, 1), complex),
        None, 3, [[2]], np.ma.masked_array([[2]], [[True]]), np.zeros((0, 1), int), np.full((1, 1), 2**63, np.uint64),
        np.full((1, 1), -(2**63)), np.array([["2020"]], "M8[Y]"), np.zeros((1, 1), [("a", int)]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("field", ["counts", "task_counts", "codes", "changes", "transitions", "placement", "active",
                                   "digital", "wear_counts", "accuracy", "input_density", "work", "pulses",
                                   "half_selects"])  # fmt: skip
def test_any_array_gets_a_sentence(field: str, strange: Any) -> None:
    trace = one_pe_trace(placement={"fc": np.ones((1, 1, 1, 1), bool)}, pe_tile=(4, 2))
    value = getattr(trace, field)
    if isinstance(value, dict):
        value = {**value, next(iter(value), "dead_cells"): strange}
    changed: dict[str, Any] = {field: strange if not isinstance(value, dict) else value}
    with pytest.raises(ConservationError) as caught:
        check_trace(dataclasses.replace(trace, **changed))
    assert "no name" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("field", ["counts", "task_counts", "codes", "changes", "transitions"])
def test_no_array_is_missing_and_none_is_more(field: str) -> None:
    trace = one_pe_trace()
    table = getattr(trace, field)
    for changed in ({}, dict(list(table.items())[1:]), {**table, "lost": np.zeros(1)}, {**table, 3: np.zeros(1)}):
        change: dict[str, Any] = {field: changed}
        with pytest.raises(ConservationError, match=f"{field} of .* are missing|there are no {field} of"):
            check_trace(dataclasses.replace(trace, **change))


def test_a_huge_pe_takes_no_memory() -> None:
    trace = one_pe_trace(placement={"fc": np.ones((1, 1, 1, 1), bool)}, pe_tile=(4, 2))
    meta = trace.meta.model_copy(update={"pe_tile": (1 << 50, 1 << 50)})
    check_trace(dataclasses.replace(trace, meta=meta))


@cache
def real(method: str) -> Trace:
    """A tiny run of ``method``: a convolution network on digits, two tasks."""
    return learn(parse(LearnConfig, TINY | {"method": method}, "test"))


def zeroed(*names: str) -> Any:
    """Return an edit that makes counts 0, in all tasks and layers."""

    def edit(trace: Trace) -> Trace:
        for name in names:
            trace = scaled(name, 0)(trace)
        return trace

    return edit


def said(**header: Any) -> Any:
    return lambda trace: dataclasses.replace(trace, meta=trace.meta.model_copy(update=header))


def geometry(**fields: Any) -> Any:
    def edit(trace: Trace) -> Trace:
        first, *others = trace.meta.layers
        layers = (first.model_copy(update=fields), *others)
        return dataclasses.replace(trace, meta=trace.meta.model_copy(update={"layers": layers}))

    return edit


def configured(**fields: Any) -> Any:
    """Return an edit of the configuration whose hash is renewed."""

    def edit(trace: Trace) -> Trace:
        config = trace.meta.config | fields
        edited: Trace = said(config=config, config_hash=config_hash(config))(trace)
        return edited

    return edit


ALL = ("er", "hyb-learn", "packnet", "cpg", "rigl", "repnet", "xma2")
WEIGHTS_TRAIN = ("er", "hyb-learn", "packnet", "cpg", "rigl")  # without switched layers
REPLAY = ("er", "hyb-learn", "rigl")
BROKEN: list[tuple[Any, tuple[str, ...], str]] = [
    (zeroed("input_gradient_vectors"), ALL, "no layer that reads from it has input_gradient_vectors"),
    (zeroed("weight_gradient_vectors"), ALL, "weight_gradient"),
    (zeroed("weight_gradient_vectors"), ("packnet", "cpg"), "vectors x weights must be at least positions x updated"),
    (zeroed("updated_weights", "trainable_weights"), WEIGHTS_TRAIN, "more weights changed than may"),
    (zeroed("updated_weights"), WEIGHTS_TRAIN, "more weights changed than were updated"),
    (zeroed("replay_samples_read", "replay_bytes_read"), REPLAY, "stored and replayed, but replay_samples_read is 0"),
    (scaled("epochs", 10**6), ALL, "epochs must be those of the configuration, 2, or 0"),
    (scaled("epochs", 2), ALL, "epochs must be those of the configuration, 2, or 0"),
    (zeroed("kept_elements"), ALL, "no layer has kept_elements for their gradient|peak_kept_elements"),
    (said(task_sizes=(0, 0)), ALL, "task_sizes must be at least 1"),
    (said(seed=-1), ALL, "seed cannot be -1"),
    (said(seed=10**30), ALL, "seed must be that of config"),
    (said(method="joint"), ALL, "method must be that of config"),
    (said(batch_size=17), ALL, "batch_size must be that of config"),
    (said(input_bits=9), ALL, "input_bits must be that of config|must have shape"),
    (configured(error_bits=5), ALL, "error_bits must be that of config"),
    (configured(seed=5), ALL, "seed must be that of config"),
    (configured(epochs=3), ALL, "epochs must be those of the configuration, 3, or 0"),
    (said(config={}), ALL, "config_hash must be that of config"),
    (said(config_hash=""), ALL, "config_hash must be that of config"),
    (said(config_hash="0" * 16), ALL, "config_hash must be that of config"),
    (geometry(stride=(10**30, 1)), ALL, "kernel, stride, padding and dilation must be below 1048576"),
    (geometry(dilation=(1, 10**30)), ALL, "kernel, stride, padding and dilation must be below 1048576"),
]


@pytest.mark.parametrize("method", ALL)
def test_an_edited_run_is_refused_by_the_law_that_it_breaks(method: str) -> None:
    trace = real(method)
    check_trace(trace)
    for edit, methods, law in BROKEN:
        if method in methods:
            with pytest.raises(ConservationError, match=law) as caught:
                check_trace(edit(trace))
            assert "\n" not in str(caught.value)


def test_a_seed_without_a_configuration_is_a_count() -> None:
    with pytest.raises(ConservationError, match="seed cannot be 1000000000000000000"):
        check_trace(said(seed=10**30)(one_pe_trace()))


def test_epochs_without_a_configuration_are_at_most_steps() -> None:
    with pytest.raises(ConservationError, match="epochs must be at most steps"):
        check_trace(scaled("epochs", 10)(one_pe_trace()))


def test_a_method_that_stores_nothing_may_replay_what_it_makes() -> None:
    """Generated samples are replayed, but never read from a buffer."""
    trace = zeroed(*(f"replay_{what}_{how}" for what in ("samples", "bytes") for how in ("read", "written")))(
        real("er")
    )
    check_trace(trace)


def test_layers_may_learn_by_losses_of_their_own_if_the_method_says_so() -> None:
    trace = zeroed("input_gradient_vectors")(real("er"))
    words = {layer.name: "a loss of each layer" for layer in trace.meta.layers}
    check_trace(said(set_layers=(words,) * 2)(trace))
