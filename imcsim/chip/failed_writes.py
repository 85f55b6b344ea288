"""Writes to dead cells, of a trace in which cells wore out: what finding out costs.

The level change itself is charged as every other (mean pulses); a write that fails goes on until it is given up
(:meth:`imcsim.memory.memory.Memory.failed_write`). Shape letters: F placement phases.
"""

from typing import Literal

import numpy as np

from imcsim.chip.config import ChipConfig
from imcsim.chip.placed import Placed
from imcsim.core.charge import Charge, Charges
from imcsim.trace.trace import Trace


def failed_writes(placed: Placed, tree: Literal["energy", "latency"]) -> Charges:
    """Return the charge of failed writes in a tree; none without any, or if cells wore otherwise than on this chip."""
    home = placed.nonvolatile
    if not placed.trace.wear_counts or home is None or unfit(placed.trace, placed.chip):
        return ()
    prices = home.memory.failed_write(home.site)
    if prices is None:
        return ()
    by_layer = placed.trace.wear_counts["failed_writes"].astype(np.float64)
    events = np.asarray(by_layer @ home.layout.copies * float(home.copies), dtype=np.float64)
    own: tuple[str, ...] = ("input_gradient",)
    if placed.hybrid:
        events, own = events * float(placed.chip.charge_migration), (*own, "charge_migration")
    leaf = "migration.failed_writes" if placed.hybrid else "update.failed_writes"
    each = prices[0] if tree == "energy" else prices[1]
    said = "writes to dead cells that verify finds to have failed"
    name = leaf if tree == "energy" else "failed_writes"
    return (Charge(name, events, "failed writes", said, ("failed_writes",), each.also(*own)),)


def unfit(trace: Trace, chip: ChipConfig) -> list[str]:
    """Return the sentence that a reader must see if cells wore otherwise than ``chip`` wears them."""
    wear, macro = trace.meta.config.get("wear"), chip.nonvolatile
    if not trace.wear_counts or not wear or macro is None:
        return []
    policy = macro.memory.write_policy if chip.volatile is None else f"commit ({chip.commit})"
    mine = macro.geometry.encoding.name, policy
    its = wear["encoding"] or trace.meta.encodings[0].name, wear["policy"].replace("commit", "commit (task)")
    if mine == its:
        return []
    return [
        f"cells wore as {its[0]}, written at every {its[1]}; this chip has {mine[0]}, {mine[1]}: failed writes are not "
        f"charged, and the accuracy is not this chip's"
    ]
