"""Cycles of each cell per task: what an event costs a cell, and the cells of a layer put on their PEs.

Shape letters: K cells per weight, G groups, D fan-in, N outputs, P PEs of a layer, R rows, C columns.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.layout import Layout
from imcsim.chip.wear.ledger import LayerWear, WearLedger
from imcsim.core.errors import ConfigError
from imcsim.life.options import LifeOptions
from imcsim.memory.macro import Macro


@dataclass(frozen=True)
class CellRates:
    """Full-window cycles per task of every cell that wears.

    ``layers`` name -> float32 (P, R, C), 0 where an array has no weight; PEs in the order of ``layout``.
    ``cells`` counts those that hold a weight; ``copies`` of all of them exist.
    """

    layers: dict[str, NDArray[np.float32]]
    cells: int
    copies: int = 1
    layout: Layout | None = None

    @property
    def worst(self) -> float:
        """Cycles per task of the most written cell."""
        return max(float(rates.max(initial=0)) for rates in self.layers.values())

    @cached_property
    def counts(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rates > 0 that occur, rising, and how many cells (of one copy) have each."""
        found = [np.unique(layer[layer > 0], return_counts=True) for layer in self.layers.values()]
        values = np.concatenate([value for value, _ in found]).astype(np.float64)
        counts = np.concatenate([count for _, count in found]).astype(np.float64)
        order = np.argsort(values, kind="stable")
        return values[order], counts[order]

    def hazard(self, shape: float) -> float:
        """Return the sum of r^shape over all cells, copies included: what a first failure follows from."""
        values, counts = self.counts
        return float((counts * values**shape).sum()) * self.copies


def cell_rates(ledger: WearLedger, macro: Macro, options: LifeOptions) -> CellRates:
    """Return the cycles per task of every cell, as the tasks of ``ledger`` repeat.

    Raises
    ------
    ConfigError
        If the ledger holds no task, or its cells are not those of ``macro``.
    """
    if ledger.tasks < 1:
        raise ConfigError("the ledger holds no task yet")
    encoding, memory = ledger.geometry.encoding, macro.memory
    if (encoding.cell_bits, encoding.sign) != (memory.cell_bits, memory.sign):
        raise ConfigError(
            f"the ledger is of another mapping: its cells are coded as {encoding.name}, and the chip's are "
            f"{memory.sign} of {memory.cell_bits} bits"
        )
    layers, layout = {}, ledger.placed
    for layer, (spec, wear) in enumerate(ledger):
        full, weak = event_cycles(wear, macro, options)
        total = wear.total()
        each = np.float32(full) * wear.full + np.float32(weak) * (total - wear.full)
        layers[spec.name] = layout.to_arrays((np.maximum(each, 0) / ledger.tasks).astype(np.float32), layer)
    return CellRates(layers, ledger.cells // ledger.copies, ledger.copies, layout)


def event_cycles(wear: LayerWear, macro: Macro, options: LifeOptions) -> tuple[float, float]:
    """Return the full-window cycles of one event across the whole window, and of one within it, mean over the layer.

    ``events``: every event is one cycle, whatever its pulses. ``pulses``: max(SET, RESET) of its pulses, each pair a
    cycle: the pessimistic end for fine pulses. ``window``: 1 and (dG / window)^m; the exponent m is an assumption.
    """
    each = _cycles(macro, options)
    return float(each[-1]), _mean(each[:-1], wear.distances[:-1]) if options.wear != "events" else 1.0


def nudge_cycles(macro: Macro, options: LifeOptions) -> float:
    """Return the full-window cycles of a verified event that corrects a cell within its level: a move by one."""
    return float(_cycles(macro, options.model_copy(update={"verified_share": 1.0}))[1])


def _cycles(macro: Macro, options: LifeOptions) -> NDArray[np.float64]:
    """(levels,) full-window cycles of an event by the number of levels that it moves, entry 0 for none."""
    top = macro.geometry.encoding.level_count - 1
    moved = np.arange(top + 1)
    if options.wear == "events":
        return (moved > 0).astype(np.float64)
    if options.wear == "window":
        return np.asarray((moved / top) ** options.weak_exponent)
    return macro.memory.event_pulses.cycles_per_pulse * _pulses(macro, options.verified_share)


def layer_pulses(wear: LayerWear, macro: Macro) -> tuple[float, float]:
    """Return the pulses of all full-window events of a layer, and of all its weaker ones."""
    each = _pulses(macro, 1.0) * wear.distances
    return float(each[-1]), float(each[:-1].sum())


def _pulses(macro: Macro, verified_share: float) -> NDArray[np.float64]:
    """(levels,) pulses of an event by the levels moved; symmetric in both directions under every write rule."""
    pulses = macro.memory.event_pulses.pulses
    return np.where(pulses > 0, verified_share * pulses + (1 - verified_share), 0.0)


def _mean(each: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    total = weights.sum()
    return float((each * weights).sum() / total) if total > 0 else 0.0
