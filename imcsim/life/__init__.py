"""How long a chip lives that keeps learning: the wear of every cell, failures, and what lengthens life."""

from imcsim.chip.wear.first_failure import Endurance, Tasks, first_failure
from imcsim.chip.wear.ledger import LayerWear, WearLedger
from imcsim.chip.wear.recording import wear_ledger
from imcsim.life.chips import changed_by, chip_for
from imcsim.life.compare import LeverRow, compare_levers, standard_policies
from imcsim.life.cycles import CellRates, cell_rates
from imcsim.life.failing import LayerLife
from imcsim.life.failures import share_failed
from imcsim.life.ledger_store import load_ledger, save_ledger
from imcsim.life.options import LifeOptions, parse_policies
from imcsim.life.outlook import Outlook, outlook, outlook_of
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
    "changed_by",
    "chip_for",
    "compare_levers",
    "first_failure",
    "load_ledger",
    "outlook",
    "outlook_of",
    "parse_policies",
    "save_ledger",
    "share_failed",
    "spare_limited",
    "standard_policies",
    "wear_ledger",
]
