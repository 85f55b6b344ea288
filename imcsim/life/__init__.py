"""How long a chip lives that keeps learning: the wear of every cell, failures, and what lengthens life."""

from imcsim.chip.wear.first_failure import Endurance, Tasks, first_failure
from imcsim.chip.wear.ledger import LayerWear, WearLedger
from imcsim.chip.wear.recording import wear_ledger
from imcsim.life.chips import chip_for
from imcsim.life.compare import LeverRow, compare_levers, standard_policies
from imcsim.life.cycles import CellRates, cell_rates
from imcsim.life.failures import share_failed
from imcsim.life.ledger_store import load_ledger, save_ledger
from imcsim.life.options import LifeOptions, parse_policies
from imcsim.life.outlook import LayerLife, Outlook, outlook
from imcsim.life.spares import spare_limited

__all__ = [
    "CellRates",
    "Endurance",
    "LayerLife",
    "LayerWear",
    "LeverRow",
    "LifeOptions",
    "Outlook",
    "Tasks",
    "WearLedger",
    "cell_rates",
    "chip_for",
    "compare_levers",
    "first_failure",
    "load_ledger",
    "outlook",
    "parse_policies",
    "save_ledger",
    "share_failed",
    "spare_limited",
    "standard_policies",
    "wear_ledger",
]
