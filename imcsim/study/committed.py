"""The results of a study that are committed beside it: a table over seeds, and what made it."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imcsim.core.content import path_of
from imcsim.core.csv_text import read_csv
from imcsim.core.errors import StudyError
from imcsim.core.json_text import Json
from imcsim.core.reference import in_texts, short_name
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
    stamp: Json

    def other_settings(self, spec: StudySpec) -> list[str]:
        """Return the paths of the study's settings that were others when the results were made; its words do not count.

        Empty where the stamp does not tell.
        """
        settings = (self.stamp.get("study", {}), spec.model_dump(mode="json"))
        then, now = (dict(_settings(in_texts(tree, short_name))) for tree in settings)
        other = [path for path in sorted({*then, *now}) if then and then.get(path) != now.get(path)]
        return [path for path in other if path not in _WORDS]

    def incomplete(self, fresh: Figures) -> list[str]:
        """Return which of the fresh results the table should have: ``METHOD on CHIP``, or one seed of it.

        Those of methods, chips and seeds of its stamp, and of seeds that its other rows have.
        """
        study = self.stamp.get("study", {})
        groups = {
            (m.get("label"), short_name(str(c.get("name"))))
            for m in study.get("methods", ())
            for c in study.get("chips", ())
        }
        seeds = {*study.get("seeds", ()), *seeds_of(self.figures)}
        found = [f"{method} on {chip}" for method, chip in fresh if (method, chip) in groups - self.figures.keys()]
        for key, columns in self.figures.items():
            have = seeds_of({key: columns})
            lost = sorted((seeds_of({key: fresh.get(key, {})}) & seeds) - have) if have else []
            found += [f"{key[0]} on {key[1]} seed {seed}" for seed in lost]
        return found


_WORDS = ("title", "question")


def load_committed(study: str, spec: StudySpec) -> Committed:
    """Return what is committed of ``study`` (a name, or a file) on the data set of ``spec``.

    Raises
    ------
    StudyError
        If there is nothing, or it cannot be read: cells that are no numbers, rows that repeat, no rows.
    """
    folder = path_of("study", study).parent
    for place in [folder / spec.stream.title, *sorted(path.parent for path in folder.glob("*/stamp.json"))]:
        stamp = _stamp(place / "stamp.json")
        for name, read in (("rows.csv", _from_rows), ("summary.csv", _from_summary)):
            if (place / name).is_file() and (place.name == spec.stream.title or _is_of(stamp, spec)):
                return Committed(place / name, _read(place / name, read), stamp)
    what = f"{spec.name} on {spec.stream.title}"
    raise StudyError(f"no results of {what} are committed in {folder}: there is nothing to check against")


def figures_of(rows: list[Json]) -> Figures:
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


def seeds_of(figures: Figures) -> set[int]:
    """Return the seeds that any figure has; none where only means and spreads are known."""
    return {seed for columns in figures.values() for figure in columns.values() for seed in figure.by_seed}


def _settings(tree: object, path: str = "") -> Iterator[tuple[str, Any]]:
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


def _is_of(stamp: Json, spec: StudySpec) -> bool:
    """Whether results in a folder of another name are this study's: same name and data set, by their stamp."""
    made = stamp.get("study", {})
    return bool(made) and (made["name"], short_name(made["stream"]["dataset"])) == (spec.name, spec.stream.title)


def _stamp(path: Path) -> Json:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


Rows = list[dict[str, str]]


class _Damaged(ValueError):
    """What is wrong with a table, and where."""


def _read(path: Path, read: Callable[[Rows, Sequence[int]], Figures]) -> Figures:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read()
        return read(read_csv(text), _lines(text))
    except _Damaged as error:
        raise StudyError(f"{path} is no table of results ({error})") from None
    except KeyError as error:
        raise StudyError(f"{path} is no table of results (no column {error})") from None
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise StudyError(f"{path} is no table of results ({type(error).__name__}: {error})") from None


def _lines(text: str) -> list[int]:
    """Return the line of each row, each with as many cells as there are columns."""
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    twice = [name for at, name in enumerate(header) if name in header[:at]]
    if twice:
        raise _Damaged(f"line 1: column '{twice[0]}' comes twice")
    lines = []
    for row in reader:
        if row and len(row) != len(header):
            raise _Damaged(f"line {reader.line_num} has {len(row)} cells, line 1 has {len(header)} columns")
        lines += [reader.line_num] if row else []
    if not lines:
        raise _Damaged("it has no rows, so there is nothing to check against")
    return lines


def _from_rows(rows: Rows, lines: Sequence[int]) -> Figures:
    _refuse_repeats(rows, lines, (*KEYS, "seed"))
    cells = {column: [row[column] for row in rows] for column in rows[0] if column not in (*KEYS, "seed")}
    numeric = [column for column, texts in cells.items() if any(map(_is_number, texts)) or not any(texts)]
    if not any(any(cells[column]) for column in numeric):
        raise _Damaged("no column of numbers, so there is nothing to check against")
    return figures_of(
        [
            {
                **{key: row[key] for key in KEYS},
                "seed": _whole(row, "seed", line),
                **{column: _number(row, column, line) for column in numeric},
            }
            for row, line in zip(rows, lines, strict=True)
        ]
    )


def _from_summary(rows: Rows, lines: Sequence[int]) -> Figures:
    _refuse_repeats(rows, lines, KEYS)
    names = [name.removesuffix("_mean") for name in rows[0] if name.endswith("_mean")]
    if not names:
        raise _Damaged("no column of means, so there is nothing to check against")
    return {
        (row["method"], row["chip"]): {
            name: Figure(
                Stat(
                    _number(row, f"{name}_mean", line),
                    _number(row, f"{name}_sd", line) or 0.0,
                    _whole(row, f"{name}_n", line),
                )
            )
            for name in names
        }
        for row, line in zip(rows, lines, strict=True)
    }


def _refuse_repeats(rows: Rows, lines: Sequence[int], keys: Sequence[str]) -> None:
    first: dict[tuple[str, ...], int] = {}
    for row, line in zip(rows, lines, strict=True):
        before = first.setdefault(tuple(row[key] for key in keys), line)
        if before != line:
            what = ", ".join(f"{key} '{row[key]}'" for key in keys)
            raise _Damaged(f"line {line} repeats line {before}: {what}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(row: Mapping[str, str], column: str, line: int) -> float | None:
    """Return the finite number in a cell, None for an empty one."""
    text = row[column]
    if not text:
        return None
    if not _is_number(text) or not math.isfinite(float(text)):
        raise _Damaged(f"line {line}, column '{column}': '{text}' is no finite number")
    return float(text)


def _whole(row: Mapping[str, str], column: str, line: int) -> int:
    text = row[column]
    if not (text.isascii() and text.isdigit()):
        raise _Damaged(f"line {line}, column '{column}': '{text}' is no whole number")
    return int(text)
