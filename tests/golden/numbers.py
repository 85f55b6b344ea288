"""The golden numbers as files, one for each view and chip, and how two sets of numbers differ.

A file names its numbers once; each pair has one line, whose values stand in the order of the names. A value that a
pair does not have is ``""``, one that never comes is ``null``. Floats are written so that they read back the same.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.golden.figures import Figures, Number
from tests.golden.pairs import Pair

FOLDER = Path(__file__).with_name("prices")
TOLERANCE = 1e-12
"""Relative: a sum in another order moves a number by less."""
_ABSENT = ""
Golden = dict[str, Figures]


def file_of(pair: Pair) -> str:
    """Return the name of the file that holds ``pair``."""
    return f"{pair.view}-{pair.chip}.json" if pair.view == "price" else f"{pair.view}.json"


def read() -> Golden:
    """Return pair -> its numbers."""
    found: Golden = {}
    for file in sorted(FOLDER.glob("*.json")):
        stored = json.loads(file.read_text())
        for pair, values in stored["pairs"].items():
            found[pair] = {n: v for n, v in zip(stored["names"], values, strict=True) if v != _ABSENT}
    return found


def write(found: Mapping[Pair, Figures]) -> None:
    """Write the numbers of all pairs, and nothing else, into :data:`FOLDER`."""
    files: dict[str, Golden] = defaultdict(dict)
    for pair, numbers in found.items():
        files[file_of(pair)][str(pair)] = numbers
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for name, golden in files.items():
        (FOLDER / name).write_text(text(golden))


def text(golden: Golden) -> str:
    """Return one file: sorted, without blanks, a line for each pair."""
    names = sorted({name for numbers in golden.values() for name in numbers})
    lines = [
        f"{_json(pair)}:{_json([numbers.get(name, _ABSENT) for name in names])}"
        for pair, numbers in sorted(golden.items())
    ]
    return '{"names":' + _json(names) + ',\n"pairs":{\n' + ",\n".join(lines) + "\n}}\n"


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class Moved:
    """A number of a pair that is not what it was; ``"absent"`` where it was or is none of the pair's."""

    pair: str
    name: str
    was: Number | str
    now: Number | str

    def __str__(self) -> str:
        return f"{self.pair}: {self.name} was {self.was!r}, is {self.now!r}{self._how_far()}"

    @property
    def share(self) -> float:
        """How far it moved, of what it was; infinite where that cannot be said."""
        if isinstance(self.was, str) or isinstance(self.now, str) or self.was is None or self.now is None:
            return math.inf
        return abs(self.now - self.was) / abs(self.was) if self.was else math.inf

    def _how_far(self) -> str:
        return f" ({self.now / self.was - 1:+.3g} of it)" if math.isfinite(self.share) else ""  # type: ignore[operator]


def moved(pair: str, was: Figures, now: Figures) -> Iterator[Moved]:
    """Yield what differs: floats by more than :data:`TOLERANCE`, whole numbers and what never comes at all.

    Chances to die first are shares of one: what they differ by is of one, not of themselves. With spare lines they
    are interpolated, and other processors round them otherwise (3e-12 of a share of 1e-4 was seen).
    """
    for name in sorted(was.keys() | now.keys()):
        old, new = was.get(name, "absent"), now.get(name, "absent")
        if not _same(old, new, TOLERANCE if name.endswith("dies_first_share") else 0.0):
            yield Moved(pair, name, old, new)


def _same(old: Number | str, new: Number | str, of_one: float) -> bool:
    if isinstance(old, float) and isinstance(new, float):
        return math.isclose(old, new, rel_tol=TOLERANCE, abs_tol=of_one)
    return type(old) is type(new) and old == new


def summary(differences: Iterable[Moved]) -> str:
    """Return how much differs, in a sentence."""
    found = list(differences)
    if not found:
        return "no number moved"
    farthest = max(found, key=lambda one: one.share)
    return f"{len(found)} numbers of {len({one.pair for one in found})} pairs moved; the farthest: {farthest}"
