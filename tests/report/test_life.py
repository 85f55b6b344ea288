"""The text, the record and the picture of an outlook say the same as the outlook."""

from typing import Any

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from imcsim.chip.floor_plan import router_of, routers
from imcsim.life import Outlook, changed_by, outlook, parse_policies
from imcsim.report.life import life_record, life_text, pe_years
from imcsim.report.life_picture import draw_life
from imcsim.report.pe_places import pe_places
from imcsim.testing.traces import linear_layer, make_trace
from tests.chip.hand import ENCODINGS, codes, random_trace, small_chip


def found(*policies: str, **more: Any) -> Outlook:
    return outlook(random_trace(0), small_chip("all-rram-28nm", more), parse_policies(policies))


def test_the_picture_shows_each_pe_and_layer() -> None:
    outlook_ = found()
    figure = draw_life(outlook_)
    drawn: Any = np.ma.asarray(figure.axes[0].images[1].get_array())
    assert drawn.shape == (4, 4)  # 13 PEs
    np.testing.assert_allclose(drawn.reshape(-1)[:13], pe_years(outlook_))
    bars = [bar for bar in figure.axes[1].patches if isinstance(bar, Rectangle)]
    assert [bar.get_width() for bar in bars] == pytest.approx([100 * layer.dies_first for layer in outlook_.layers])
    circle = figure.axes[0].lines[0].get_xydata()
    first = int(outlook_.pe_dies_first.argmax())
    assert np.asarray(circle).tolist() == [[first % 4, first // 4]]


@pytest.mark.parametrize("topology", ["mesh", "h-tree"])
def test_on_a_floor_plan_pes_lie_at_their_routers(topology: str) -> None:
    # 13 PEs at routers of three: the fifth router has one of them, the sixth none
    chip = small_chip("all-rram-28nm", {"floor_plan": {"topology": topology, "pes_per_router": 3}})
    outlook_ = outlook(random_trace(0), chip)
    places = pe_places(chip.config, 13)
    years = np.full(places.shape, np.nan)
    years[places.row, places.column] = pe_years(outlook_)
    figure = draw_life(outlook_, chip.config)
    drawn: Any = np.ma.asarray(figure.axes[0].images[1].get_array())
    np.testing.assert_allclose(np.ma.filled(drawn, np.nan), years)
    assert len({*zip(places.row, places.column, strict=True)}) == 13
    assert places.blocks[places.row, places.column].all()
    assert places.routers == "5 of 6 in use"
    assert "PEs at their routers (5 of 6 in use)" in figure.axes[0].get_title()
    assert chip.config.floor_plan is not None
    router = router_of(chip.config, chip.config.floor_plan, np.arange(13))
    assert router.tolist() == [pe // 3 for pe in range(13)]
    for one in range(5):  # PEs of a router lie in one square of two by two, three apart from the next
        mine = router == one
        assert len(set(places.row[mine] // 3)) == len(set(places.column[mine] // 3)) == 1
    if topology == "mesh":
        found = routers(chip.config, chip.config.floor_plan)
        assert (places.column // 3).tolist() == found.column[router].tolist()
        assert (places.row // 3).tolist() == found.row[router].tolist()


def test_without_a_floor_plan_pes_lie_in_order() -> None:
    places = pe_places(small_chip("all-rram-28nm").config, 13)
    assert (places.row * 4 + places.column).tolist() == list(range(13))
    assert places.shape == (4, 4)
    assert places.buffer is None


def test_each_lever_says_what_it_costs() -> None:
    text = life_text(found("swap=5", "refresh=30:125", "spare-rows=1"))
    for part in ("swapping: ", " swaps of two rows, ", "refresh every 30 days, levels are kept 2.4 days:", "spares: "):
        assert part in text
    options = parse_policies(["sram-cache=4:life"])
    hybrid = small_chip("hybrid-28nm", changed_by(options, small_chip("hybrid-28nm").config))
    outlook_ = outlook(random_trace(0), hybrid, options)
    assert "4 PEs held; a task finds 4 in it, loads 0.00399, evicts 0" in life_text(outlook_)
    lines = [line for line in (text + life_text(outlook_)).splitlines() if not line.startswith("note")]
    assert max(map(len, lines)) <= 100
    record = life_record(outlook_)
    assert record["levers"]["cache"]["leakage_j"] > 0
    assert record["levers"]["swapping"] is None
    assert record["area_m2"] == outlook_.area_m2


def test_years_follow_from_tasks_and_the_rate() -> None:
    outlook_ = found("spare-columns=1", **{"horizon.tasks_per_day": 2.0})
    record = life_record(outlook_)
    assert outlook_.spare_limited is not None
    assert record["spare_limited"] is not None
    assert record["spare_limited"]["years"]["median"] == pytest.approx(outlook_.spare_limited.median / 730.5)
    assert f"{outlook_.spare_limited.median:,.0f}" in life_text(outlook_)
    assert "at 2 tasks a day" in life_text(outlook_)
    assert record["levers"]["rotation"] is None


def test_a_chip_whose_cells_rest_has_no_years() -> None:
    still = codes([0, 5], [7, -7])
    trace = make_trace([linear_layer("l", 2, 2)], {"l": still}, {"l": [[[still]]]}, ENCODINGS)
    outlook_ = outlook(trace, small_chip("hybrid-28nm"))
    record, text = life_record(outlook_), life_text(outlook_)
    assert record["first_failure"] is None and record["guaranteed"] is None
    assert "first cell failed                 never: too few cells are written" in text
    assert "nan" not in text
    assert "inf" not in text.replace("inference", "")
    draw_life(outlook_)
