"""Every explained leaf is its amount times its unit, exactly, and the values it names are those that move it."""

from typing import Any

import pytest

from imcsim.chip import load_chip, price
from imcsim.chip.explain import explain_energy, explained_leaves
from imcsim.core.errors import ConfigError
from imcsim.trace import Trace
from tests.chip.hand import one_pe_trace, random_trace, small_chip

CHIPS = ("hybrid-28nm", "all-rram-28nm", "all-sram-28nm")
GRADIENTS = ("transposable", "second-copy", "digital")
EXPLAINED_BY_NOTHING_YET = {
    "update.rram_program", "migration.rram_program", "migration.rram_read",
    "input_gradient.read_out", "input_gradient.sram_read", "scoring.input_gradient.read_out",
    "scoring.input_gradient.sram_read",
}  # fmt: skip
BUSY: dict[str, Any] = {
    "scoring_forward_vectors": [8, 4],
    "scoring_input_gradient_vectors": [0, 4],
    "scoring_weight_gradient_macs": [300, 60],
    "dense_gradient_macs": [11, 7],
}
BUSY_TASK = {
    "mask_bits": 40, "replay_bytes_read": 64, "replay_bytes_written": 8, "scoring_bytes": 16, "scoring_macs": 5,
    "relu_elements": 70, "other_kept_elements": 9, "digital_parameters": 3, "optimizer_state_values": 68,
    "peak_kept_elements": 10**9, "peak_kept_bits": 5,
}  # fmt: skip


def busy_trace(seed: int) -> Trace:
    """A trace in which every count that can be charged is charged."""
    trace = random_trace(seed, task_counts=BUSY_TASK)
    for name, value in BUSY.items():
        trace.counts[name][:] = value
    return trace


def chip_of(name: str, **more: Any) -> Any:
    room = {part: 64 for part in ("rram.pe_count", "sram.pe_count") if part[:4] in name or "hybrid" in name}
    return small_chip(name, room | more)


@pytest.mark.parametrize("dac_bits", [1, 3])
@pytest.mark.parametrize("gradient", GRADIENTS)
@pytest.mark.parametrize("name", CHIPS)
def test_explained_leaves_are_exact_and_the_others_are_known(name: str, gradient: str, dac_bits: int) -> None:
    trace, chip = busy_trace(1), chip_of(name, input_gradient=gradient, dac_bits=dac_bits)
    leaves, terms = price(trace, chip).energy.flat(), explained_leaves(trace, chip)
    assert set(terms) <= set(leaves)
    for leaf, term in terms.items():
        assert term.amount * term.unit_j == pytest.approx(leaves[leaf], rel=1e-12, abs=0.0)
        assert set(term.parameters) <= set(chip.origins)
    unexplained = {leaf for leaf, joules in leaves.items() if leaf not in terms and joules > 0}
    assert unexplained <= EXPLAINED_BY_NOTHING_YET


@pytest.mark.parametrize("model", ["macro-fit", "neurosim", "survey", "neurosim-mlsa", "table"])
def test_every_converter_model_is_explained(model: str) -> None:
    component = {"neurosim-mlsa": "adc-neurosim-22nm", "table": "adc-mnsim"}.get(model, "adc-28nm")
    trace, chip = busy_trace(2), chip_of("all-rram-28nm", **{"rram.adc": component, "rram.adc.model": model})
    term = explained_leaves(trace, chip)["forward.rram.adc"]
    assert term.amount * term.unit_j == pytest.approx(price(trace, chip).energy.flat()["forward.rram.adc"], rel=1e-12)
    assert any(path.startswith(f"rram.adc.{model.replace('-', '_')}.") for path in term.parameters)


def test_the_trace_is_busy_enough_to_charge_what_is_explained() -> None:
    charged = set()
    for name in CHIPS:
        for gradient in GRADIENTS:
            terms = explained_leaves(busy_trace(1), chip_of(name, input_gradient=gradient))
            charged |= {leaf for leaf, term in terms.items() if term.amount > 0}
    assert len(charged) > 60
    assert {"forward.rram.cells", "scoring.forward.sram.adder_tree", "masks.read", "dram.activations"} <= charged


def test_conversions_by_hand() -> None:
    # one 4 x 2 layer in one PE of 4 x 16 cells, differential, 2 bits a cell: 8 columns a weight; 8 phases a vector
    trace = one_pe_trace(counts={"forward_vectors": [5]})
    term = explained_leaves(trace, chip_of("all-rram-28nm"))["forward.rram.adc"]
    assert term.amount == 5 * 16 * 8
    assert term.fields == ("forward_vectors",)


@pytest.mark.parametrize(
    "leaf", ["forward.rram.adc", "forward.rram.driver", "input_gradient.rram.cells", "link.forward"]
)
def test_values_that_are_named_move_the_leaf_and_others_do_not(leaf: str) -> None:
    trace = busy_trace(3)
    chip = chip_of("all-rram-28nm")
    before, term = price(trace, chip).energy.flat()[leaf], explained_leaves(trace, chip)[leaf]
    for path in ("supply_v", "driver.wire_capacitance_per_cell_f", "rram.adc.macro_fit.linear_f", "link.hops",
                 "rram.cell.read_voltage_v", "mac.vector_energy_j", "shift_add.energy_j", "dram.energy_j"):  # fmt: skip
        changed = chip_of("all-rram-28nm", **{path: 1.5 * _value(chip.config, path)})
        moves = price(trace, changed).energy.flat()[leaf] != pytest.approx(before, rel=1e-9)
        assert moves == (path in term.parameters)


def _value(config: Any, path: str) -> float:
    for part in path.split("."):
        config = getattr(config, part)
    return float(config)


def test_a_path_means_a_leaf_a_branch_or_a_leaf_with_inner_names_left_out() -> None:
    trace, chip = busy_trace(4), chip_of("hybrid-28nm")

    def paths(path: str) -> list[str]:
        return [explanation.path for explanation in explain_energy(trace, chip, path)]

    assert paths("energy.forward.rram.adc") == paths("energy.forward.adc") == ["energy.forward.rram.adc"]
    assert paths("energy.forward.shift_add") == ["energy.forward.rram.shift_add", "energy.forward.sram.shift_add"]
    assert set(paths("energy.masks")) == {"energy.masks.write", "energy.masks.read"}
    assert len(paths("energy")) == len(price(trace, chip).energy.leaves)


@pytest.mark.parametrize("path", ["energy.forward.adcs", "energy.adc", "latency.forward", "energy.update.sram_write.x"])
def test_a_path_without_a_leaf_is_refused_with_the_nearest(path: str) -> None:
    with pytest.raises(ConfigError, match="no part of the energy of hybrid-28nm is called"):
        explain_energy(busy_trace(4), chip_of("hybrid-28nm"), path)


def test_what_is_not_explained_comes_without_a_term() -> None:
    (found,) = explain_energy(busy_trace(4), chip_of("hybrid-28nm"), "energy.migration.rram_program")
    assert found.term is None
    assert found.energy_j > 0


def test_shipped_chips_have_every_value_that_is_named() -> None:
    for name in CHIPS:
        chip = load_chip(name, {"rram.pe_count": 4096} if name != "all-sram-28nm" else {"sram.pe_count": 4096})
        for term in explained_leaves(busy_trace(5), chip).values():
            assert set(term.parameters) <= set(chip.origins)


@pytest.mark.parametrize("gated", [True, False])
@pytest.mark.parametrize("where", ["digital", "sram-array"])
def test_leakage_is_explained_with_and_without_power_gates(gated: bool, where: str) -> None:
    trace, chip = busy_trace(6), chip_of("all-sram-28nm", power_gate_unused=gated, weight_gradient=where)
    term, leaves = explained_leaves(trace, chip)["leakage.sram"], price(trace, chip).energy.flat()
    assert term.amount * term.unit_j == pytest.approx(leaves["leakage.sram"], rel=1e-12, abs=0.0)
    assert leaves["leakage.sram"] > 0


def test_the_shares_of_a_sram_array_that_computes_gradients_are_not_explained_yet() -> None:
    found = explain_energy(
        busy_trace(6), chip_of("all-sram-28nm", weight_gradient="sram-array"), "energy.weight_gradient"
    )
    assert {explanation.path.rpartition(".")[2] for explanation in found} == {"adder_tree", "shift_add", "array_write"}
    assert all(explanation.term is None for explanation in found)


def test_a_network_larger_than_the_chip_is_explained_but_for_its_reloads() -> None:
    trace, chip = busy_trace(7), small_chip("all-sram-28nm", {"sram.pe_count": 3, "oversize": "multiplex"})
    leaves, terms = price(trace, chip).energy.flat(), explained_leaves(trace, chip)
    for leaf, term in terms.items():
        assert term.amount * term.unit_j == pytest.approx(leaves[leaf], rel=1e-12, abs=0.0)
    unexplained = {leaf for leaf in leaves if leaf not in terms and leaves[leaf] > 0}
    assert unexplained
    assert all(leaf.startswith("reload.") for leaf in unexplained)
