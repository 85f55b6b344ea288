"""The results of a study that are committed beside it: a table over seeds, and what made it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imcsim.core.content import path_of
from imcsim.core.csv_text import read_csv
from imcsim.core.errors import StudyError
from imcsim.study.spec import StudySpec
from imcsim.study.summary import KEYS, Stat, statistics

Key = tuple[str, str]  # method, chip


@dataclass(frozen=True)
class Figure:
    """One column of one (method, chip): its values by seed, empty if only their mean and spread are known."""

    stat: Stat
    by_seed: Mapping[int, float | None] = field(default_factory=dict)


Figures = dict[Key, dict[str, Figure]]


@dataclass(frozen=True)
class Committed:
    """Where the committed results lie, their figures, and their stamp (empty if there is none)."""

    path: Path
    figures: Figures
    stamp: Mapping[str, Any]

    def other_settings(self, spec: StudySpec) -> list[str]:
        """Return the paths of the study's settings that were others when the results were made; its words do not count.

        Empty where the stamp does not tell.
        """
        then, now = dict(_settings(self.stamp.get("study", {}))), dict(_settings(spec.model_dump(mode="json")))
        other = [path for path in sorted({*then, *now}) if then and then.get(path) != now.get(path)]
        return [path for path in other if path not in _WORDS]


_WORDS = ("title", "question")


def load_committed(study: str, spec: StudySpec) -> Committed:
    """Return what is committed of ``study`` (a name, or a file) on the data set of ``spec``.

    Raises
    ------
    StudyError
        If there is nothing, or it cannot be read.
    """
    folder = path_of("study", study).parent
    for place in [folder / spec.stream.dataset, *sorted(path.parent for path in folder.glob("*/stamp.json"))]:
        stamp = _stamp(place / "stamp.json")
        for name, read in (("rows.csv", _from_rows), ("summary.csv", _from_summary)):
            if (place / name).is_file() and (place.name == spec.stream.dataset or _is_of(stamp, spec)):
                return Committed(place / name, _read(place / name, read), stamp)
    what = f"{spec.name} on {spec.stream.dataset}"
    raise StudyError(f"no results of {what} are committed in {folder}: there is nothing to check against")


def figures_of(rows: list[dict[str, Any]]) -> Figures:
    """Return the figures of result rows: every column of numbers, over seeds."""
    values: dict[Key, dict[str, dict[int, float | None]]] = {}
    for row in rows:
        columns = values.setdefault((str(row["method"]), str(row["chip"])), {})
        for column, value in row.items():
            if column not in (*KEYS, "seed") and isinstance(value, int | float | None):
                columns.setdefault(column, {})[int(row["seed"])] = value
    return {
        key: {column: Figure(statistics(list(seeds.values())), seeds) for column, seeds in columns.items()}
        for key, columns in values.items()
    }


def _settings(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted path, value) of every setting; entries of a list of tables go by their label or name."""
    if isinstance(tree, Mapping) and tree:
        entries = list(tree.items())
    elif isinstance(tree, list) and tree and all(isinstance(entry, Mapping) for entry in tree):
        entries = [(str(entry.get("label", entry.get("name", at))), entry) for at, entry in enumerate(tree)]
    else:
        yield path, tree
        return
    for name, value in entries:
        yield from _settings(value, f"{path}.{name}" if path else str(name))


def _is_of(stamp: Mapping[str, Any], spec: StudySpec) -> bool:
    """Whether results in a folder of another name are this study's: same name and data set, by their stamp."""
    made = stamp.get("study", {})
    return bool(made) and (made["name"], made["stream"]["dataset"]) == (spec.name, spec.stream.dataset)


def _stamp(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _read(path: Path, read: Any) -> Figures:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            found: Figures = read(read_csv(file.read()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{path} is no table of results ({type(error).__name__}: {error})") from None
    return found


def _from_rows(rows: list[dict[str, str]]) -> Figures:
    words = {column for row in rows for column, value in row.items() if not _is_number(value)} - {*KEYS, "seed"}
    return figures_of(
        [
            {column: text if column in KEYS else _number(text) for column, text in row.items() if column not in words}
            for row in rows
        ]
    )


def _from_summary(rows: list[dict[str, str]]) -> Figures:
    found: Figures = {}
    for row in rows:
        columns = [name.removesuffix("_mean") for name in row if name.endswith("_mean")]
        found[row["method"], row["chip"]] = {
            name: Figure(Stat(_number(row[f"{name}_mean"]), float(row[f"{name}_sd"] or 0), int(row[f"{name}_n"] or 0)))
            for name in columns
        }
    return found


def _is_number(text: str) -> bool:
    try:
        _number(text)
    except ValueError:
        return False
    return True


def _number(text: str) -> float | None:
    return float(text) if text else None
