"""Codes that a layer's arrays hold where some of its cells are stuck.

A cell stuck high is at its highest level, whatever the slice needs: the top slice of a magnitude uses few of its
levels, so that a weight with a stuck cell may lie outside the code range. Shape letters: K cells per weight.
"""

import torch
from torch import Tensor

from imcsim.crossbar.encoding import Encoding


class StuckLayer:
    """Turns intended codes into the codes that the cells of one layer give.

    Parameters
    ----------
    encoding
        How codes lie in cells.
    limit
        Largest intended code; codes lie in -limit .. limit.
    device
        Where the codes live.
    """

    def __init__(self, encoding: Encoding, limit: int, device: torch.device) -> None:
        table = encoding.levels(torch.arange(-limit, limit + 1).numpy()).T  # (codes, K)
        place = torch.from_numpy(encoding.significance.copy())
        levels = torch.from_numpy(table.astype("int32")).to(device)
        self._worth = levels * place.to(device)  # (codes, K): what each cell adds to its code
        self._high = (place * (encoding.level_count - 1)).to(device)
        self._limit = limit
        self._offset = -limit - int(self._worth[0].sum())  # 0 for pairs, -2^(b-1) for the offset
        self.weights = torch.empty(0, dtype=torch.int64, device=device)
        self._dead = torch.empty(0, len(place), dtype=torch.bool, device=device)
        self._adds = torch.empty(0, dtype=torch.int32, device=device)
        self._state = 0
        self._known: tuple[Tensor, tuple[int, int]] | None = None
        self._seen = torch.empty(0)
        self.open: Tensor | None = None

    def set_dead(self, weights: Tensor, dead: Tensor, high: Tensor) -> None:
        """Take (n,) positions of the weights with dead cells, and (n, K) which are dead and which of them high."""
        self.weights, self._dead = weights, dead
        self._adds = ((dead & high) * self._high).sum(1, dtype=torch.int32)
        self._state += 1

    def expose(self, in_sram: Tensor | None) -> None:
        """Say which weights (flat, bool) are in SRAM now, where nothing is stuck; None: none of them."""
        self.open = in_sram
        self._state += 1

    def __call__(self, codes: Tensor) -> Tensor:
        """Return ``codes`` (floats, integer values, of the weight's shape) as the cells give them; not to be changed.

        The codes themselves if no cell is dead.
        """
        if not len(self.weights):
            return codes
        now = (codes._version, self._state)
        if self._known is None or self._known[0] is not codes or self._known[1] != now:
            self._seen, self._known = self._stuck(codes), (codes, now)
        return self._seen

    def _stuck(self, codes: Tensor) -> Tensor:
        seen = codes.clone()
        flat, weights = seen.view(-1), self.weights
        intended = self._worth[flat[weights].long() + self._limit]
        given = (intended * ~self._dead).sum(1, dtype=torch.int32) + self._adds + self._offset
        values = given.to(flat.dtype)
        if self.open is not None:
            values = torch.where(self.open[weights], flat[weights], values)
        flat[weights] = values
        return seen
