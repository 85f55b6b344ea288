"""What is charged that no event carries: work of a method's own, parts of a chip beside its memories, failed writes.

It is spent all the same, in equal shares at the ends of the steps, so that simulated energy and closed form agree.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from imcsim.chip.work import declared_work
from imcsim.core.charge import Charge
from imcsim.events.work import Work

_BY_LAYER = ("forward", "input_gradient", "weight_gradient", "scoring.forward", "scoring.input_gradient")
"""Carried by the vectors of each layer, if a charge tells layers apart."""
_SECONDS = ("forward", "input_gradient", "update", "migration", "scoring", "buffer", "dram", "reload")
"""Leaves of the latency tree that events stand for, beside weight gradients by layer."""


@dataclass(frozen=True)
class Rest:
    """Joules and (leaf -> seconds) of a phase that no event of :mod:`imcsim.events.training_step` stands for.

    ``port_bits`` cross the buffer's port besides: what a method's own work reads there and writes.
    """

    joules: float
    seconds: dict[str, float]
    port_bits: float


def rest_of(work: Work) -> Rest:
    """Return what is left of the charges of ``work``; leakage is power over a latency and in neither."""
    carried, seconds = frozenset(_carried(work)), dict[str, float]()
    left = tuple(charge for charge in work.charges("energy") if not _is_carried(work, charge, carried))
    for charge in work.charges("latency"):
        by_layer = charge.leaf == "weight_gradient" and work.tells_layers(charge)
        if charge.leaf not in _SECONDS and not by_layer and (more := work.cost((charge,))):
            seconds[charge.leaf] = seconds.get(charge.leaf, 0.0) + more
    return Rest(work.cost(left), seconds, float(declared_work(work.placed).buffer_bits[work.phase]))


def _is_carried(work: Work, charge: Charge, carried: frozenset[str]) -> bool:
    above = charge.leaf.split(".")[0]
    if above in ("leakage", "reload") or charge.leaf in carried:
        return True
    vectors = any(charge.leaf.startswith(f"{way}.") for way in _BY_LAYER)
    return vectors and work.tells_layers(charge)


def _carried(work: Work) -> Iterator[str]:
    """Leaves of the energy tree that have an event each."""
    bits = work.bits
    yield from ("update.arithmetic", "scoring.mac", "masks.write", "masks.read")
    yield from ("link.forward", "link.input_gradient", "link.scoring")
    yield from (f"buffer.read_{name}" for name in bits.buffer_reads)
    yield from (f"buffer.write_{name}" for name in bits.buffer_writes)
    yield from (f"dram.{name}" for name in bits.dram)
    for bank in work.placed.banks:
        leaf = bank.sheet.write_leaf
        yield from (f"update.{leaf}", f"migration.{leaf}", f"migration.{bank.name}_read")
