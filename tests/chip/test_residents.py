"""Layers that stay in the SRAM of a hybrid: nothing of them is committed to RRAM or served from it."""

from dataclasses import replace

import numpy as np
import pytest

import imcsim
from imcsim.chip.config import ChipConfig, load_chip
from imcsim.chip.explain import explain_priced
from imcsim.chip.placed import place
from imcsim.chip.serving_place import serving_in_sram
from imcsim.chip.switching import switch
from imcsim.core.sources import Resolved
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace.trace import Trace

LAYERS = [linear_layer("back", 2, 1), linear_layer("side", 2, 1)]


def _trace(chip: Resolved[ChipConfig], resident: tuple[str, ...] = ("side",)) -> Trace:
    """Three tasks: ``back`` trains in the first alone, ``side`` in the others."""
    config = chip.config
    back = [np.array([[[a], [3]]]) for a in (0, 5, 5, 5)]
    side = [np.array([[[a], [0]]]) for a in (0, 0, 1, 2)]
    history = {"back": [[[code]] for code in back[1:]], "side": [[[code]] for code in side[1:]]}
    geometries = [g for g in (config.rram_geometry, config.sram_geometry) if g is not None]
    placed = {
        name: np.array(trains)[:, None, None, None]
        for name, trains in (("back", [True, False, False]), ("side", [False, True, True]))
    }
    tile = (config.geometry.weight_rows, config.geometry.weight_cols)
    trace = make_trace(
        LAYERS, {"back": back[0], "side": side[0]}, history, [g.encoding for g in geometries],
        counts={}, task_counts={"mask_bits": 16}, placement=placed, pe_tile=tile,
    )  # fmt: skip
    meta = trace.meta.model_copy(update={"switched_layers": ("side",), "resident_layers": resident})
    return replace(trace, meta=meta)


def test_residents_are_in_sram_all_the_time_and_have_no_home() -> None:
    chip = load_chip("hybrid-28nm")
    trace = _trace(chip)
    where = place(trace, chip.config).where
    assert where.within(volatile=True).tolist() == [[True, True], [False, True], [False, True]]
    assert where.homed_training.tolist() == [[True, False], [False, False], [False, False]]
    assert where.arriving.tolist() == [[True, False], [False, False], [False, False]]


def test_a_hybrid_commits_the_backbone_alone() -> None:
    chip = load_chip("hybrid-28nm")
    with_home, resident = (imcsim.price(_trace(chip, names), chip) for names in ((), ("side",)))
    assert resident.writes["rram"].per_task[1:] == (0, 0)
    assert resident.writes["rram"].per_task[0] == with_home.writes["rram"].per_task[0] > 0
    assert all(events > 0 for events in with_home.writes["rram"].per_task[1:])


def test_residents_are_served_from_sram() -> None:
    chip = load_chip("hybrid-28nm")
    for served in serving_in_sram(_trace(chip), chip.config):
        assert served["side"].all()
        assert not served["back"].any()


def test_a_switch_rewrites_sram_on_the_hybrid_and_rram_without_it() -> None:
    hybrid, rram = load_chip("hybrid-28nm"), load_chip("all-rram-28nm")
    there = switch(place(_trace(hybrid), hybrid.config))
    # offset binary 1 <-> 2 differs in two bits, 0 <-> 1 in one: the pairs are tasks (0, 1) and (1, 2)
    assert (there.nonvolatile_cells, there.volatile_cells) == (0.0, 1.5)
    assert "weights_dram" not in {charge.leaf for charge in there.charges}  # they are among the mask bits
    elsewhere = switch(place(_trace(rram), rram.config))
    assert elsewhere.volatile_cells == 0
    assert elsewhere.nonvolatile_cells == 1.0


def test_a_power_up_loads_residents_from_dram() -> None:
    chip = load_chip("hybrid-28nm")
    config = chip.config
    assert config.sram is not None
    report = imcsim.price(_trace(chip), chip)
    by_hand = 2 * 8 * config.dram.energy_j + 2 * 8 * config.sram.cell.write_energy_j
    assert report.power_up.total == pytest.approx(by_hand, rel=1e-12)


@pytest.mark.parametrize("name", ["hybrid-28nm", "all-rram-28nm", "all-sram-28nm"])
def test_every_leaf_of_switch_and_power_up_is_explained(name: str) -> None:
    chip = load_chip(name)
    trace = _trace(chip)
    for tree in ("task_switch", "power_up", "energy"):
        explained = explain_priced(trace, chip, tree)
        assert explained
        for leaf in explained:
            found = sum(term.amount * term.each for term in leaf.terms)
            assert found == pytest.approx(leaf.value, rel=1e-12, abs=0.0)


def test_residents_come_first_where_sram_is_short() -> None:
    chip = load_chip("hybrid-28nm", {"sram.pe_count": 1})
    trace = _trace(chip)
    where = place(trace, chip.config).where
    assert where.nonvolatile_training.tolist() == [[True, False], [False, False], [False, False]]
    assert where.within(volatile=True)[:, 1].all()
