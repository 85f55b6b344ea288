"""How a priced number arose: what was counted in the trace, what one of it costs, and where each value came from."""

from imcsim.chip.explain.energy import explain_energy, explained_leaves
from imcsim.chip.explain.explanation import Explanation

__all__ = ["Explanation", "explain_energy", "explained_leaves"]
