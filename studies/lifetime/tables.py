"""What the programs of this study share: its traces by learner, its values for chips, and tables as CSV."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from imcsim.core.csv_text import to_csv
from imcsim.core.files import write_atomic
from imcsim.study.spec import StudySpec
from imcsim.trace.trace import Trace
from studies.claims.runs import traces_of


def sets_of(spec: StudySpec) -> dict[str, Mapping[str, Any]]:
    """Return chip -> the values that the study sets on it."""
    return {choice.name: choice.set for choice in spec.chips}


def traces_by_method(spec: StudySpec, folder: Path, wanted: Collection[str] | None = None) -> dict[str, list[Trace]]:
    """Return learner -> its traces by seed, of a folder of results; ``wanted``: of these learners alone."""
    labels = {"".join(c if c.isalnum() or c in "._-" else "-" for c in m.label): m.label for m in spec.methods}
    given = traces_of(folder / "traces")
    return {
        label: given[name] for name, label in labels.items() if name in given and (wanted is None or label in wanted)
    }


def write_rows(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write rows as CSV, four digits of each number, blanks for None."""
    shown = [{k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    write_atomic(path, to_csv(shown))
