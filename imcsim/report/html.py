"""One self-contained page: table, figures, every setting with its origin, warnings. It loads nothing from anywhere."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from imcsim.core.json_text import Json
from imcsim.report.tables import TextTable

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 1200px; margin: 2em auto; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums; }
th, td { padding: 2px 10px; text-align: right; border-bottom: 1px solid #ddd; vertical-align: top; }
th:nth-child(-n+2), td:nth-child(-n+2), .settings th, .settings td { text-align: left; }
thead th { border-bottom: 2px solid #777; position: sticky; top: 0; background: #fff; }
.settings td { font-size: 13px; overflow-wrap: anywhere; }
.warning { color: #882255; }
summary { cursor: pointer; font-weight: 600; margin: .5em 0; }
"""


@dataclass(frozen=True)
class Page:
    """What the page shows; ``figures`` by caption, ``settings`` by chip: records of path, value, origin."""

    title: str
    question: str
    tables: Sequence[TextTable]
    figures: Mapping[str, "Figure"]
    settings: Mapping[str, Sequence[Json]]
    stamp: Json
    warnings: Sequence[str]


def render(page: Page) -> str:
    """Return the page as HTML text; the same page gives the same bytes."""
    from plotly.offline import get_plotlyjs

    body = [
        f"<h1>{escape(page.title)}</h1>",
        f"<p>{escape(page.question)}</p>",
        *(_text_table(table) for table in page.tables),
        _warnings(page.warnings),
        *(_figure(index, caption, figure) for index, (caption, figure) in enumerate(page.figures.items())),
        "<h2>Settings</h2>",
        *(_settings(chip, records) for chip, records in page.settings.items()),
        _stamp(page.stamp),
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(page.title)}</title>'
        f"<style>{_STYLE}</style><script>{get_plotlyjs()}</script></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _text_table(table: TextTable) -> str:
    head = [f"{name} ({unit})" if unit else name for name, unit in table.columns]
    notes = "".join(f"<li>{escape(note)}</li>" for note in table.notes)
    return f"<h2>{escape(table.title)}</h2>{_table(head, table.rows)}<ul>{notes}</ul>"


def _warnings(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    items = "".join(f'<li class="warning">{escape(warning)}</li>' for warning in warnings)
    return f"<h2>Warnings</h2><ul>{items}</ul>"


def _figure(index: int, caption: str, figure: "Figure") -> str:
    import plotly.io

    with _json_of_python():
        drawn = plotly.io.to_html(
            figure, full_html=False, include_plotlyjs=False, div_id=f"figure-{index}", config={"displaylogo": False}
        )
    return f"<h2>{escape(caption)}</h2>{drawn}"


@contextmanager
def _json_of_python() -> Iterator[None]:
    """Let plotly write JSON with Python's own module: where orjson is installed, it would write other bytes."""
    import plotly.io

    config = plotly.io.json.config
    before, config.default_engine = config.default_engine, "json"
    try:
        yield
    finally:
        config.default_engine = before


def _settings(chip: str, records: Sequence[Json]) -> str:
    head = ["Path", "Value", "Origin", "Where", "Source", "Range"]
    rows = [[r["path"], r["value"], r["kind"], r["where"], r["source"], _range(r["low"], r["high"])] for r in records]
    table = _table(head, rows, "settings")
    return f"<details><summary>{escape(chip)}: {len(rows)} values and their origins</summary>{table}</details>"


def _stamp(stamp: Json) -> str:
    rows = [[key, stamp[key]] for key in ("study_hash", "code_version", "commit", "read_from") if key in stamp]
    rows += [[f"override {path}", value] for path, value in stamp.get("overrides", {}).items()]
    rows += [[name, version] for name, version in stamp.get("versions", {}).items()]
    rows += [["trained on", ", ".join(f"{k} {v}" for k, v in entry.items())] for entry in stamp.get("trained_on", ())]
    return f"<h2>Versions</h2>{_table(['What', 'Value'], rows, 'settings')}"


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:g} to {high:g}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]], css: str = "") -> str:
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = ("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table class="{css}"><thead><tr>{top}</tr></thead><tbody>{"".join(lines)}</tbody></table>'
