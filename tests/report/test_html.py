import json
import re
import sys
from html.parser import HTMLParser
from types import ModuleType

import pytest

from imcsim.report.accuracy_energy import accuracy_energy_data
from imcsim.report.accuracy_matrix import accuracy_matrix_data
from imcsim.report.energy_by_task import energy_by_task_data
from imcsim.report.html import Page, render
from imcsim.report.interactive import accuracy_energy_page, accuracy_matrix_page, energy_by_task_page, writes_page
from imcsim.report.tables import headline
from imcsim.report.wear import Endurance, wear_data
from imcsim.study.summary import summarise
from tests.study.fakes import CHIPS, LABELS, make_report

REPORTS = [make_report(label, chip, seed) for label in LABELS for chip in CHIPS for seed in (0, 1)]
GROUPS = summarise([report.row() for report in REPORTS])


@pytest.fixture(scope="module")
def page() -> Page:
    endurance = [Endurance("hybrid-28nm", "rram", "guaranteed cycles", 1e4)]
    record = {"path": "clock_hz", "value": 2e8, "kind": "file", "where": "x.toml", "low": 1e8, "high": 1e9}
    return Page(
        title="Title <b>&",
        question="What?",
        tables=[headline(GROUPS, "Table")],
        figures={
            "One": accuracy_energy_page(accuracy_energy_data(GROUPS)),
            "Two": energy_by_task_page(energy_by_task_data(REPORTS, LABELS)),
            "Three": writes_page(wear_data(REPORTS), endurance),
            "Four": accuracy_matrix_page(accuracy_matrix_data(REPORTS, LABELS)),
        },
        settings={"hybrid-28nm": [record | {"source": "A 2020 paper <script>"}]},
        stamp={"commit": "unknown", "versions": {"python": "3.11"}, "overrides": {"a.b": 1}},
        warnings=["beware"],
    )


class Loads(HTMLParser):
    """Collects everything that a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        if tag in ("link", "iframe", "img", "object", "embed", "base"):
            self.found.append(tag)
        self.found += [f"{tag} {name}" for name, _ in attrs if name in ("src", "href", "srcset", "data")]


def test_the_page_loads_nothing(page: Page) -> None:
    parser = Loads()
    text = render(page)
    parser.feed(text)
    assert parser.found == []
    assert parser.scripts == 1 + len(page.figures)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_settings_tell_origin_source_and_range(page: Page) -> None:
    text = render(page)
    assert "<td>clock_hz</td><td>200000000.0</td><td>file</td><td>x.toml</td>" in text
    assert "A 2020 paper &lt;script&gt;" in text
    assert "1e+08 to 1e+09" in text
    assert "<title>Title &lt;b&gt;&amp;</title>" in text
    assert '<li class="warning">beware</li>' in text
    assert "<td>override a.b</td><td>1</td>" in text


def test_rendering_twice_gives_the_same_bytes(page: Page) -> None:
    assert render(page) == render(page)


def test_every_axis_of_every_figure_is_named(page: Page) -> None:
    for figure in page.figures.values():
        layout = figure.to_plotly_json()["layout"]
        axes = [axis for key, axis in layout.items() if re.fullmatch(r"[xy]axis\d*", key)]
        named = [axis for axis in axes if axis.get("title", {}).get("text")]
        assert len(named) >= len(axes) - len(CHIPS) + 1  # stacked panels share the lowest x axis


def test_the_same_bytes_come_with_and_without_orjson(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    import plotly.io

    without = render(page)
    fast = ModuleType("orjson")  # writes numbers and text in a way of its own, as the real one does
    fast.__dict__.update(
        OPT_NON_STR_KEYS=1, OPT_SERIALIZE_NUMPY=2, dumps=lambda data, option: json.dumps(data, default=str).encode()
    )
    monkeypatch.setitem(sys.modules, "orjson", fast)
    monkeypatch.setattr("_plotly_utils.optional_imports._not_importable", set())
    before = plotly.io.json.config.default_engine
    assert render(page) == without
    assert plotly.io.json.config.default_engine == before
