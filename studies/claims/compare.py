"""Energy claims as comparisons of two lines: ratios at the preset, and where each claim turns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from imcsim.chip.config import load_chip
from studies.claims.energy import Account, Line, event_energy_j, least_event_j, most_inferences
from studies.claims.runs import Book, Chips, line

RRAM = "all-rram-28nm"
INFERENCES = 100_000  # the horizon of every shipped chip
# Joules an event of published cells, as content files and their sources have it; the preset's comes from its chip
WRITES: Mapping[str, float] = {"NVSim": 0.6e-12, "MLP-NeuroSim, full range": 6.2e-9}
EVERY_CELL = "every cell rewritten"


@dataclass(frozen=True)
class Comparison:
    """A claim that ``method`` takes ``target`` times less energy than ``base``, by one account, on one chip."""

    claim: str
    base: str
    method: str
    target: float
    account: Account
    chip: str = RRAM


XBM, XMA = 1 / (1 - 0.40), 4.3
GATED = "all-rram-28nm, columns gated"
COMPARISONS: tuple[Comparison, ...] = (
    *(
        Comparison(claim, base, method, target, "switch")
        for claim, method, target in (("xbm-energy", "xbm", XBM), ("xma-energy", "xma", XMA))
        for base in ("piggyback", "piggyback-fast", "retuned", EVERY_CELL)
    ),
    *(
        Comparison(claim, base, method, target, "training", chip)
        for claim, method, target in (("xbm-energy", "xbm", XBM), ("xma-energy", "xma", XMA))
        for base in ("piggyback", "retuned")
        for chip in (RRAM, "hybrid-28nm")
    ),
    Comparison("xbm-energy", "piggyback", "xbm-norm", XBM, "switch"),
    *(
        Comparison(claim, "piggyback", method, target, "switch", GATED)
        for claim, method, target in (("xbm-energy", "xbm", XBM), ("xma-energy", "xma", XMA))
    ),
    Comparison("ksm-switch", "piggyback", "ksm", 1.0, "switch"),
    *(
        Comparison("sparcl-energy", "derpp", "sparcl-derpp-95", 23.0, "training", chip)
        for chip in (RRAM, "hybrid-28nm")
    ),
)


def pessimistic_event_j() -> float:
    """Return the energy (J) of an event of the cell ``rram-40nm-pessimistic``."""
    return event_energy_j(load_chip(RRAM, {"rram.cell": "rram-40nm-pessimistic"}).config)


def lines(book: Book, chips: Chips, wanted: Comparison) -> tuple[Line, Line]:
    """Return the lines of both sides; "every cell rewritten" is Piggyback if each switch wrote every cell in use."""
    method = line(book, chips, wanted.method, wanted.chip, wanted.account)
    if wanted.base != EVERY_CELL:
        return line(book, chips, wanted.base, wanted.chip, wanted.account), method
    cells = np.mean([run.report.writes["rram"].cells for run in book["piggyback", wanted.chip]])
    base = line(book, chips, "piggyback", wanted.chip, wanted.account)
    return replace(base, events=float(cells)), method


def comparison_rows(book: Book, chips: Chips) -> Iterator[dict[str, Any]]:
    """Yield one row for each comparison: ratios at the preset, and the bounds of where the claim is true."""
    for wanted in COMPARISONS:
        if (wanted.method, wanted.chip) not in book:
            continue
        base, method = lines(book, chips, wanted)
        event = event_energy_j(chips[wanted.chip].config)
        yield {
            "claim": wanted.claim,
            "base": wanted.base,
            "method": wanted.method,
            "account": wanted.account,
            "chip": wanted.chip,
            "target": wanted.target,
            "event_j": event,
            "ratio_at_horizon": base.energy_j(event, INFERENCES) / method.energy_j(event, INFERENCES),
            "ratio_without_inferences": base.energy_j(event, 0) / method.energy_j(event, 0),
            "most_inferences_preset": most_inferences(base, method, wanted.target, event),
            **{
                f"most_inferences, {name}": most_inferences(base, method, wanted.target, joules)
                for name, joules in {**WRITES, "40 nm pessimistic": pessimistic_event_j()}.items()
            },
            "least_event_j_at_horizon": least_event_j(base, method, wanted.target, INFERENCES),
            "least_event_j_without_inferences": least_event_j(base, method, wanted.target, 0),
            "base_fixed_j": base.fixed_j,
            "base_events": base.events,
            "base_inference_j": base.inference_j,
            "method_fixed_j": method.fixed_j,
            "method_events": method.events,
            "method_inference_j": method.inference_j,
        }
