"""The floor plan: what each square shows, on paper and on the page."""

from pathlib import Path

import numpy as np
import pytest

from imcsim.chip.config import ChipConfig, load_chip
from imcsim.mapping import NetworkMap, map_network
from imcsim.report.floor_plan import FloorPlan, draw_floor_plan, floor_plan, largest_layers, layer_colours
from imcsim.report.floor_plan_page import floor_plan_figure, floor_plan_page
from imcsim.report.mapping_table import mapping_text
from imcsim.report.style import PALETTE, save_as
from tests.mapping.specs import linear

LAYERS = [linear("first", 100, 8), linear("second", 64, 12)]  # two PEs each, of 64 x 8 weights


@pytest.fixture(scope="module")
def chip() -> ChipConfig:
    return load_chip("hybrid-28nm").config


def network(chip: ChipConfig) -> NetworkMap:
    return map_network(LAYERS, chip.geometry)


def test_the_data_by_hand(chip: ChipConfig) -> None:
    trains = {spec.name: np.zeros(spec.matrix_shape, dtype=bool) for spec in LAYERS}
    trains["second"][0, 3, 11] = True
    plan = floor_plan(network(chip), chip, "title", trains)
    assert plan.layer.tolist() == [0, 0, 1, 1]
    assert plan.memory.tolist() == [0, 0, 0, 1]
    assert plan.utilisation.tolist() == pytest.approx([1.0, 36 / 64, 1.0, 0.5])
    assert floor_plan(network(chip), chip, "title").memory.tolist() == [0] * 4
    sram = load_chip("all-sram-28nm").config
    assert floor_plan(network(sram), sram, "title", trains).memory.tolist() == [1] * 4


def test_squares_are_filled_row_by_row() -> None:
    plan = FloorPlan("t", ("a",), *(np.arange(5),) * 3, np.arange(5.0))
    assert np.array_equal(plan.squares(plan.layer), np.array([[0, 1, 2], [3, 4, np.nan]]), equal_nan=True)


def test_each_layer_has_a_colour_of_its_own() -> None:
    names = tuple(f"l{i}" for i in range(3 * len(PALETTE)))
    plan = FloorPlan("t", names, *(np.arange(3),) * 3, np.arange(3.0))
    found = layer_colours(plan)
    assert len(set(found)) == len(names)
    assert tuple(found[: len(PALETTE)]) == PALETTE


def test_the_legend_names_the_largest_layers_in_order() -> None:
    layer = np.repeat(np.arange(14), [1, 5, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 9, 1])
    plan = FloorPlan("t", tuple(map(str, range(14))), layer, layer, layer, layer / 13)
    assert largest_layers(plan) == list(range(1, 13))


def test_the_drawing_shows_the_data_and_is_the_same_each_time(chip: ChipConfig, tmp_path: Path) -> None:
    plan = floor_plan(network(chip), chip, "net on chip: 4 PEs")
    figure = draw_floor_plan(plan)
    by_layer, by_memory, by_use = figure.axes[:3]
    assert [axis.get_title() for axis in (by_layer, by_memory, by_use)] == ["By layer", "By memory", "By utilisation"]
    assert np.array_equal(by_layer.images[0].get_array(), [[0, 0], [1, 1]])  # type: ignore[arg-type]
    assert np.allclose(by_use.images[0].get_array(), [[100, 56.25], [100, 50]])  # type: ignore[arg-type]
    texts = [text.get_text() for axis in (by_layer, by_memory) for text in axis.get_legend().get_texts()]  # type: ignore[union-attr]
    assert texts == ["first (2)", "second (2)", "RRAM (4 PEs)", "SRAM (0 PEs)"]
    files = [save_as(draw_floor_plan(plan), tmp_path / name).read_bytes() for name in ("a.png", "b.png")]
    assert files[0] == files[1]


def test_the_page_tells_every_pe(chip: ChipConfig) -> None:
    found = network(chip)
    plan = floor_plan(found, chip, "net on chip")
    shown = floor_plan_figure(plan)
    assert shown.data[0].text[0][1] == "PE 1: first<br>RRAM, 56% of its cells in use"
    assert np.array(shown.data[2].z, dtype=float).tolist() == [[100, 56.25], [100, 50]]
    page = floor_plan_page(plan, mapping_text(found, "Layers", 8), "Where?")
    assert "<h1>net on chip</h1>" in page and "first" in page and "100 x 8" in page
    assert "src=" not in page.split("</script>", 1)[1]
