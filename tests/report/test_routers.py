"""Routers and hops of a network on a chip with a floor plan: sentence, record and drawing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from imcsim.chip.config import ChipConfig, load_chip
from imcsim.core.errors import ConfigError
from imcsim.mapping import map_network
from imcsim.report.floor_plan import FloorPlan, floor_plan
from imcsim.report.routers import RouterPlan, draw_routers, router_plan, router_record, router_sentence
from imcsim.report.style import save_as
from tests.mapping.specs import linear

LAYERS = [linear("first", 100, 8), linear("second", 64, 12)]  # two PEs each, of 64 x 8 weights
NAMES = [spec.name for spec in LAYERS]


def planned(topology: str, per_router: int, pes: int) -> tuple[ChipConfig, RouterPlan, FloorPlan]:
    plan = {"topology": topology, "pes_per_router": per_router}
    chip = load_chip("all-rram-28nm", {"floor_plan": plan, "rram.pe_count": pes}).config
    network_map = map_network(LAYERS, chip.geometry)
    squares = floor_plan(network_map, chip, "net on chip")
    return chip, router_plan(network_map, chip, squares), squares


def test_the_routers_by_hand() -> None:
    # one PE a router on a 3 x 3 mesh: hops 1 2 | 2 2
    _, found, _ = planned("mesh", 1, 9)
    assert found.layer.tolist() == [0, 0, 1, 1, -1, -1, -1, -1, -1]
    assert found.hops.tolist() == [1.5, 2.0]
    assert found.used == 4
    assert "mesh of 9 routers (1 PEs each" in router_sentence(found, NAMES)
    assert "uses 4; a bit travels 1.5 hops (first) to 2 (second)." in router_sentence(found, NAMES)
    record = router_record(found, NAMES)
    assert record["hops"] == {"first": 1.5, "second": 2.0}
    assert record["routers"] == 9


def test_on_an_h_tree_every_bit_travels_as_far() -> None:
    _, found, _ = planned("h-tree", 1, 5)
    assert router_sentence(found, NAMES).endswith("the network uses 4; every bit travels 3 hops.")


@pytest.mark.parametrize(("topology", "shape"), [("mesh", (3, 3)), ("h-tree", (2, 4))])
def test_the_drawing_shows_each_router_once(topology: str, shape: tuple[int, int], tmp_path: Path) -> None:
    _, found, plan = planned(topology, 1, 7)
    figure = draw_routers(found, plan)
    drawn: Any = np.ma.asarray(figure.axes[0].images[1].get_array())
    assert drawn.shape == shape
    assert sorted(drawn.compressed().tolist()) == [0, 0, 1, 1]
    bars = [bar for bar in figure.axes[1].patches if isinstance(bar, Rectangle)]
    assert [bar.get_width() for bar in bars] == found.hops.tolist()
    first, again = save_as(figure, tmp_path / "a.png"), save_as(draw_routers(found, plan), tmp_path / "b.png")
    assert first.read_bytes() == again.read_bytes()


def test_a_chip_without_a_floor_plan_is_refused() -> None:
    chip = load_chip("all-rram-28nm").config
    network_map = map_network(LAYERS, chip.geometry)
    with pytest.raises(ConfigError, match=r"chip 'all-rram-28nm' has no \[floor_plan\]; add one, or give --set"):
        router_plan(network_map, chip, floor_plan(network_map, chip, "t"))
