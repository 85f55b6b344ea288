"""Cells that wear out while a network learns: stuck from then on in the weights that the learner sees.

Heavy parts are imported by name: :mod:`~imcsim.learn.wear.cells` (the state of a run), :mod:`~imcsim.learn.wear.served`
and :mod:`~imcsim.learn.wear.learned` (accuracy at an age).
"""

from imcsim.learn.wear.config import WearConfig

__all__ = ["WearConfig"]
