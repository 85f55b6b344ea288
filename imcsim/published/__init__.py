"""Published chips: their energy per MAC predicted from their public description, and compared."""

from imcsim.published.calibration import Calibration, calibrate
from imcsim.published.compare import Comparison, Validation, validate
from imcsim.published.points import PublishedPoint, read_points, shipped_points
from imcsim.published.units import PublishedUnits, load_units

__all__ = [
    "Calibration",
    "Comparison",
    "PublishedPoint",
    "PublishedUnits",
    "Validation",
    "calibrate",
    "load_units",
    "read_points",
    "shipped_points",
    "validate",
]
