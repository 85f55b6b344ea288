"""The page docs/validation.md: written from a validation, never by hand."""

from collections.abc import Iterable, Iterator, Sequence

from imcsim.core.content import content_root
from imcsim.core.errors import DataError
from imcsim.published.calibration import QUANTITIES
from imcsim.published.compare import Validation
from imcsim.published.parameters import PARAMETERS
from imcsim.published.tables import ROWS, SUMMARY, assumed, left_out, lines, promise, summary, worst


def fixed_text() -> str:
    """Return the fixed part of the page, ``models/published/page.md`` of the content root; DataError without it."""
    path = content_root() / "models" / "published" / "page.md"
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None


def page(validation: Validation, text: str) -> str:
    """Return the page: ``text``, the fixed part, with a table in place of each ``{NAME}`` on a line of its own."""
    made = {
        "{errors}": _table(SUMMARY, summary(validation)),
        "{worst}": _worst(validation),
        "{rows}": _table(ROWS, (line.cells() for line in lines(validation))),
        "{assumed}": _table(("fact", "rows"), ((fact, str(count)) for fact, count in assumed(validation))),
        "{left out}": _table(("silicon", "reason"), left_out(validation)),
        "{factors}": _table(("factor", "value", "uncertainty", "multiplies"), _factors(validation)),
    }
    done: list[str] = []
    for line in text.splitlines():
        done.extend(made.get(line, [line.replace("{promise}", promise())]))
    return "\n".join(done) + "\n"


def _worst(validation: Validation) -> list[str]:
    rows = [(row.silicon_id, row.quantity, f"{row.figure.ratio:.2f}", row.figure.to_blame) for row in worst(validation)]
    return _table(("silicon", "figure", "predicted / reported", "largest term"), rows)


def _factors(validation: Validation) -> Iterator[tuple[str, ...]]:
    for quantity in QUANTITIES:
        calibration = validation.calibrations[quantity]
        for parameter in PARAMETERS[quantity]:
            value, spread = calibration.values[parameter.name], calibration.spread[parameter.name]
            yield f"`{parameter.name}`", f"{value:.2f}", f"{spread:.0%}", parameter.words


def _table(head: Sequence[str], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
