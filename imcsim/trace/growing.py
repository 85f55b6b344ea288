"""A trace's file while its run goes on: rows of each placement phase as it ends, the rest when all are in.

Shape letters: F placement phases.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from imcsim.core import sealed
from imcsim.core.arrays import AnyArray
from imcsim.core.errors import TraceError
from imcsim.core.tensor_file import Arrays
from imcsim.trace.conservation import check_once
from imcsim.trace.schema import COUNTS, SCHEMA_VERSION, SINGLE_ARRAYS, TASK_COUNTS
from imcsim.trace.trace import Trace

KIND = sealed.Kind("trace", SCHEMA_VERSION, TraceError, "train again or restore a copy", reads=(3,))

Rows = Mapping[str, Sequence[AnyArray] | AnyArray]
_STATES = ("codes/", "digital/")  # F + 1 rows: the first is deployment


class GrowingTrace:
    """What :func:`growing` yields."""

    def __init__(self, file: sealed.Growing) -> None:
        self._file = file
        self._phases = 0
        self._stored: dict[str, int] = {}  # array -> rows in the file

    def grow(self, tables: Rows) -> None:
        """Store the rows of each phase that ``tables`` hold and the file does not, phase after phase.

        Parameters
        ----------
        tables
            Array -> rows, one a phase; of codes and digital state also one at deployment. Arrays that came late have
            rows for the phases before, too.
        """
        for phase in range(self._phases, len(tables["input_density"])):
            due = {}
            for name, rows in tables.items():
                stored, last = self._stored.get(name, 0), phase + 1 + name.startswith(_STATES)
                if last > stored:
                    due[name] = np.stack([np.asarray(row) for row in rows[stored:last]])
                    self._stored[name] = last
            self._file.append(due)
        self._phases = len(tables["input_density"])

    def finish(self, trace: Trace) -> None:
        """Check the laws of ``trace``, whose phases are all in the file, and store the rest; then the file is there.

        Raises
        ------
        ConservationError
            If the trace contradicts itself: there is no file.
        """
        check_once(trace)
        self.grow(by_phase(trace))
        self._file.append(by_run(trace))
        self._file.finish(trace.meta.model_dump(mode="json"))


@contextmanager
def growing(path: Path) -> Iterator[GrowingTrace]:
    """Yield the file of a trace at ``path``; unless it is finished, it is gone after the block.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    with sealed.growing(path, KIND) as file:
        yield GrowingTrace(file)


def by_phase(trace: Trace) -> Arrays:
    """Return the arrays that a learner has when a phase ends, by their names in the file."""
    arrays: Arrays = {name: getattr(trace, name) for name in SINGLE_ARRAYS}
    arrays |= {f"codes/{layer}": array for layer, array in trace.codes.items()}
    arrays |= {"changes/" + "/".join(key): array for key, array in trace.changes.items()}
    arrays |= {"transitions/" + "/".join(key): array for key, array in trace.transitions.items()}
    for group in ("placement", "digital", "active"):
        arrays |= {f"{group}/{name}": array for name, array in getattr(trace, group).items()}
    for group in ("pulses", "half_selects"):
        arrays |= {f"{group}/" + "/".join(key): array for key, array in getattr(trace, group).items()}
    return arrays


def by_run(trace: Trace) -> Arrays:
    """Return the arrays that are whole when the run is, by their names in the file."""
    arrays: Arrays = {f"counts/{name}": trace.counts[name] for name in COUNTS}
    arrays |= {f"task/{name}": trace.task_counts[name] for name in TASK_COUNTS}
    arrays |= {f"wear/{name}": array for name, array in trace.wear_counts.items()}
    arrays |= {f"accuracy/{name}": array for name, array in trace.accuracy.items()}
    arrays |= {f"work/{term}/{amount}": array for term, table in trace.work.items() for amount, array in table.items()}
    return arrays
