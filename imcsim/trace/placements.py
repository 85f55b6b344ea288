"""Which PEs train in each placement phase: masks by layer, and by task when called.

A placement phase is told in :mod:`imcsim.trace.phase`.

Shape letters: F placement phases, G groups.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import TraceError


class Placements(dict[str, NDArray[np.bool_]]):
    """Layer -> (F, G, row tiles, column tiles): True where the PE trains; empty if the method does not place PEs.

    ``last_phases`` are the numbers of each task's last phase; None: each task is one phase.
    """

    def __init__(
        self, masks: Mapping[str, NDArray[np.bool_]] | None = None, last_phases: Sequence[int] | None = None
    ) -> None:
        super().__init__(masks or {})
        self._last = last_phases

    def __call__(self, task: int) -> dict[str, NDArray[np.bool_]]:
        """Return the masks (G, row tiles, column tiles) at the end of one task, as :func:`imcsim.convert` takes them.

        Raises
        ------
        TraceError
            If the trace has no such task.
        """
        if not isinstance(task, int | np.integer) or isinstance(task, bool):
            raise TraceError(f"a task is a whole number from 0 on, got {task!r}")
        phases = min((len(mask) for mask in self.values()), default=task + 1)
        last = range(phases) if self._last is None or not self else self._last
        if not 0 <= task < len(last):
            raise TraceError(f"the trace has tasks 0 to {len(last) - 1}, got {task}")
        return {layer: mask[last[task]] for layer, mask in self.items()}
