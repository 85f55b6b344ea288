"""A commit cut short by a power failure: as events, on the real codes of a trace, with one copy and with two."""

from imcsim.events.consolidate.cost import RecordCost, SchemeCost, scheme_cost
from imcsim.events.consolidate.crash import Crash, Outcomes, Yearly, crash, over_cuts
from imcsim.events.consolidate.cut import power_cut
from imcsim.events.consolidate.graph import Consolidation, consolidation
from imcsim.events.consolidate.memory import UNSETTLED, Memory, Records
from imcsim.events.consolidate.recovery import (
    DEPLOYMENT,
    PE_STATES,
    Recovered,
    cut_again,
    recover,
    recovered_trace,
    recovery_graph,
)
from imcsim.events.consolidate.scheme import SCHEMES, CommitScheme, memory_before

__all__ = [
    "DEPLOYMENT",
    "PE_STATES",
    "SCHEMES",
    "UNSETTLED",
    "CommitScheme",
    "Consolidation",
    "Crash",
    "Memory",
    "Outcomes",
    "RecordCost",
    "Records",
    "Recovered",
    "SchemeCost",
    "Yearly",
    "consolidation",
    "crash",
    "cut_again",
    "memory_before",
    "over_cuts",
    "power_cut",
    "recover",
    "recovered_trace",
    "recovery_graph",
    "scheme_cost",
]
