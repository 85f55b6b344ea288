"""The chip: its description, action counts, cost roll-up, programming plan and wear."""

from imcsim.chip.config import ChipConfig, load_chip
from imcsim.chip.price import price
from imcsim.chip.report import Lifetime, Report, Writes

__all__ = ["ChipConfig", "Lifetime", "Report", "Writes", "load_chip", "price"]
