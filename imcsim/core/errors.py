"""Every error that a user can meet: one sentence, and the exit status of the command line."""

import difflib
from collections.abc import Iterable

_LONGEST = 1200  # characters; longer than any sentence of ours, shorter than what a user may have typed or printed


class ImcsimError(Exception):
    """Base of all errors raised on purpose; its text is one sentence for the user, cut in the middle if endless."""

    exit_status = 2  # the user's mistake

    def __init__(self, *args: object) -> None:
        super().__init__(*(_cut(each) if isinstance(each, str) else each for each in args))


def _cut(text: str) -> str:
    half = _LONGEST // 2
    return text if len(text) <= _LONGEST else f"{text[:half]} [...] {text[-half:]}"


class ConfigError(ImcsimError):
    """A configuration file or override breaks a rule."""


class ContentError(ImcsimError):
    """Named content (device, chip, network, study) is missing, foreign or broken."""


class MappingError(ImcsimError):
    """A weight matrix cannot be put on the arrays as asked."""


class CrossbarError(ImcsimError):
    """An array, its wires or its inputs are not physical or do not fit each other."""


class TraceError(ImcsimError):
    """A trace is corrupt, of another version, or cannot be priced on this chip."""


class EventsError(ImcsimError):
    """A task graph contradicts itself, or stops before all its tasks are done."""


class DataError(ImcsimError):
    """A data set is missing or does not match its checksum."""


class StudyError(ImcsimError):
    """A study's specification or store is unusable."""


class ConservationError(ImcsimError):
    """A conservation law does not hold: a defect of imcsim or of a trace, never the user's mistake."""

    exit_status = 1


class CostError(ImcsimError, ValueError):
    """A cost is negative or no number: a value of the chip or of the trace is out of all proportion."""


class StorageError(ImcsimError):
    """The disk refused a write; nothing was half-written."""

    exit_status = 1


_LISTED = 40  # names in one sentence; the kinds and keys of one table are fewer


def short(text: str, most: int = 80) -> str:
    """Return ``text`` on one line, cut where it is longer than a sentence bears."""
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 3]}..."


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return a hint ``; did you mean 'x'?`` or the list of allowed names.

    Parameters
    ----------
    name
        What was given.
    allowed
        What could have been given.
    """
    choices = sorted(allowed)
    # the search takes the product of the lengths, and nothing is near to a name of hundreds of letters
    close = difflib.get_close_matches(name, choices, n=1, cutoff=0.5) if len(name) <= 100 else []
    if close:
        return f"; did you mean '{close[0]}'?"
    left = len(choices) - _LISTED
    shown = ", ".join(choices[:_LISTED]) + (f" and {left} more" if left > 0 else "")
    return f"; allowed: {shown}" if choices else ""
