"""On-chip links between PEs and buffers."""

from pydantic import Field

from imcsim.core.charge import Price
from imcsim.core.config import FrozenConfig


class Link(FrozenConfig):
    """Router and wire: ``energy_j`` per bit and hop (J), ``hops`` the mean distance, ``bandwidth_bits_per_s``."""

    name: str
    energy_j: float = Field(ge=0)
    hops: float = Field(ge=0)
    bandwidth_bits_per_s: float = Field(gt=0)

    def energy_price(self, at: str = "link") -> Price:
        """Return the price (J) of a bit over one hop, for the links at path ``at`` of the chip."""
        return Price(self.energy_j, "energy of a bit and hop", (f"{at}.energy_j",))

    def time_price(self, at: str = "link") -> Price:
        """Return the price (s) of a bit across one link."""
        return Price(1.0 / self.bandwidth_bits_per_s, "1 / bandwidth", (f"{at}.bandwidth_bits_per_s",))
