"""A trace as a caller gives it: the object, or the path of its file."""

from pathlib import Path

from imcsim.core.errors import TraceError
from imcsim.trace.conservation import check_once
from imcsim.trace.store import load
from imcsim.trace.trace import Trace

TraceLike = Trace | str | Path


def given_trace(trace: TraceLike) -> Trace:
    """Return the trace, read from its file where a path is given; it obeys its laws.

    Raises
    ------
    TraceError
        If it is neither, or the file is missing or broken.
    ConservationError
        If it breaks a law of :mod:`imcsim.trace.conservation`.
    """
    return check_once(read_trace(trace))


def read_trace(trace: TraceLike) -> Trace:
    """Return the trace, read from its file where a path is given; one at hand is taken as it is.

    Raises
    ------
    TraceError
        If it is neither, or the file is missing or broken.
    """
    if isinstance(trace, str | Path):
        return load(Path(trace))
    if not isinstance(trace, Trace):
        raise TraceError(f"a trace must be an imcsim.trace.Trace or the path of its file, got {type(trace).__name__}")
    return trace
