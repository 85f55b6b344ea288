"""Everything that a trace costs on a chip, as charges: tree by tree, with what they were counted from."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from imcsim.chip.area import area
from imcsim.chip.config import ChipConfig
from imcsim.chip.part import BY_PHASE, Spent
from imcsim.chip.placed import Placed
from imcsim.chip.reload import Reloads, reloads
from imcsim.chip.serving import deployment, inference, inference_latency, power_up
from imcsim.chip.switching import Switch, switch
from imcsim.chip.traffic import Traffic, traffic
from imcsim.chip.training import seconds_of, training_energy, training_latency
from imcsim.chip.writes import Writes, writes_of
from imcsim.core.charge import Charges, tree_of, trees_by_task, under
from imcsim.core.cost import Breakdown
from imcsim.core.errors import CostError

SI_UNITS = {
    "energy": "J", "latency": "s", "area": "m2", "deployment": "J", "task_switch": "J", "power_up": "J",
    "inference": "J", "inference_latency": "s",
}  # fmt: skip
"""Tree -> what its leaves are in."""


@dataclass(frozen=True)
class Charged:
    """The charges of every tree of :data:`SI_UNITS`, and what they follow from.

    Parameters
    ----------
    writes, bits, reload, switch
        What is written when; which bits move; what does not stay on the chip; a mean task switch.
    deployed_events
        Programming events of the first programming.
    """

    placed: Placed
    writes: Writes
    bits: Traffic
    reload: Reloads | None
    switch: Switch
    deployed_events: int
    trees: Mapping[str, Charges]

    def tree(self, name: str) -> Breakdown:
        """Return the sums of the charges of a tree, all phases together."""
        return self.by_task(name)[0] if name in BY_PHASE else tree_of(self.trees[name])

    def by_task(self, name: str) -> tuple[Breakdown, tuple[Breakdown, ...]]:
        """Return the sums of one of :data:`BY_PHASE` for all tasks together, and for each task."""
        return trees_by_task(self.trees[name], self.placed.trace.meta.phase_tasks)


def charged(placed: Placed) -> Charged:
    """Return what the trace of ``placed`` costs on its chip; CostError if a value of it is out of all proportion."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # a sum that is infinite is refused by name
            return _charged(placed)
    except OverflowError:
        raise CostError("a cost is too large for a number: a value of the chip is out of all proportion") from None


def _charged(placed: Placed) -> Charged:
    writes, bits, again, switched = writes_of(placed), traffic(placed), reloads(placed), switch(placed)
    deployed, events = deployment(placed)
    latency = with_parts(Spent("latency", training_latency(placed, writes, bits, again)), placed.chip)
    image_latency = with_parts(Spent("inference_latency", inference_latency(placed, again)), placed.chip)
    trees = {
        "energy": training_energy(placed, writes, bits, again, latency),
        "area": area(placed),
        "deployment": deployed,
        "task_switch": switched.charges,
        "power_up": power_up(placed),
        "inference": inference(placed, again),
    }
    seconds = {"energy": seconds_of(latency, placed.phases), "inference": seconds_of(image_latency, 1)}
    whole = {
        "latency": latency,
        **{name: with_parts(Spent(name, tree, seconds.get(name)), placed.chip) for name, tree in trees.items()},
        "inference_latency": image_latency,
    }
    return Charged(placed, writes, bits, again, switched, events, whole)


def with_parts(spent: Spent, chip: ChipConfig) -> Charges:
    """Return the charges of a tree with those of the chip's other parts, each of which sees what is before it."""
    for name, part in chip.part.items():
        added = under(f"part.{name}", part.charges(spent, f"part.{name}"))
        spent = replace(spent, charges=(*spent.charges, *added))
    return spent.charges
