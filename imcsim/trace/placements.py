"""Which PEs train in each task: masks by layer, and by task when called.

Shape letters: T tasks, G groups.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import TraceError


class Placements(dict[str, NDArray[np.bool_]]):
    """Layer -> (T, G, row tiles, column tiles): True where the PE trains; empty if the method does not place PEs."""

    def __call__(self, task: int) -> dict[str, NDArray[Any]]:
        """Return the masks (G, row tiles, column tiles) of one task, as :func:`imcsim.convert` takes them.

        Raises
        ------
        TraceError
            If the trace has no such task.
        """
        if not isinstance(task, int | np.integer) or isinstance(task, bool):
            raise TraceError(f"a task is a whole number from 0 on, got {task!r}")
        tasks = min((len(mask) for mask in self.values()), default=task + 1)
        if not 0 <= task < tasks:
            raise TraceError(f"the trace has tasks 0 to {tasks - 1}, got {task}")
        return {layer: mask[task] for layer, mask in self.items()}
