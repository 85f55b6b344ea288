"""Every leaf is the sum of amounts times units, exactly, and the values that are named are those that move it."""

from collections.abc import Mapping
from typing import Any

import pytest

from imcsim.chip import load_chip, price
from imcsim.chip.charged import SI_UNITS
from imcsim.chip.explain import Term, explain_priced
from imcsim.core.cost import Breakdown
from imcsim.core.errors import ConfigError
from imcsim.trace import Trace
from tests.chip.hand import one_pe_trace, random_trace, small_chip

CHIPS = ("hybrid-28nm", "all-rram-28nm", "all-sram-28nm")
GRADIENTS = ("transposable", "second-copy", "digital")
BUSY: dict[str, Any] = {
    "scoring_forward_vectors": [8, 4],
    "scoring_input_gradient_vectors": [0, 4],
    "scoring_weight_gradient_macs": [300, 60],
    "dense_gradient_macs": [11, 7],
}
BUSY_TASK = {
    "mask_bits": 40, "replay_samples_read": 2, "replay_bytes_read": 64, "replay_samples_written": 1,
    "replay_bytes_written": 8, "scoring_bytes": 16, "scoring_macs": 5,
    "relu_elements": 70, "other_kept_elements": 10**9, "digital_parameters": 3, "optimizer_state_values": 68,
    "peak_kept_elements": 10**9, "peak_kept_bits": 5,
}  # fmt: skip
PLAN = {"topology": "mesh", "pes_per_router": 2}


def terms_of(tree: str, trace: Trace, chip: Any) -> Mapping[str, tuple[Term, ...]]:
    """Return the terms of each leaf of ``tree``, by its path in it."""
    return {found.path.partition(".")[2]: found.terms for found in explain_priced(trace, chip, tree)}


def busy_trace(seed: int) -> Trace:
    """A trace in which every count that can be charged is charged."""
    trace = random_trace(seed, task_counts=BUSY_TASK)
    for name, value in BUSY.items():
        trace.counts[name][:] = value
    return trace  # never priced yet: its arrays can still be written


def chip_of(name: str, **more: Any) -> Any:
    room = {part: 64 for part in ("rram.pe_count", "sram.pe_count") if part[:4] in name or "hybrid" in name}
    return small_chip(name, room | more)


def check_every_leaf(trace: Trace, chip: Any) -> None:
    """Each leaf of each tree has terms that sum to it, and they name values that the chip has."""
    report = price(trace, chip)
    for tree in SI_UNITS:
        leaves, terms = getattr(report, tree).flat(), terms_of(tree, trace, chip)
        assert set(terms) == set(leaves)
        for leaf, parts in terms.items():
            total = sum(term.amount * term.each for term in parts)
            assert total == pytest.approx(leaves[leaf], rel=1e-12, abs=0.0), (tree, leaf)
            assert parts
            for term in parts:
                assert set(term.origins) <= set(chip.origins), (tree, leaf)
                counts = (*trace.counts, *trace.task_counts, *trace.wear_counts, *trace.work)
                known = (*counts, "codes", "changes", "transitions",
                         "placement", "layers", "input_density", "error_density")  # fmt: skip
                assert set(term.fields) <= set(known), (tree, leaf)


@pytest.mark.parametrize("dac_bits", [1, 3])
@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("name", CHIPS)
def test_every_leaf_is_explained_exactly(name: str, gradient: str, dac_bits: int) -> None:
    check_every_leaf(busy_trace(1), chip_of(name, input_gradient=gradient, dac_bits=dac_bits))


@pytest.mark.parametrize("name", CHIPS)
def test_every_leaf_of_the_shipped_chips_is_explained(name: str) -> None:
    check_every_leaf(busy_trace(5), load_chip(name))


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("all-sram-28nm", {"sram.pe_count": 3, "oversize": "multiplex"}),
        ("all-sram-28nm", {"sram.pe_count": 7, "oversize": "multiplex", "input_gradient": "second-copy"}),
        ("all-sram-28nm", {"weight_gradient": "sram-array"}),
        ("hybrid-28nm", {"weight_gradient": "sram-array", "skip_masked_gradients": False, "power_gate_unused": False}),
        ("hybrid-28nm", {"charge_migration": False}),
        ("hybrid-28nm", {"commit": "lazy"}),
        ("hybrid-28nm", {"sram.pe_count": 5, "rram.write_rule": "harmonic"}),
        ("all-rram-28nm", {"rram.write_rule": "arithmetic", "rram.write_policy": "epoch"}),
        ("all-rram-28nm", {"floor_plan": PLAN, "input_gradient": "second-copy"}),
        ("hybrid-28nm", {"floor_plan": {"topology": "h-tree", "pes_per_router": 3}}),
    ],
)
def test_every_leaf_of_other_chips_is_explained(name: str, more: dict[str, Any]) -> None:
    check_every_leaf(busy_trace(7), chip_of(name, **more))


@pytest.mark.parametrize("name", CHIPS)
def test_an_image_on_gated_columns_is_explained(name: str) -> None:
    trace = busy_trace(3)
    trace.counts["closed_segments"][:] = 1
    gated, open_ = (chip_of(name, gate_columns=gates) for gates in (True, False))
    check_every_leaf(trace, gated)
    assert price(trace, gated).inference.total < price(trace, open_).inference.total


@pytest.mark.parametrize("name", CHIPS)
@pytest.mark.parametrize("rule", ["flat", "harmonic"])
def test_pes_that_leave_sram_late_are_explained(name: str, rule: str) -> None:
    from tests.chip.test_training_costs import resting_trace

    more = {"commit": "lazy"} if name == "hybrid-28nm" else {}
    rules = {} if name == "all-sram-28nm" else {"rram.write_rule": rule}
    check_every_leaf(resting_trace(3), chip_of(name, **more, **rules))


@pytest.mark.parametrize("model", ["macro-fit", "neurosim", "survey", "neurosim-mlsa", "table"])
def test_every_converter_model_is_explained(model: str) -> None:
    component = {"neurosim-mlsa": "adc-neurosim-22nm", "table": "adc-mnsim"}.get(model, "adc-28nm")
    converter = {"rram.adc": component, "rram.adc.model": model, "rram.adc_bits": 8, "rram.transposed_adc_bits": 0}
    trace, chip = busy_trace(2), chip_of("hybrid-28nm", **{**converter, "input_gradient": "digital"})
    check_every_leaf(trace, chip)
    (term,) = terms_of("energy", trace, chip_of("all-rram-28nm", **converter))["forward.rram.adc"]
    assert any(path.startswith(f"rram.adc.{model.replace('-', '_')}.") for path in term.origins)


def test_the_traces_are_busy_enough_to_charge_what_is_explained() -> None:
    charged = set()
    for name in CHIPS:
        for gradient in GRADIENTS:
            terms = terms_of("energy", busy_trace(1), chip_of(name, input_gradient=gradient))
            charged |= {leaf for leaf, parts in terms.items() if any(term.amount > 0 for term in parts)}
    assert len(charged) > 60
    assert {
        "forward.rram.cells", "scoring.forward.sram.adder_tree", "masks.read", "dram.activations",
        "update.rram_program", "migration.rram_program", "migration.rram_read", "input_gradient.read_out",
        "scoring.input_gradient.sram_read",
    } <= charged  # fmt: skip


def test_there_is_an_explanation_of_every_tree_of_a_report() -> None:
    report = price(one_pe_trace(), chip_of("hybrid-28nm"))
    trees = {name for name, value in vars(report).items() if isinstance(value, Breakdown)}
    assert trees == set(SI_UNITS)


def test_conversions_by_hand() -> None:
    # one 4 x 2 layer in one PE of 4 x 16 cells, differential, 2 bits a cell: 4 pairs of columns a weight; 8 phases
    trace = one_pe_trace(counts={"forward_vectors": [5]})
    (term,) = terms_of("energy", trace, chip_of("all-rram-28nm"))["forward.rram.adc"]
    assert term.amount == 5 * 8 * 8
    assert term.fields == ("forward_vectors",)


def test_programming_by_hand() -> None:
    # steps: 0 -> 1 (one event up), 1 -> 4 (digit 0 from 1 to 0, digit 1 from 0 to 1), -1 -> 1 (one down, one up)
    trace = one_pe_trace()
    (flat,) = terms_of("energy", trace, chip_of("all-rram-28nm"))["update.rram_program"]
    assert flat.amount == 5
    harmonic = chip_of("all-rram-28nm", **{"rram.write_rule": "harmonic"})
    pairs = terms_of("energy", trace, harmonic)["update.rram_program"]
    assert {term.amount_of: term.amount for term in pairs} == {
        "programming events from level 0 to 1": 3, "programming events from level 1 to 0": 2,
    }  # fmt: skip


def test_whole_pes_are_read_row_by_row() -> None:
    # one PE of 4 rows x 8 pairs of columns arrives in SRAM: 64 cells of 1 uS, 20 levels of 13 uS among them
    terms = terms_of("energy", one_pe_trace(), chip_of("hybrid-28nm"))["migration.rram_read"]
    assert [(term.amount_of, term.amount) for term in terms] == [
        ("siemens read", pytest.approx(64 * 1e-6 + 20 * 13e-6)), ("conversions", 32), ("rows driven", 4),
    ]  # fmt: skip


def test_a_pipeline_is_the_slowest_layer_and_one_vector_of_each_other() -> None:
    # layer a: 64 vectors, b: 16; 3 tasks of 6 steps fill the pipeline with one vector of b each
    terms = terms_of("latency", random_trace(1), chip_of("all-rram-28nm"))["forward"]
    assert [term.amount for term in terms] == [3 * 64, 3 * 6]
    assert terms[0].each == terms[1].each


@pytest.mark.parametrize(
    "leaf", ["forward.rram.adc", "forward.rram.driver", "input_gradient.rram.cells", "link.forward",
             "update.rram_program"]
)  # fmt: skip
def test_values_that_are_named_move_the_leaf_and_others_do_not(leaf: str) -> None:
    trace = busy_trace(3)
    chip = chip_of("all-rram-28nm")
    before, (term,) = price(trace, chip).energy.flat()[leaf], terms_of("energy", trace, chip)[leaf]
    for path in ("supply_v", "driver.wire_capacitance_per_cell_f", "rram.adc.macro_fit.linear_f", "link.hops",
                 "rram.cell.read_voltage_v", "rram.cell.set_energy_j", "rram.cell.verify_energy_j",
                 "mac.vector_energy_j", "shift_add.energy_j", "dram.energy_j"):  # fmt: skip
        changed = chip_of("all-rram-28nm", **{path: 1.5 * _value(chip.config, path)})
        moves = price(trace, changed).energy.flat()[leaf] != pytest.approx(before, rel=1e-9)
        assert moves == (path in term.origins)


@pytest.mark.parametrize("tree", ["latency", "area"])
def test_values_named_for_time_and_area_move_the_total(tree: str) -> None:
    trace, chip = busy_trace(3), chip_of("hybrid-28nm")
    before = getattr(price(trace, chip), tree).flat()
    named = {
        leaf: {path for term in parts for path in term.origins} for leaf, parts in terms_of(tree, trace, chip).items()
    }
    for path in ("clock_hz", "mac.macs_per_s", "rram.cell.read_time_s", "rram.cell.pulse_time_s", "rram.cell.area_f2",
                 "sram.cell.write_time_s", "driver.area_per_row_m2", "shift_add.area_m2", "mac.area_m2",
                 "dram.bandwidth_bits_per_s", "sram.adder_tree.full_adder_area_m2"):  # fmt: skip
        after = getattr(price(trace, chip_of("hybrid-28nm", **{path: 0.5 * _value(chip.config, path)})), tree).flat()
        moved = {leaf for leaf in before if after[leaf] != pytest.approx(before[leaf], rel=1e-9)} - {"buffer"}
        assert moved <= {leaf for leaf, paths in named.items() if path in paths}, path


def _value(config: Any, path: str) -> float:
    for part in path.split("."):
        config = getattr(config, part)
    return float(config)


def test_links_say_their_hops() -> None:
    trace = busy_trace(8)
    (plain,) = terms_of("energy", trace, chip_of("all-sram-28nm"))["link.forward"]
    assert "the link's mean hops" in plain.amount_formula
    assert "link.hops" in plain.origins
    (planned,) = terms_of("energy", trace, chip_of("all-sram-28nm", floor_plan=PLAN))["link.forward"]
    assert "hops of its layer on the floor plan (" in planned.amount_formula
    assert {"floor_plan.topology", "floor_plan.pes_per_router"} <= set(planned.origins)
    assert "link.hops" not in planned.origins


def test_a_path_means_a_leaf_a_branch_or_a_leaf_with_inner_names_left_out() -> None:
    trace, chip = busy_trace(4), chip_of("hybrid-28nm")

    def paths(path: str) -> list[str]:
        return [explanation.path for explanation in explain_priced(trace, chip, path)]

    assert paths("energy.forward.rram.adc") == paths("energy.forward.adc") == ["energy.forward.rram.adc"]
    assert paths("energy.forward.driver") == ["energy.forward.rram.driver", "energy.forward.sram.driver"]
    assert set(paths("energy.masks")) == {"energy.masks.write", "energy.masks.read"}
    assert paths("latency.update") == ["latency.update"]
    assert paths("area.sram.adder_tree") == ["area.sram.adder_tree"]
    report = price(trace, chip)
    for tree in SI_UNITS:
        assert len(paths(tree)) == len(getattr(report, tree).leaves)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("energy.forward.adcs", "no part of the energy of hybrid-28nm is called"),
        ("energy.adc", "no part of the energy of hybrid-28nm is called"),
        ("energy.update.sram_write.x", "no part of the energy of hybrid-28nm is called"),
        ("latency.forwrd", "no part of the latency of hybrid-28nm is called"),
        ("power.forward", "no priced number is called 'power.forward'; the trees are energy, latency, area"),
    ],
)
def test_a_path_without_a_leaf_is_refused(path: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        explain_priced(busy_trace(4), chip_of("hybrid-28nm"), path)
