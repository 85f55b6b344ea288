"""Many chips, one trace: what each costs, as rows of a table."""

import multiprocessing
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from typing import Any

from imcsim.chip.config import ChipConfig
from imcsim.chip.given import ChipLike, given_chip
from imcsim.chip.price import price
from imcsim.core.errors import ConfigError
from imcsim.core.sources import Resolved
from imcsim.core.vary import vary
from imcsim.trace.given import TraceLike, given_trace
from imcsim.trace.trace import Trace

Changes = Mapping[str, Any]
Row = dict[str, Any]

_AT_ONCE = 64  # design choice: chips that a process prices between two reports, some 0.3 s

_shared: list[tuple[Trace, Resolved[ChipConfig]]] = []  # what a worker was started with


def sweep(trace: TraceLike, chip: ChipLike, changes: Iterable[Changes], processes: int = 1) -> Iterator[Row]:
    """Yield the headline numbers of ``trace`` on ``chip`` with each of ``changes``, in their order.

    What a trace's counts mean for PEs of a size is worked out once and kept with the trace.

    Parameters
    ----------
    trace, chip
        As :func:`imcsim.price` takes them.
    changes
        For each row, dotted path of a chip's value -> the value. May be endless: rows come as they are ready.
    processes
        Worker processes; 1: in this one.

    Raises
    ------
    ConfigError
        For a change that the chip refuses, or fewer than one process.
    TraceError
        If the trace does not fit a changed chip.
    """
    if processes < 1:
        raise ConfigError(f"a sweep needs at least one process, got {processes}")
    start = given_trace(trace), given_chip(chip)
    if processes == 1:
        yield from (_row(*start, change) for change in changes)
        return
    price(*start)  # so that workers inherit what is worked out once
    batches = _batches(iter(changes))
    context = multiprocessing.get_context("fork" if os.name == "posix" else "spawn")
    with ProcessPoolExecutor(processes, context, _begin, start) as pool:
        waiting = [pool.submit(_rows, batch) for batch in islice(batches, 2 * processes)]
        while waiting:
            yield from waiting.pop(0).result()
            waiting += [pool.submit(_rows, batch) for batch in islice(batches, 1)]


def _batches(changes: Iterator[Changes]) -> Iterator[list[Changes]]:
    while batch := list(islice(changes, _AT_ONCE)):
        yield batch


def _begin(trace: Trace, chip: Resolved[ChipConfig]) -> None:
    _shared[:] = [(trace, chip)]


def _rows(changes: list[Changes]) -> list[Row]:
    return [_row(*_shared[0], change) for change in changes]


def _row(trace: Trace, chip: Resolved[ChipConfig], change: Changes) -> Row:
    return dict(change) | price(trace, vary(chip, change)).row()
