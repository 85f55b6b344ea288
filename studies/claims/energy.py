"""Energy of an adaption as a line in two unknowns: joules per programming event, and inferences until the next task.

E(e_w, n) = fixed + events x e_w + n x inference. Rule ``flat`` of :mod:`imcsim.devices.programming` charges one energy
an event, so that the form is exact, and where a claim about a ratio of two such energies is true can be solved for.
"""

from dataclasses import dataclass
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.report import Report
from imcsim.chip.switching import Switch
from imcsim.devices.programming import event_energies_j

Account = Literal["switch", "training"]


@dataclass(frozen=True)
class Line:
    """Joules that do not depend on the unknowns, RRAM programming events, joules an inference."""

    fixed_j: float
    events: float
    inference_j: float

    def energy_j(self, event_j: float, inferences: float) -> float:
        """Return E(e_w, n) in J."""
        return self.fixed_j + self.events * event_j + self.inference_j * inferences


def event_energy_j(chip: ChipConfig) -> float:
    """Return the chip's energy (J) of one programming event; it must charge by the rule ``flat``."""
    if chip.rram is None or chip.rram.write_rule != "flat":
        raise ValueError("the line needs a chip with RRAM that charges each event alike")
    return float(event_energies_j(chip.rram.cell, chip.rram.cell_bits, "flat")[0, 1])


def line_of(report: Report, switched: Switch, event_j: float, account: Account) -> Line:
    """Return the line of one adaption.

    Parameters
    ----------
    report
        Price of the run; its chip charges ``event_j`` for each programming event.
    switched
        Task switch of the same run and chip.
    account
        "switch": masks are loaded, cells rewritten, then come the inferences. "training": before that, training, too,
        the mean over tasks from the second on (the first makes the backbone).
    """
    fixed = switched.energy.total - switched.nonvolatile_cells * event_j
    events = switched.nonvolatile_cells
    if account == "training":
        trees = report.energy_by_task[1:]
        programmed = sum(
            value for tree in trees for path, value in tree.leaves.items() if path[-1] == "rram_program"
        ) / len(trees)
        fixed += sum(tree.total for tree in trees) / len(trees) - programmed
        events += programmed / event_j
    return Line(max(fixed, 0.0), events, report.inference.total)


def mean_line(lines: list[Line]) -> Line:
    """Return the mean over seeds, part by part."""
    parts = np.array([(line.fixed_j, line.events, line.inference_j) for line in lines]).mean(axis=0)
    return Line(*(float(part) for part in parts))


def ratio(
    base: Line, method: Line, event_j: NDArray[np.float64], inferences: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return E_base / E_method on a grid of both unknowns (shapes that broadcast)."""
    return (base.fixed_j + base.events * event_j + base.inference_j * inferences) / (
        method.fixed_j + method.events * event_j + method.inference_j * inferences
    )


def most_inferences(base: Line, method: Line, target: float, event_j: float) -> float:
    """Return the largest n at which E_base >= target x E_method; 0 if none, inf if it is true for all large n."""
    gain = base.energy_j(event_j, 0) - target * method.energy_j(event_j, 0)
    loss = target * method.inference_j - base.inference_j
    if loss < 0 or (loss == 0 and gain >= 0):
        return inf
    return gain / loss if gain > 0 else 0.0


def least_event_j(base: Line, method: Line, target: float, inferences: float) -> float:
    """Return the smallest e_w (J) at which E_base >= target x E_method; 0 if always, inf if never."""
    missing = target * method.energy_j(0, inferences) - base.energy_j(0, inferences)
    slope = base.events - target * method.events
    if missing <= 0:
        return 0.0
    return inf if slope <= 0 else missing / slope
