"""How a priced number arose: what was counted in the trace, what one of it costs, and where each value came from."""

from imcsim.chip.explain.area import explained_area
from imcsim.chip.explain.energy import explained_energy
from imcsim.chip.explain.explanation import UNITS, Explanation, Term
from imcsim.chip.explain.latency import explained_latency
from imcsim.chip.explain.path import EXPLAINED, explain_priced

__all__ = [
    "EXPLAINED", "UNITS", "Explanation", "Term", "explain_priced", "explained_area", "explained_energy",
    "explained_latency",
]  # fmt: skip
