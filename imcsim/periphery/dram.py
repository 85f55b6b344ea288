"""Off-chip memory."""

from pydantic import Field

from imcsim.core.config import FrozenConfig


class Dram(FrozenConfig):
    """``energy_j`` per bit read or written (J), and ``bandwidth_bits_per_s``."""

    name: str
    energy_j: float = Field(ge=0)
    bandwidth_bits_per_s: float = Field(gt=0)
