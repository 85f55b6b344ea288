"""Rules side by side: the lines, their changes, and what a mask adds."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from imcsim.chip.config import ChipConfig, load_chip
from imcsim.chip.per_image import per_image
from imcsim.chip.trace_masks import TaskMasks
from imcsim.mapping import map_network
from imcsim.report.mapping_compare import Figure, compare, compare_rows, compare_table, read_in, rule_figures
from tests.mapping.specs import conv, linear

LAYERS = [conv("c", (64, 8), (3, 3), (64, 64)), linear("fc", 8, 4)]


@pytest.fixture(scope="module")
def chip() -> ChipConfig:
    return load_chip("hybrid-28nm").config


def test_the_figures_are_those_of_the_map_and_of_an_image(chip: ChipConfig) -> None:
    network = map_network(LAYERS, chip.geometry)
    found, cost = rule_figures(network, chip), per_image(network, chip)
    assert found["pes"] == network.pe_count == 10
    assert (found["energy_j"], found["latency_s"]) == (cost.energy.total, cost.latency_s)
    assert found["conversions"] == 64 * 9 * 8 * 8 * 8 + 4 * 8 * 8
    assert "frozen_pes" not in found


def test_a_mask_says_what_is_frozen_and_where_it_is_read(chip: ChipConfig) -> None:
    trains = {spec.name: np.zeros(spec.matrix_shape, dtype=bool) for spec in LAYERS}
    trains["c"][0, 5, :] = True  # one input row: one PE of nine
    codes: dict[str, NDArray[np.integer]] = {s.name: np.ones(s.matrix_shape, dtype=np.int64) for s in LAYERS}
    masks = TaskMasks({}, trains, codes, np.full((2, 8), 0.5))
    network = map_network(LAYERS, chip.geometry)
    found = rule_figures(network, chip, masks)
    assert found["frozen_pes"] == 9
    assert found["frozen_in_rram"] == pytest.approx((8 * 512 + 32) / (9 * 512 + 32 - 8))
    assert found["energy_j"] < rule_figures(network, chip)["energy_j"]  # smaller codes, and one PE in SRAM


@pytest.mark.parametrize(
    ("name", "masked", "said"),
    [
        ("hybrid-28nm", True, "PEs that train in SRAM, the others in RRAM"),
        ("hybrid-28nm", False, "all weights in RRAM"),
        ("all-rram-28nm", True, "all weights in RRAM"),
        ("all-sram-28nm", True, "all weights in SRAM"),
    ],
)
def test_it_says_where_an_image_is_read(name: str, masked: bool, said: str) -> None:
    masks = TaskMasks({}, {}, {}, np.full((2, 8), 0.5)) if masked else None
    read = read_in(load_chip(name).config, masks)
    assert read == said
    found = {"a": {"pes": 10.0}, "b": {"pes": 15.0}}
    assert compare_rows(found, read)[0] == {"rule": "a", "pes": 10.0, "read_in": said}
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(compare_table(found, "x", read))
    text = " ".join(console.export_text().split())
    assert f"An image is read with {said}" in text
    assert ("price charges an image where weights are served" in text) == (masked and name == "hybrid-28nm")


def test_changes_and_rows() -> None:
    names = ("pes", "utilisation", "table_bits")
    found = {"a": dict(zip(names, (10, 0.5, 0), strict=True)), "b": dict(zip(names, (15, 0.25, 7), strict=True))}
    lines = compare(found)
    assert lines[0] == Figure("PEs", "", (10, 15))
    assert [line.change for line in lines] == [0.5, -0.5, None]
    assert compare_rows(found)[1] == {"rule": "b", "pes": 15, "utilisation": 0.25, "table_bits": 7}


def test_the_table_is_at_most_100_columns_wide(chip: ChipConfig) -> None:
    rules = ("im2col", "kernel_split")
    found = {rule: rule_figures(map_network(LAYERS, chip.geometry, rule), chip) for rule in rules}
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(compare_table(found, "c on chip"))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 100
    for said in ("im2col", "kernel_split", "column conversions", "-88.", "energy", "µs"):
        assert said in text
