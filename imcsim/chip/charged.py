"""Everything that a trace costs on a chip, as charges: tree by tree, with what they were counted from.

Energy of training (J): forward, input_gradient, weight_gradient, update, migration, buffer, link, dram, masks, work (of
the method's own), scoring, leakage and reload. Its time (s): forward, input_gradient: the slowest layer's vectors plus
one vector through the others for each step (pipeline fill); weight_gradient: throughput of its unit; update: row
writes; migration; buffer: what its bandwidth cannot hide behind the arrays; dram: never hidden. Shape letters: F
placement phases, L mapped layers.

This is the one list of what charges. A new kind of cost enters here, the sorts of part that a chip file may name enter
last (:mod:`imcsim.chip.part`). ``price`` adds the charges up, ``explain`` prints them, events share them out, ``life``
reads the writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.area import area
from imcsim.chip.config import ChipConfig
from imcsim.chip.gradients import weight_gradient
from imcsim.chip.leakage import leakage
from imcsim.chip.pace import training_pace
from imcsim.chip.part import BY_PHASE, Spent
from imcsim.chip.placed import Placed
from imcsim.chip.reads import training_reads
from imcsim.chip.reload import ReloadCharges, Reloads, reloads
from imcsim.chip.serving import served
from imcsim.chip.switching import Switch, switch
from imcsim.chip.traffic import Traffic, move_time, moved, traffic
from imcsim.chip.work import declared_work
from imcsim.chip.writes import Writes, write_charges, writes_of
from imcsim.core.charge import Charge, Charges, tree_of, trees_by_task, under
from imcsim.core.cost import Breakdown
from imcsim.core.errors import CostError

Floats = NDArray[np.float64]

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
        return self.by_task[name][0] if name in BY_PHASE else tree_of(self.trees[name])

    @cached_property
    def sums(self) -> dict[str, Breakdown]:
        """The sums of the charges of each tree, those of :data:`BY_PHASE` first."""
        return {name: self.tree(name) for name in (*BY_PHASE, *(n for n in self.trees if n not in BY_PHASE))}

    @cached_property
    def by_task(self) -> dict[str, tuple[Breakdown, tuple[Breakdown, ...]]]:
        """Sums of each of :data:`BY_PHASE` for all tasks together, and for each task."""
        tasks = self.placed.trace.meta.phase_tasks
        return {name: trees_by_task(self.trees[name], tasks) for name in BY_PHASE}


def charged(placed: Placed) -> Charged:
    """Return what the trace of ``placed`` costs on its chip; CostError if a value of it is out of all proportion."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # a sum that is infinite is refused by name
            return _charged(placed)
    except OverflowError:
        raise CostError("a cost is too large for a number: a value of the chip is out of all proportion") from None


def _charged(placed: Placed) -> Charged:
    writes, bits, switched = writes_of(placed), traffic(placed), switch(placed)
    again, turns = reloads(placed)
    apart = served(placed, turns)
    energy, latency = _training(placed, writes, bits, turns)
    image_latency = with_parts(Spent("inference_latency", apart.inference_latency), placed.chip)
    seconds = {"energy": seconds_of(latency, placed.phases), "inference": seconds_of(image_latency, 1)}
    trees = {
        "energy": energy,
        "area": area(placed),
        "deployment": apart.deployment,
        "task_switch": switched.charges,
        "power_up": apart.power_up,
        "inference": apart.inference,
    }
    whole = {
        "latency": latency,
        **{name: with_parts(Spent(name, tree, seconds.get(name)), placed.chip) for name, tree in trees.items()},
        "inference_latency": image_latency,
    }
    return Charged(placed, writes, bits, again, switched, apart.deployed_events, whole)


def with_parts(spent: Spent, chip: ChipConfig) -> Charges:
    """Return the charges of a tree with those of the chip's other parts, each of which sees what is before it."""
    for name, part in chip.part.items():
        added = under(f"part.{name}", part.charges(spent, f"part.{name}"))
        spent = replace(spent, charges=(*spent.charges, *added))
    return spent.charges


def seconds_of(charges: Charges, phases: int) -> Floats:
    """(F,) all of ``charges`` in each phase."""
    total = np.zeros(phases)
    for charge in charges:
        total += charge.by_phase
    return total


def _training(placed: Placed, writes: Writes, bits: Traffic, turns: ReloadCharges) -> tuple[Charges, Charges]:
    """Charges of training in J, and in s with those of the chip's parts, for which what leaks does so."""
    vectors, times, own = training_reads(placed), training_pace(placed), declared_work(placed)
    gradient_j, gradient_s = weight_gradient(placed)
    written, mac = write_charges(placed, writes), placed.chip.mac
    arrays = (*times.forward, *times.input_gradient, *gradient_s)
    scoring_fields = "scoring_weight_gradient_macs", "scoring_macs"
    scored = placed.counts[scoring_fields[0]].sum(axis=1) + placed.phase_counts[scoring_fields[1]]
    scoring = Charge(
        "scoring", scored, "MACs", "gradient MACs of scoring and its own arithmetic", scoring_fields, mac.time_price()
    )
    latency = (
        *arrays,
        *written.update,
        *written.migration,
        *times.scoring,
        scoring,
        *move_time(placed, bits, own.buffer_bits, seconds_of(arrays, placed.phases)),
        *own.latency,
        *turns.latency,
        *written.failed,
    )
    whole_latency = with_parts(Spent("latency", latency), placed.chip)
    energy = (
        *vectors.forward,
        *vectors.input_gradient,
        *gradient_j,
        _updates(placed),
        *written.energy,
        *moved(placed, bits),
        *own.energy,
        *vectors.scoring,
        replace(scoring, leaf="scoring.mac", each=mac.gradient_price()),
        *leakage(placed, seconds_of(whole_latency, placed.phases)),
        *turns.energy,
    )
    return energy, whole_latency


def _updates(placed: Placed) -> Charge:
    digital = placed.phase_counts["digital_parameters"] * placed.phase_counts["optimizer_steps"]
    updated = placed.counts["updated_weights"].sum(axis=1) + digital
    said, fields = "updated_weights + digital_parameters x optimizer_steps", (
        "updated_weights", "digital_parameters", "optimizer_steps",
    )  # fmt: skip
    return Charge("update.arithmetic", updated, "updates", said, fields, placed.chip.mac.update_price())
