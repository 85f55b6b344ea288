"""How long a chip lives that keeps learning: the wear of every cell, failures, and what lengthens life."""

from imcsim.chip.life.ledger import LayerWear, WearLedger
from imcsim.chip.life.recording import wear_ledger

__all__ = ["LayerWear", "WearLedger", "wear_ledger"]
