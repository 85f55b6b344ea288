"""The writing of one run: what the quantiser, the loop and the checkpoint see of the levers.

When codes are written into which memory, and at what cost: :mod:`imcsim.chip.writes`.
"""

from collections.abc import Sequence

import torch

from imcsim.core.errors import ConfigError
from imcsim.learn.method import Method
from imcsim.learn.writing.config import WritingConfig
from imcsim.learn.writing.row_updates import RowUpdates
from imcsim.learn.writing.stored import StoredCodes
from imcsim.mapping.layer import LayerSpec


class Writer:
    """Makes the cells of a quantiser's layers, and chooses the rows of a step.

    Parameters
    ----------
    config
        The levers.
    layers
        Mapped layers.
    width
        Outputs of a PE.
    generator
        Source of stochastic rounding, on the CPU; its state is checkpointed.
    """

    def __init__(
        self, config: WritingConfig, layers: Sequence[LayerSpec], width: int, generator: torch.Generator
    ) -> None:
        self.config, self.generator = config, generator
        self.rows = RowUpdates(config, layers, width)

    def cells(self, grid: tuple[float, float], limit: int) -> StoredCodes | None:
        """Return new cells of a layer with code step and reciprocal ``grid``; None: they follow the master copy."""
        return StoredCodes(self.config, grid, limit, self.generator) if self.config.on_codes else None


def check_writing(config: WritingConfig, method: Method, name: str) -> None:
    """Raise ConfigError if codes that depend on those before meet a method that rewrites cells to serve a task."""
    if not config.follows_master and "class-il" not in method.scenarios:
        field = "threshold" if config.threshold > 0.5 else "rounding"
        value: object = getattr(config, field)
        raise ConfigError(
            f"writing.{field} = {value!r}: method '{name}' puts back what belongs to a task when it is served, and the "
            f"codes that were stored then are not kept; leave writing.{field} out, or set master = 'codes' with "
            f"rounding = 'stochastic'"
        )
