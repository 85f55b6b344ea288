"""The study of headline claims, on cases small enough to check by hand."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from imcsim.chip.config import load_chip
from imcsim.chip.placed import place
from imcsim.chip.price import price
from imcsim.chip.switching import switch
from imcsim.learn.api import learn_on
from imcsim.learn.config import default_encodings
from imcsim.learn.networks import build_network
from imcsim.learn.shapes import trace_layers
from imcsim.testing.traces import linear_layer, make_trace
from studies.claims.analyse import claim_rows, published
from studies.claims.compare import COMPARISONS, WRITES, pessimistic_event_j
from studies.claims.drawings import draw_regions
from studies.claims.energy import Line, event_energy_j, least_event_j, line_of, mean_line, most_inferences, ratio
from studies.claims.findings import Finding, reached
from studies.claims.freezing import all_but_first, backward_less, freezing_rows, needed_share, prefix, stream_factor
from studies.claims.geometry import NETWORKS, column_segments, convolutions, kernels, mask_rows
from studies.claims.memory import LEARNERS, activation_bytes, memory_rows, parameter_bytes
from studies.claims.sparse_flops import rule_rows
from studies.claims.zeroing import KINDS, kinds, zeroing_rows
from tests.learn.helpers import tiny_config, tiny_net, tiny_stream

BASE, METHOD = Line(4e-6, 1e4, 5e-7), Line(1e-8, 0.0, 5e-7)


def test_segments_of_known_networks() -> None:
    counted = {name: [column_segments(convolutions(name), rows) for rows in (64, 128, 256)] for name in NETWORKS}
    assert counted == {"resnet18": [174_400, 87_488, 44_480], "resnet50": [366_528, 183_936, 93_888]}
    assert [kernels(convolutions(name)) for name in NETWORKS] == [1_392_832, 13_385_920]


def test_a_mask_of_columns_costs_bits_over_rows_and_a_little_for_tiles_that_are_not_full() -> None:
    for row in mask_rows():
        assert row["pure"] <= row["share"] < 1.06 * row["pure"]
        assert row["saved"] == 1 - row["share"]
    shares = {(row["network"], row["rows"], row["bits"]): row["share"] for row in mask_rows()}
    assert [r for r in (32, 64, 72, 96, 128, 256) if round(shares["resnet18", r, 1], 3) == 0.014] == [72]


def test_a_line_is_what_pricing_charges_at_any_write_energy() -> None:
    trace = learn_on(tiny_config(method="piggyback", method_config={"learning_rate": 0.01}), tiny_net(), tiny_stream())
    sets = {"rram.pe_count": 64, "array.rows": 4, "array.cols": 16, "rram.adc_bits": 8}
    chips = [load_chip("all-rram-28nm", sets | {"rram.cell.reset_energy_j": joules}) for joules in (3e-11, 3e-10)]
    events = [event_energy_j(chip.config) for chip in chips]
    reports = [price(trace, chip) for chip in chips]
    for account in ("switch", "training"):
        switches = [switch(place(trace, chip.config)) for chip in chips]
        both = [line_of(r, s, e, account) for r, s, e in zip(reports, switches, events, strict=True)]
        assert both[0].events == pytest.approx(both[1].events) and both[0].events > 0
        assert both[0].energy_j(events[1], 7) == pytest.approx(both[1].energy_j(events[1], 7), rel=1e-9)
        later = sum(tree.total for tree in reports[1].energy_by_task[1:]) if account == "training" else 0.0
        spent = later + reports[1].task_switch.total + 7 * reports[1].inference.total
        assert both[0].energy_j(events[1], 7) == pytest.approx(spent, rel=1e-9)


def test_where_a_claim_turns_is_where_the_ratio_is_the_claim() -> None:
    n = most_inferences(BASE, METHOD, 2.0, 1e-10)
    assert n == pytest.approx((4e-6 + 1e-6 - 2e-8) / 5e-7)
    assert ratio(BASE, METHOD, np.array([1e-10]), np.array([n])) == pytest.approx([2.0])
    event = least_event_j(BASE, METHOD, 2.0, 1000)
    assert ratio(BASE, METHOD, np.array([event]), np.array([1000.0])) == pytest.approx([2.0])


def test_claims_that_are_true_everywhere_or_nowhere() -> None:
    assert most_inferences(METHOD, BASE, 2.0, 1e-10) == 0.0
    assert most_inferences(BASE, METHOD, 1.0, 1e-10) == math.inf  # inferences cost the same, the switch less
    assert least_event_j(METHOD, BASE, 2.0, 10) == math.inf
    assert least_event_j(BASE, METHOD, 2.0, 0) == 0.0
    assert mean_line([BASE, Line(0.0, 0.0, 0.0)]).events == BASE.events / 2
    with pytest.raises(ValueError, match="charges each event alike"):
        event_energy_j(load_chip("all-sram-28nm").config)


def test_kinds_of_changed_weights_by_hand() -> None:
    codes = np.array([[5, 5, 5, 5, 0], [5, 3, 0, 5, 0], [0, 3, 2, 0, 0], [5, 0, 4, 7, 0]])
    found = kinds(codes)
    assert {kind: found[kind].tolist() for kind in KINDS} == {
        "zeroed": [False, True, False, False, False],
        "brought back": [True, False, False, False, False],  # 5 served the first task
        "written": [False, False, True, True, False],
    }


def test_cells_and_joules_of_zeroing_by_hand() -> None:
    specs = [linear_layer("fc", 2, 1), linear_layer("head", 1, 1)]
    first, second = np.array([[[3], [1]]]), np.array([[[0], [2]]])
    head = np.array([[[1]]])
    history = {"fc": [[[first]], [[second]]], "head": [[[head]], [[2 * head]]]}
    trace = make_trace(specs, {"fc": first, "head": head}, history, default_encodings(8))
    chip = load_chip("all-rram-28nm").config
    (row,) = zeroing_rows("cpg", [trace], chip)
    assert [row[f"{kind} cells"] for kind in KINDS] == [1, 0, 1]  # the classifier does not count
    assert row["zeroed J, flat"] == row["written J, flat"] == pytest.approx(event_energy_j(chip))
    assert row["columns off spare, flat"] == pytest.approx(2.0)
    # 40 -> 1 uS: harmonic mean 80/41, four RESET pulses at 1.5 V; 14 -> 27 uS: 756/41, two SET ones at 1.75 V. Closing
    # a cell is cheap by this rule.
    assert row["columns off spare, harmonic"] == pytest.approx(1 + (80 * 4 * 1.5**2) / (756 * 2 * 1.75**2))


def test_scattered_freezing_by_hand() -> None:
    layers = [linear_layer(str(i), 10, 10) for i in range(3)]
    assert backward_less(layers, {"0": True, "1": False, "2": False}) == pytest.approx(500 / 300)
    assert backward_less(layers, prefix(layers, 2)) == pytest.approx(500 / 100)
    assert backward_less(layers, all_but_first(layers)) < 2
    assert stream_factor(2.0, 5) == pytest.approx(5 / 3)
    assert round(needed_share(0.315, 5), 2) == 0.79 and round(needed_share(0.315, 20), 2) == 0.66


def test_no_draw_beats_the_bound() -> None:
    layers = [linear_layer(str(i), 10, 10 * (i + 1)) for i in range(6)]
    for row in freezing_rows(layers):
        assert row["scattered_random_best"] <= row["scattered_bound_stream"] < 2


def test_memory_of_a_trace_by_hand() -> None:
    spec, codes = linear_layer("fc", 4, 2), np.zeros((1, 4, 2), dtype=np.int64)
    counts = {"peak_kept_elements": 10, "peak_kept_bits": 16, "digital_parameters": 2, "optimizer_state_values": 3}
    trace = make_trace([spec], {"fc": codes}, {"fc": [[[codes]]]}, default_encodings(8),
                       counts={"trainable_weights": 6}, task_counts=counts)  # fmt: skip
    assert activation_bytes(trace) == 4 * 10 + 2
    assert parameter_bytes(trace) == 4 * (6 + 2) + 2
    assert parameter_bytes(trace, state=True) == 4 * (6 + 2 + 3) + 2


def test_adding_keeps_less_than_multiplying() -> None:
    chosen = [one for one in LEARNERS if one.label == "finetune" or one.label.endswith("pool 4, squeeze 4")]
    rows = {row["learner"]: row for row in memory_rows(tuple(chosen))}
    full, twin = rows["finetune"], rows["da3 multiplicative, pool 4, squeeze 4"]
    assert full["activations_less"] == full["total_less"] == 1
    extra = twin["kept_elements"] - rows["da3 additive, pool 4, squeeze 4"]["kept_elements"]
    (layers,) = [trace_layers(build_network("resnet18", 10, (3, 32, 32), {"width": 16}, 0), (3, 32, 32))]
    outputs = [spec.output_elements for spec in layers if spec.kind == "conv2d"]
    # f (1 + a): f for the gradient of a, 1 + a for that of f, which the first convolution, frozen, has none of
    assert extra == full["batch"] * (2 * sum(outputs) - outputs[0])


def test_the_rule_gives_the_published_cells() -> None:
    layers = trace_layers(build_network("resnet18", 10, (3, 32, 32), {}, 0), (3, 32, 32))
    factors = {(row["base"], row["sparsity"]): row["factor_paper"] for row in rule_rows(layers)}
    assert round(13.89 / factors["derpp", 0.75], 2) == 2.60
    assert round(13.89 / factors["derpp", 0.95], 1) == round(0.6, 1)
    assert 21 < factors["derpp", 0.95] < 23.2


def test_only_verified_values_stand_as_published() -> None:
    claims = published()
    assert len({row["key"] for row in claims}) == len(claims)
    for row in claims:
        assert row["mark"] in ("verified", "derived", "unknown") and row["source"]
        assert (row["published"] is None) == (row["mark"] == "unknown")
    assert {wanted.claim for wanted in COMPARISONS} <= {row["key"] for row in claims}


def test_the_table_says_whether_a_claim_is_reached() -> None:
    assert [reached("xbm-mask", x, 0.014) for x in (0.0139, 0.0156)] == ["yes", "no"]
    assert [reached("xma-energy", x, 4.3) for x in (4.4, 1.0)] == ["yes", "no"]
    assert reached("ksm-mask", 0.5, None) is None and reached("xma-accuracy", 5.0, 3.19) is None
    rows = claim_rows(published(), [Finding("xma-energy", 5.0, 0.1, "here", "there", "elsewhere")])
    by: Mapping[str, Any] = {row["key"]: row for row in rows}
    assert by["xma-energy"]["reached"] == "yes" and by["xma-energy"]["breaks_where"] == "elsewhere"
    assert len(rows) == len(published()) and "measured" not in by["xbm-mask"]


def test_the_figure_draws_the_claim_and_says_where_it_is_never_true() -> None:
    assert min(WRITES.values()) < event_energy_j(load_chip("all-rram-28nm").config) < pessimistic_event_j()
    rows = []
    for wanted in COMPARISONS:
        method = Line(0.9 * BASE.fixed_j, BASE.events, BASE.inference_j) if wanted.account == "training" else METHOD
        sides = {"base": BASE, "method": method}
        rows.append(
            {"claim": wanted.claim, "base": wanted.base, "account": wanted.account, "chip": wanted.chip}
            | {"target": wanted.target, "event_j": 2e-10}
            | {f"{side}_{part}": getattr(one, part) for side, one in sides.items()
               for part in ("fixed_j", "events", "inference_j")}
        )  # fmt: skip
    axes = draw_regions(rows).axes
    assert axes[0].get_title() == "XBM against Piggyback: 1.67x (40 %)\nswitch, inferences\nall-rram-28nm"
    assert [text.get_text() for axis in axes for text in axis.texts] == ["true nowhere here"] * 4
