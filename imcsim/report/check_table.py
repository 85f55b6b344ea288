"""The check of a study as tables: figures that drifted, and how many of each column are equal."""

from collections.abc import Sequence

from imcsim.core.json_text import Json
from imcsim.report.tables import TextTable
from imcsim.study.check import Compared, not_committed, not_run
from imcsim.study.committed import Committed, Figures
from imcsim.study.spec import StudySpec

_SHOWN = 20
_WORDS = {"equal": "equal", "noise": "within seed noise", "drifted": "drifted"}


def check_tables(found: Sequence[Compared], title: str) -> list[TextTable]:
    """Return a table of columns that are not all equal, and one of the figures that drifted most; none if all equal."""
    return [table for table in (_by_column(found, title), _drifted(found)) if table.rows]


def verdict_sentence(found: Sequence[Compared]) -> str:
    """Return how many figures are equal, within seed noise and drifted."""
    counts = {verdict: sum(entry.verdict == verdict for entry in found) for verdict in _WORDS}
    return f"{len(found)} figures: " + ", ".join(f"{counts[verdict]} {word}" for verdict, word in _WORDS.items())


def check_notes(committed: Committed, spec: StudySpec, stamp: Json, fresh: Figures) -> list[str]:
    """Return why figures may differ: other settings, other machines; and what either side lacks."""
    settings, then, now = committed.other_settings(spec), _machines(committed.stamp), _machines(stamp)
    notes = [f"other settings than the committed results: {_some(settings)}"] if settings else []
    if then != now:
        notes.append(f"committed results were trained on {then or 'an untold machine'}, these on {now or 'another'}")
    lacking = {
        "the committed table is incomplete: it lacks": committed.incomplete(fresh),
        "not committed:": not_committed(committed.figures, fresh),
        "committed, not run:": not_run(committed.figures, fresh),
    }
    return [*notes, *(f"{what} {_some(names)}" for what, names in lacking.items() if names)]


def _machines(stamp: Json) -> str:
    named = [
        f"{entry.get('processor', '?')} ({entry.get('cpu_capability', '?')}, torch {entry.get('torch', '?')})"
        for entry in stamp.get("trained_on", ())
    ]
    return "; ".join(dict.fromkeys(named))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _by_column(found: Sequence[Compared], title: str) -> TextTable:
    rows = []
    for column in dict.fromkeys(entry.column for entry in found):
        entries = [entry for entry in found if entry.column == column]
        counts = [sum(entry.verdict == verdict for entry in entries) for verdict in _WORDS]
        if counts[0] < len(entries):
            worst = max(entries, key=_size)
            rows.append((column, f"{worst.method} on {worst.chip}"[:34], *map(str, counts), _change(worst)))
    columns = (("Figure", ""), ("Largest change in", ""), ("Equal", ""), ("Noise", ""), ("Drifted", ""), ("Change", ""))
    notes = (
        "Noise: within what new seeds would change, by the spread of the committed ones (1 % level).",
        "Of figures that are made anew about one in a hundred drifts by chance.",
    )
    return TextTable(f"{title}: figures that are not all equal", columns, tuple(rows), notes)


def _drifted(found: Sequence[Compared]) -> TextTable:
    entries = sorted((entry for entry in found if entry.verdict == "drifted"), key=_size, reverse=True)
    rows = tuple(
        (f"{entry.method} on {entry.chip}"[:34], entry.column[:28], _number(entry.committed), _spread(entry),
         _number(entry.fresh), _change(entry))
        for entry in entries[:_SHOWN]
    )  # fmt: skip
    left = len(entries) - len(rows)
    notes = (f"and {left} more: --json has them all",) if left else ()
    columns = (("Drifted", ""), ("Figure", ""), ("Committed", ""), ("± noise", ""), ("Now", ""), ("Change", ""))
    return TextTable("", columns, rows, notes)


def _size(entry: Compared) -> float:
    if entry.verdict == "equal":
        return -1.0
    return float("inf") if entry.change is None else abs(entry.change)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _spread(entry: Compared) -> str:
    return "-" if entry.limit is None else f"{entry.limit:.2g}"


def _change(entry: Compared) -> str:
    if entry.missing:
        return "missing"
    if entry.change is None:
        return "-"
    return f"{100 * entry.change:+.3g} %" if abs(entry.change) < 10 else f"{1 + entry.change:.3g} x"
