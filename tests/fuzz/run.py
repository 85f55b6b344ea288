"""Spoils files and looks at what becomes of them: one sentence, or something that no law speaks against."""

import gc
import resource
import signal
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from unittest.mock import patch
from warnings import catch_warnings, simplefilter

import numpy as np

from imcsim.core.errors import ImcsimError
from tests.fuzz.targets import targets

LIMIT_S = 5.0  # of processor time, for one file
LIMIT_BYTES = 1 << 30
LONGEST = 1000  # letters of a sentence, with the paths in it


class FuzzError(AssertionError):
    """A spoilt file found a fault: which, and how to make it again."""


class _Hang(BaseException):
    """No exception of imcsim's may swallow it."""


def fuzz(counts: Mapping[str, int], folder: Path, seed: int = 0, first: int = 0) -> Counter[tuple[str, str]]:
    """Spoil ``counts[kind]`` files of each kind; return how many were accepted and refused.

    Parameters
    ----------
    counts
        Kind ("toml", "trace", "ledger", "checkpoint") -> files.
    folder
        Where they lie, one at a time.
    seed, first
        File number n of a kind depends on ``seed`` and n alone; ``first`` is the first n.

    Raises
    ------
    FuzzError
        For a raw exception, a sentence that is none, five seconds, a gibibyte, or a broken law that was accepted.
    """
    outcomes: Counter[tuple[str, str]] = Counter()
    with patch("os.fsync"):  # nothing here must outlast a power cut, and a disk answers slowly
        _fuzz_all(counts, folder, seed, first, outcomes)
    gc.collect()
    return outcomes


def _fuzz_all(
    counts: Mapping[str, int], folder: Path, seed: int, first: int, outcomes: Counter[tuple[str, str]]
) -> None:
    kinds = {target.name: target for target in targets(folder)}
    path, before = folder / "spoilt.toml", _memory()
    for number_of_kind, (kind, count) in enumerate(counts.items()):
        for number in range(first, first + count):
            kinds[kind].spoil(path, np.random.default_rng([seed, number_of_kind, number]))
            again = f"{kind} {number}, seed {seed}"
            outcomes[kind, _outcome(kinds[kind].use, path, again)] += 1
            if _memory() - before > LIMIT_BYTES:
                raise FuzzError(f"{again}: more than {LIMIT_BYTES:,} bytes")


def _outcome(use: object, path: Path, again: str) -> str:
    try:
        with _limited(), catch_warnings(), np.errstate(all="ignore"):
            simplefilter("ignore")
            wrong = use(path)  # type: ignore[operator]
    except ImcsimError as error:
        sentence = str(error)
        if not sentence or "\n" in sentence or len(sentence) > LONGEST or "no name" in sentence:
            raise FuzzError(f"{again}: not one sentence: {sentence[:300]!r}") from error
        return "refused"
    except _Hang:
        raise FuzzError(f"{again}: more than {LIMIT_S} s") from None
    except Exception as error:
        raise FuzzError(f"{again}: {type(error).__name__}: {str(error)[:300]}") from error
    if wrong:
        raise FuzzError(f"{again}: accepted, with {wrong[0]}")
    return "accepted"


@contextmanager
def _limited() -> Iterator[None]:
    def hang(signum: int, frame: FrameType | None) -> None:
        raise _Hang

    old = signal.signal(signal.SIGVTALRM, hang)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, old)


def _memory() -> int:
    """Most bytes that the process has held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
