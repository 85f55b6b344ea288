"""Published macros: energy, time and area from their public description, by the functions that price a chip."""

from imcsim.published.calibration import Calibration, calibrate
from imcsim.published.compare import Comparison, Figure, Validation, validate
from imcsim.published.macro_of import PublishedMacro, macro_of
from imcsim.published.points import PublishedPoint
from imcsim.published.table import read_points, shipped_points
from imcsim.published.units import PublishedUnits, load_units

__all__ = [
    "Calibration",
    "Comparison",
    "Figure",
    "PublishedMacro",
    "PublishedPoint",
    "PublishedUnits",
    "Validation",
    "calibrate",
    "load_units",
    "macro_of",
    "read_points",
    "shipped_points",
    "validate",
]
