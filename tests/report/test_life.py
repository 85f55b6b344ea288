"""The text, the record and the picture of an outlook say the same as the outlook."""

from typing import Any

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from imcsim.chip.life import Outlook, outlook, parse_policies
from imcsim.report.life import life_record, life_text, pe_years
from imcsim.report.life_picture import draw_life
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


def test_years_follow_from_tasks_and_the_rate() -> None:
    outlook_ = found("spare-columns=1", **{"horizon.tasks_per_day": 2.0})
    record = life_record(outlook_)
    assert outlook_.spare_limited is not None
    assert record["spare_limited"]["years"]["median"] == pytest.approx(outlook_.spare_limited.median / 730.5)
    assert f"{outlook_.spare_limited.median:,.0f}" in life_text(outlook_)
    assert "at 2 tasks a day" in life_text(outlook_)
    assert record["levers"]["rotation"] is None


def test_a_chip_whose_cells_rest_has_no_years() -> None:
    still = codes([0, 5], [7, -7])
    trace = make_trace([linear_layer("l", 2, 2)], {"l": still}, {"l": [[[still]]]}, ENCODINGS)
    outlook_ = outlook(trace, small_chip("hybrid-28nm"))
    record, text = life_record(outlook_), life_text(outlook_)
    assert record["first_failure"] is record["guaranteed"] is None
    assert "first cell failed                 never: too few cells are written" in text
    assert "nan" not in text
    assert "inf" not in text.replace("inference", "")
    draw_life(outlook_)
