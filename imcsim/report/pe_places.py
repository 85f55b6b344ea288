"""Where PEs are drawn: in the squares of their routers on a chip with a floor plan, else row by row.

Shape letters: P PEs of the network.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.floor_plan import router_of, routers
from imcsim.report.routers import router_grid

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class PePlaces:
    """Column and row (P,) of each PE on a grid of ``shape``.

    Parameters
    ----------
    routers
        What is drawn of the routers, for a title; empty without a floor plan.
    blocks
        Of ``shape``: True where a router's square is, a PE of the network in it or not.
    buffer
        Place (column, row) of the buffer; None without a floor plan.
    """

    column: Ints
    row: Ints
    shape: tuple[int, int]
    routers: str = ""
    blocks: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 0), dtype=bool))
    buffer: tuple[float, float] | None = None


def in_order(count: int) -> PePlaces:
    """Return ``count`` PEs row by row, as square as can be."""
    side = max(1, math.ceil(math.sqrt(count)))
    row, column = np.divmod(np.arange(count), side)
    return PePlaces(column, row, (-(-count // side), side))


def pe_places(chip: ChipConfig, count: int) -> PePlaces:
    """Return where the first ``count`` PEs of ``chip`` lie: each router a square, its PEs row by row inside it.

    Routers around those in use are drawn, others cut off. Without a [floor_plan] PEs lie in order.
    """
    plan = chip.floor_plan
    if plan is None or count == 0:
        return in_order(count)
    found = routers(chip, plan)
    across, down = router_grid(found, plan.topology)
    router = router_of(chip, plan, np.arange(count))
    side = math.ceil(math.sqrt(plan.pes_per_router))
    pitch = side + 1  # a gap of one between routers
    used = np.unique(router)
    left, top = int(across[used].min()), int(down[used].min())
    right, bottom = int(across[used].max()) + 1, int(down[used].max()) + 1
    shown = (across >= left) & (across <= right) & (down >= top) & (down <= bottom)
    columns, rows = int(across[shown].max()) + 1 - left, int(down[shown].max()) + 1 - top
    blocks = np.zeros((rows * pitch - 1, columns * pitch - 1), dtype=bool)
    for column, row in zip(across[shown] - left, down[shown] - top, strict=True):
        blocks[row * pitch : row * pitch + side, column * pitch : column * pitch + side] = True
    inner_row, inner_column = np.divmod(np.arange(count) - router * plan.pes_per_router, side)
    middle = (-(-found.count // (math.isqrt(found.count - 1) + 1)) - 1) // 2
    buffer = (-2.5, (middle - top) * pitch + 0.5 * (side - 1))
    if plan.topology == "h-tree":
        buffer = (0.5 * blocks.shape[1] - 0.5, -2.5)
    return PePlaces(
        (across[router] - left) * pitch + np.minimum(inner_column, side - 1),
        (down[router] - top) * pitch + np.minimum(inner_row, side - 1),
        (blocks.shape[0], blocks.shape[1]), f"{len(used)} of {found.count} in use", blocks, buffer,
    )  # fmt: skip
