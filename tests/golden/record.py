"""Record the golden prices anew: ``python -m tests.golden.record --because "..."``.

Results change only on purpose: the reason, and what moved, is added to ``CHANGES.md``. The traces stay as they are,
because another processor trains other weights; ``--traces`` makes them anew, too.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch

from imcsim.trace.store import save
from tests.golden import numbers, runs
from tests.golden.figures import Figures, figures
from tests.golden.pairs import Pair, pairs

CHANGES = Path(__file__).with_name("CHANGES.md")
_NAMED = 10  # traces
COMMAND = 'python -m tests.golden.record --because "..."'


def main(arguments: Sequence[str] | None = None) -> None:
    """Record; refuse without a reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden.record", description="Record the golden prices anew.")
    parser.add_argument("--because", required=True, help="why numbers may move, for CHANGES.md")
    parser.add_argument("--traces", action="store_true", help="learn all stored traces anew, too")
    chosen = parser.parse_args(arguments)
    because = " ".join(chosen.because.split())
    if not because:
        parser.error("--because needs a reason: results change only on purpose")
    made = make_traces(anew=chosen.traces)
    now = {pair: figures(pair) for pair in pairs()}
    said = describe(numbers.read(), now)
    numbers.write(now)
    note(because, (*said, f"{len(made)} traces made" + (f": {', '.join(made)}" if len(made) <= _NAMED else "")))
    sys.stdout.write("\n".join(said) + "\n")


def make_traces(*, anew: bool) -> list[str]:
    """Make those traces that are not stored, or all of them; remove files of traces that are no more."""
    files = {runs.file_of(name): name for name in runs.names()}
    runs.FOLDER.mkdir(exist_ok=True)
    for old in set(runs.FOLDER.iterdir()) - set(files):
        old.unlink()
    due = {file: name for file, name in files.items() if anew or not file.exists()}
    for file, name in due.items():
        save(runs.make(name), file)
    return list(due.values())


def describe(was: numbers.Golden, now: dict[Pair, Figures]) -> tuple[str, ...]:
    """Return sentences on what is new, what is gone and what moved."""
    kept = {str(pair): found for pair, found in now.items()}
    both = was.keys() & kept.keys()
    differences = [one for pair in sorted(both) for one in numbers.moved(pair, was[pair], kept[pair])]
    return (
        f"{len(kept)} pairs, {sum(map(len, kept.values()))} numbers; {len(kept.keys() - both)} pairs are new, "
        f"{len(was.keys() - both)} are gone",
        numbers.summary(differences),
    )


def note(because: str, said: Sequence[str]) -> None:
    """Add an entry to :data:`CHANGES`."""
    head = "" if CHANGES.exists() else "# What moved the golden prices, and why\n"
    entry = f"\n## {datetime.now(UTC):%Y-%m-%d}: {because}\n\n" + "".join(f"- {line}\n" for line in said)
    with CHANGES.open("a") as file:
        file.write(head + entry)


if __name__ == "__main__":
    torch.set_num_threads(1)  # as the tests have it
    main()
