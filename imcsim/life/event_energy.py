"""Energy of level changes of a memory whose levels are not told one by one: means, and counted moves."""

import numpy as np
from numpy.typing import NDArray

from imcsim.memory.macro import Macro


def mean_event_j(macro: Macro) -> float:
    """Return the energy (J) of a level change, the mean over all pairs of levels that cost something."""
    each = np.asarray(macro.sheet.write.value)
    return float(each.sum() / max(1, np.count_nonzero(each)))


def one_level_j(macro: Macro) -> float:
    """Return the energy (J) of a move by one level, the mean over both directions and all levels."""
    each = np.asarray(macro.sheet.write.value)
    return float(each if each.ndim == 0 else np.concatenate([each.diagonal(1), each.diagonal(-1)]).mean())


def moves_j(transitions: NDArray[np.integer], macro: Macro) -> float:
    """Return the energy (J) of (levels, levels) counted level changes; cells that keep their level cost nothing."""
    each = np.asarray(macro.sheet.write.value)
    return float((transitions * each * (1 - np.eye(len(transitions)))).sum())
