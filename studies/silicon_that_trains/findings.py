"""One finding for each claim."""

from collections.abc import Mapping, Sequence
from typing import Any

from imcsim.published.training import ChipFound
from studies.silicon_that_trains.compute_findings import gonugondla, processors, tpim, two_way
from studies.silicon_that_trains.finding import Finding
from studies.silicon_that_trains.memory_findings import chimera, endurer, forward_only, low_rank, m2ru, stellar
from studies.silicon_that_trains.wear import Worn

Rows = Sequence[Mapping[str, Any]]
ENDER = "illusion_endurer_ne21"


def findings(found: Sequence[ChipFound], worn: Sequence[Worn], wear: Rows, first: Rows) -> list[Finding]:
    """Return every finding; ``wear`` and ``first`` are the rows of :mod:`studies.silicon_that_trains.wear`."""
    chips = {one.chip.chip_id: one for one in found}
    return [
        *chimera(chips["chimera_vlsi21_40nm"].chip, chips["lrt_gural20"].chip.value("quoted_rram_write_energy")),
        *endurer(chips[ENDER], worn, wear, first),
        *stellar(chips["stellar_science23"].chip, chips),
        *tpim(chips["tpim_cicc22_28nm_training"]),
        *two_way(chips),
        *m2ru(chips["m2ru_arxiv2512_17299"]),
        *forward_only(chips["fwdonly_arxiv2601_09903"]),
        *gonugondla(chips["gonugondla_isscc18_65nm"]),
        *processors(chips),
        low_rank(chips["lrt_gural20"]),
    ]
