"""On-chip links between PEs and buffers."""

from pydantic import Field

from imcsim.core.config import FrozenConfig


class Link(FrozenConfig):
    """Router and wire: ``energy_j`` per bit and hop (J), ``hops`` the mean distance, ``bandwidth_bits_per_s``."""

    name: str
    energy_j: float = Field(ge=0)
    hops: float = Field(ge=0)
    bandwidth_bits_per_s: float = Field(gt=0)
