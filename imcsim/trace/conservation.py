"""The door that every trace passes before it is saved, priced or read in any other way: its laws, all of them.

A broken law is a defect of imcsim or of a file, and is never priced. The laws are in ``imcsim.trace.laws``, a file for
each thing that they tie together; a further one is a function of a trace in a file of its own, named in ``LAWS``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from imcsim.core.errors import ConservationError
from imcsim.trace.laws import (
    accuracy,
    arrays,
    changes,
    errors,
    flow,
    frozen,
    gradients,
    header,
    masks,
    memory,
    passes,
    phases,
    pulses,
    updates,
    wear,
)
from imcsim.trace.laws.cells import forget
from imcsim.trace.schema import SINGLE_ARRAYS
from imcsim.trace.trace import Trace

Law = Callable[[Trace], None]

#: in this order: the first three make sure that the others find what they look at
LAWS: tuple[Law, ...] = (
    header.check,
    arrays.check,
    phases.check,
    flow.check,
    frozen.check,
    masks.check,
    passes.check,
    gradients.check,
    errors.check,
    changes.check,
    updates.check,
    pulses.check,
    memory.check,
    wear.check,
    accuracy.check,
)

_TABLES = ("counts", "task_counts", "codes", "changes", "transitions", "placement", "active", "digital", "wear_counts",
           "accuracy", "work", "pulses", "half_selects")  # fmt: skip


def check_trace(trace: Trace) -> None:
    """Raise ConservationError at the first broken law, whatever the trace holds."""
    _check(trace, LAWS)


def check_arrays(trace: Trace) -> None:
    """Raise ConservationError unless header and arrays are whole, each in itself.

    That is enough to rebuild a network, also from a trace whose codes are not those that its commits led to, as after
    a power cut.
    """
    _check(trace, (header.check, arrays.check))


def _check(trace: Trace, laws: Sequence[Law]) -> None:
    forget(trace)
    try:
        for law in laws:
            law(trace)
    except ConservationError:
        raise
    except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError) as error:
        said = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        raise ConservationError(f"the trace breaks a law that has no name: {said}") from error
    finally:
        forget(trace)


def check_once(trace: Trace) -> Trace:
    """Return ``trace`` if it obeys its laws; they are checked at the first call, for the verdict stays on the object.

    Its arrays are read-only from then on. A trace with other arrays or another header (``dataclasses.replace``, or a
    table of it that was changed) is checked anew.

    Raises
    ------
    ConservationError
        At the first broken law.
    """
    seen = tuple(_parts(trace))
    if trace.verdict is None or not _same(trace.verdict, seen):
        check_trace(trace)
        for _, part in seen:
            if isinstance(part, np.ndarray):
                part.flags.writeable = False
        object.__setattr__(trace, "verdict", seen)
    return trace


def _same(known: tuple[tuple[object, object], ...], seen: tuple[tuple[object, object], ...]) -> bool:
    return len(known) == len(seen) and all(
        was[0] == now[0] and was[1] is now[1] and not (isinstance(now[1], np.ndarray) and now[1].flags.writeable)
        for was, now in zip(known, seen, strict=True)
    )


def _parts(trace: Trace) -> Iterator[tuple[object, object]]:
    """Yield (name, part) of everything that a verdict is about."""
    yield "meta", trace.meta
    for name in SINGLE_ARRAYS:
        yield name, getattr(trace, name)
    for group in _TABLES:
        table = getattr(trace, group)
        if isinstance(table, Mapping):
            for key, part in table.items():
                parts = part.items() if isinstance(part, Mapping) else (("", part),)  # work: a table of each term
                yield from (((group, key, name), array) for name, array in parts)
