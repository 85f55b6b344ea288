"""Off-chip memory."""

from pydantic import Field

from imcsim.core.charge import Price
from imcsim.core.config import FrozenConfig


class Dram(FrozenConfig):
    """``energy_j`` per bit read or written (J), and ``bandwidth_bits_per_s``."""

    name: str
    energy_j: float = Field(ge=0)
    bandwidth_bits_per_s: float = Field(gt=0)

    def energy_price(self, at: str = "dram") -> Price:
        """Return the price (J) of a bit read or written, for the memory at path ``at`` of the chip."""
        return Price(self.energy_j, "energy of a bit", (f"{at}.energy_j",))

    def time_price(self, at: str = "dram") -> Price:
        """Return the price (s) of a bit across the channel."""
        return Price(1.0 / self.bandwidth_bits_per_s, "1 / bandwidth", (f"{at}.bandwidth_bits_per_s",))
