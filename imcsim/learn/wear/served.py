"""Accuracy of a trace's last weights on worn chips: no learning, so the learner cannot make up for dead cells.

Shape letters: K cells per weight, G groups, D fan-in, N outputs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imcsim.chip.config import ChipConfig
from imcsim.chip.placed import place
from imcsim.core.config import parse
from imcsim.core.errors import ConfigError
from imcsim.crossbar.encoding import Encoding
from imcsim.crossbar.quantise import code_max
from imcsim.learn.config import LearnConfig
from imcsim.learn.evaluate import accuracy_rows
from imcsim.learn.quantize import mapped_module
from imcsim.learn.rebuild import network_after
from imcsim.learn.shapes import weight_from_matrix
from imcsim.learn.start import make_stream
from imcsim.learn.stream import Task
from imcsim.learn.wear.config import WearConfig
from imcsim.learn.wear.curve import AccuracyCurve
from imcsim.learn.wear.draw import CellLaw, chip_generator, draw_layer, flat_cells
from imcsim.learn.wear.of_chip import cycles_of_cells, wear_of_chip
from imcsim.learn.wear.stuck import StuckLayer
from imcsim.life.outlook import Outlook
from imcsim.trace.trace import Trace

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class _Test:
    """A network, the tasks it is tested on, and the place of its codes in the trace."""

    network: nn.Module
    tasks: Sequence[Task]
    commit: int


def served_accuracy(
    trace: Trace, chip: ChipConfig, found: Outlook, ages_tasks: NDArray[np.float64], chips: int,
    progress: Progress | None = None,
) -> AccuracyCurve:  # fmt: skip
    """Return the accuracy of what ``trace`` learned, served by drawn chips of several ages.

    Each cell has taken the cycles per task that ``found`` gives it, times the age; weights that are served from SRAM
    are exact. Drawn chip n is the one that a run with ``wear.chip_seed`` = n learns on.

    Parameters
    ----------
    trace, chip, found
        What was learned, and the outlook of that on ``chip``.
    ages_tasks
        (A,).
    chips
        Chips to draw.
    progress
        Called with (evaluations done, in all, a few words).

    Raises
    ------
    ConfigError
        If the trace has no configuration, so that its images are unknown, or the chip does not suit.
    """
    config = config_of(trace)
    wear = wear_of_chip(chip)
    tests = _tests(trace, config)
    classes = {label for task in tests[0].tasks for label in task.classes}
    fresh = _accuracy(trace, tests, classes)
    accuracy, dead = np.zeros((chips, len(ages_tasks))), np.zeros((chips, len(ages_tasks)))
    for number in range(chips):
        cells = _DrawnChip(trace, chip, found, wear, number)
        for at, age in enumerate(ages_tasks):
            dead[number, at] = cells.grow_old(float(age))
            for test in tests:
                cells.put_into(trace, test)
            accuracy[number, at] = _accuracy(trace, tests, classes)
            if progress is not None:
                progress(number * len(ages_tasks) + at + 1, accuracy.size, f"served by chip {number + 1} of {chips}")
    scenario = trace.meta.scenarios[0]
    return AccuracyCurve("served", scenario, fresh, ages_tasks, accuracy, dead)


def config_of(trace: Trace) -> LearnConfig:
    """Return the configuration that a trace was learned with; ConfigError if it has none."""
    if not trace.meta.config:
        raise ConfigError("the trace holds no configuration of its run, so that accuracy cannot be measured again")
    return parse(LearnConfig, trace.meta.config, "the trace's configuration")


def _tests(trace: Trace, config: LearnConfig) -> list[_Test]:
    """One network for all tasks; of a method that must be told the task, what serves each."""
    tasks, last = make_stream(config).tasks, trace.meta.tasks
    if "class-il" in trace.meta.scenarios:
        return [_Test(network_after(trace, last - 1), tasks, last)]
    return [_Test(network_after(trace, task.index), [task], task.index + 1) for task in tasks]


def _accuracy(trace: Trace, tests: list[_Test], classes: set[int]) -> float:
    rows = [accuracy_rows(test.network, test.tasks, classes, seed=trace.meta.seed) for test in tests]
    which = 0 if "class-il" in trace.meta.scenarios else 1
    return float(np.mean([value for row in rows for value in row[which]]))


class _DrawnChip:
    """One drawn chip: when each cell dies, at which end, and what that makes of codes."""

    def __init__(self, trace: Trace, chip: ChipConfig, found: Outlook, wear: WearConfig, number: int) -> None:
        encoding = next(known for known in trace.meta.encodings if known.name == wear.encoding)
        law = CellLaw(wear.endurance_scale_cycles, wear.endurance_shape, wear.stuck_low_share)
        generator = chip_generator(trace.meta.seed, number)
        rates = cycles_of_cells(found.rates, trace.meta.layers, chip)
        placed = place(trace, chip)
        home, in_sram = placed.home, placed.home.pes(placed.serving.where.within(volatile=True)[-1])
        self.layers = trace.meta.layers
        self._dies: list[Tensor] = []
        self._high: list[Tensor] = []
        self._views = [_view(encoding, trace) for _ in self.layers]
        for layer, (spec, span) in enumerate(zip(self.layers, home.grid.layer_slices, strict=True)):
            lives, high = draw_layer(spec, encoding.cells_per_weight, law, generator)
            exact = home.profile.layout.spread(in_sram[span], layer)
            written = (rates[spec.name] > 0) & ~exact
            age = np.divide(lives, rates[spec.name], out=np.full(lives.shape, np.inf), where=written)
            self._dies.append(flat_cells(age.astype(np.float32), spec))
            self._high.append(flat_cells(high, spec))

    def grow_old(self, age_tasks: float) -> float:
        """Let cells die that do so before ``age_tasks``; return the share of all cells that is dead."""
        count = 0
        for dies, high, view in zip(self._dies, self._high, self._views, strict=True):
            dead = dies < age_tasks
            weights = dead.any(1).nonzero().squeeze(1)
            view.set_dead(weights, dead[weights], high[weights])
            count += int(dead.sum())
        return count / sum(dies.numel() for dies in self._dies)

    @torch.no_grad()
    def put_into(self, trace: Trace, test: _Test) -> None:
        """Give a network the weights that the cells make of its codes."""
        for spec, view, step in zip(self.layers, self._views, trace.meta.weight_scales, strict=True):
            codes = weight_from_matrix(
                torch.tensor(trace.at_task(trace.codes[spec.name])[test.commit], dtype=torch.float32), spec
            )
            mapped_module(test.network, spec.name).weight.copy_(view(codes.contiguous()) * step)


def _view(encoding: Encoding, trace: Trace) -> StuckLayer:
    return StuckLayer(encoding, code_max(trace.meta.weight_bits), torch.device("cpu"))
