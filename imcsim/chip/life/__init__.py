"""How long a chip lives that keeps learning: the wear of every cell, failures, and what lengthens life."""

from imcsim.chip.life.cycles import CellRates, cell_rates
from imcsim.chip.life.failures import Endurance, Tasks, first_failure, share_failed
from imcsim.chip.life.ledger import LayerWear, WearLedger
from imcsim.chip.life.options import LifeOptions, parse_policies
from imcsim.chip.life.outlook import LayerLife, Outlook, outlook
from imcsim.chip.life.recording import wear_ledger
from imcsim.chip.life.spares import spare_limited

__all__ = [
    "CellRates",
    "Endurance",
    "LayerLife",
    "LayerWear",
    "LifeOptions",
    "Outlook",
    "Tasks",
    "WearLedger",
    "cell_rates",
    "first_failure",
    "outlook",
    "parse_policies",
    "share_failed",
    "spare_limited",
    "wear_ledger",
]
