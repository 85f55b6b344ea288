"""The cells of a run: how many level changes each has left, which are dead, what writing to dead ones cost.

One int32 a cell says all: level changes left, ``_DEAD`` when it has died and no write to it has failed yet, ``_MARKED``
when the controller knows. Shape letters: W all mapped weights (flat, layer after layer), K cells per weight, L layers.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from imcsim.core.errors import ConfigError
from imcsim.crossbar.encoding import Encoding
from imcsim.learn.config import LearnConfig
from imcsim.learn.placing.pe_blocks import PeTile, expand
from imcsim.learn.quantize import Quantiser
from imcsim.learn.shapes import weight_from_matrix
from imcsim.learn.state import SavedState, State
from imcsim.learn.wear.config import WearConfig
from imcsim.learn.wear.draw import CellLaw, chip_generator, draw_layer, flat_cells
from imcsim.learn.wear.stuck import StuckLayer
from imcsim.mapping.layer import LayerSpec
from imcsim.trace.schema import WEAR_COUNTS

CyclesPerStream = Mapping[str, NDArray[np.floating]]
_DEAD, _MARKED = -1, -2
_FOR_EVER = (1 << 31) - 1


class WornCells:
    """State of the RRAM cells under a run's weights.

    Parameters
    ----------
    config
        What wears.
    encoding
        How codes lie in cells.
    layers, limit
        Mapped layers; largest code.
    tasks
        T.
    device
        Where the codes live.
    generator
        Draws lives and stuck ends, once.
    cycles_per_stream
        Layer -> (K, G, D, N) cycles of each cell in one earlier stream; needed where ``streams_before`` > 0.
    resident
        Layers that stay in SRAM under the policy ``commit``: never written, never stuck.

    Raises
    ------
    ConfigError
        If those cycles are missing, not of these layers, or negative.
    """

    def __init__(  # noqa: PLR0913 - all of a run that cells need
        self,
        config: WearConfig,
        encoding: Encoding,
        layers: Sequence[LayerSpec],
        limit: int,
        tasks: int,
        device: torch.device,
        generator: np.random.Generator,
        cycles_per_stream: CyclesPerStream | None = None,
        resident: Collection[str] = (),
    ) -> None:
        self._resident = frozenset(resident if config.policy == "commit" else ())
        self.config, self.layers = config, tuple(layers)
        self._limit, self._sizes = limit, [spec.weight_count for spec in layers]
        table = encoding.levels(np.arange(-limit, limit + 1)).T
        self._levels = torch.from_numpy(table.astype(np.int16)).to(device)
        self._top = encoding.level_count - 1
        self.views = [StuckLayer(encoding, limit, device) for _ in layers]
        self._left, self._high = self._draw(encoding.cells_per_weight, generator, cycles_per_stream, device)
        self.counts = {name: np.zeros((tasks, len(self.layers)), np.int64) for name in WEAR_COUNTS}
        self.phase = 0
        self._last: Tensor | None = None
        for number in range(len(self.layers)):
            self._look(number)
        for spec, view in zip(self.layers, self.views, strict=True):
            if spec.name in self._resident:
                view.expose(torch.ones(spec.weight_count, dtype=torch.bool, device=device))

    def _draw(
        self, cells: int, generator: np.random.Generator, each: CyclesPerStream | None, device: torch.device
    ) -> tuple[list[Tensor], list[Tensor]]:
        config, left, high = self.config, [], []
        law = CellLaw(config.endurance_scale_cycles, config.endurance_shape, config.stuck_low_share)
        for spec in self.layers:
            lives, ends = draw_layer(spec, cells, law, generator)
            rest = (lives - config.cycles_before - _earlier(config, each, spec, cells)) / config.repeats
            dead = _MARKED if config.marks_dead else _DEAD
            events = np.where(rest < 0, dead, np.minimum(np.floor(rest), _FOR_EVER)).astype(np.int32)
            left.append(flat_cells(events, spec).to(device))
            high.append(flat_cells(ends, spec).to(device))
        return left, high

    def begin_phase(self, phase: int, written: Mapping[str, Tensor], pe_tile: PeTile) -> None:
        """Take note of the phase, and under ``commit`` of what trains in SRAM: (G, I, J) PEs, all if there are none."""
        self.phase = phase
        if self.config.policy != "commit":
            return
        device = self._levels.device
        for spec, view in zip(self.layers, self.views, strict=True):
            if spec.name in self._resident or spec.name not in written:
                view.expose(torch.ones(spec.weight_count, dtype=torch.bool, device=device))
            else:
                mask = expand(written[spec.name].cpu(), spec, pe_tile).bool()
                view.expose(weight_from_matrix(mask, spec).reshape(-1).to(device))

    def end_phase(self, codes: Tensor) -> None:
        """Write what the end of a task, or of a placement phase, writes, put everything into RRAM, count the dead."""
        if self.config.policy in ("task", "commit"):
            self._write(codes)
        for number, (spec, view) in enumerate(zip(self.layers, self.views, strict=True)):
            if spec.name not in self._resident:
                view.expose(None)
                self.counts["dead_cells"][self.phase, number] = int((self._left[number] < 0).sum())

    def skip_phase(self, phase: int) -> None:
        """Note that nothing is written in phase number ``phase``."""
        self.counts["dead_cells"][phase] = self.counts["dead_cells"][phase - 1]

    def commit(self, codes: Tensor, policies: Collection[str]) -> None:
        """Wear cells whose level differs between the last codes and ``codes`` (W,), int16; the first only deploys."""
        if self._last is None or self.config.policy in policies:
            self._write(codes)

    def _write(self, codes: Tensor) -> None:
        if self._last is not None:
            changed = torch.split(codes != self._last, self._sizes)
            parts = zip(changed, torch.split(self._last, self._sizes), torch.split(codes, self._sizes), strict=True)
            for number, (where, old, new) in enumerate(parts):
                found = where.nonzero().squeeze(1)
                if len(found) and self.layers[number].name not in self._resident:
                    self._write_layer(number, found, old[found], new[found])
        self._last = codes

    def _write_layer(self, number: int, weights: Tensor, old: Tensor, new: Tensor) -> None:
        before, after = (self._levels[codes.long() + self._limit] for codes in (old, new))
        left = self._left[number][weights]
        moved, lived = before != after, left >= 0
        left -= (moved & lived).to(torch.int32)
        end = self._high[number][weights] * self._top
        missed = moved & (left < 0) & (after != end)
        if self.config.marks_dead:
            missed &= left == _DEAD
            left[missed] = _MARKED
        self._left[number][weights] = left
        self.counts["failed_writes"][self.phase, number] += int(missed.sum())
        if bool((lived & (left < 0)).any()):
            self._look(number)

    def _look(self, number: int) -> None:
        dead = self._left[number] < 0
        weights = dead.any(1).nonzero().squeeze(1)
        self.views[number].set_dead(weights, dead[weights], self._high[number][weights])

    def state_dict(self) -> State:
        """Return what a resumed run needs."""
        return {"left": self._left, "high": self._high, "last": self._last, "counts": self.counts}

    def load_state_dict(self, state: SavedState) -> None:
        """Take back what :meth:`state_dict` gave."""
        device = self._levels.device
        self._left = [part.to(device) for part in state["left"]]
        self._high = [part.to(device) for part in state["high"]]
        self._last = None if state["last"] is None else state["last"].to(device)
        self.counts = {name: values.numpy() for name, values in state["counts"].items()}
        for number in range(len(self.layers)):
            self._look(number)


def _earlier(
    config: WearConfig, each: CyclesPerStream | None, spec: LayerSpec, cells: int
) -> NDArray[np.float64] | float:
    """Return the cycles (K, G, D, N) of the earlier streams."""
    if config.streams_before == 0:
        return 0.0
    if each is None:
        raise ConfigError("wear.streams_before needs the cycles of each cell in one stream: give cycles_per_stream")
    shape = (cells, *spec.matrix_shape)
    found = each.get(spec.name)
    if found is None or found.shape != shape:
        given = "none" if found is None else str(found.shape)
        raise ConfigError(f"cycles_per_stream: layer '{spec.name}' has cells {shape}, got {given}")
    if found.min(initial=0) < 0:
        raise ConfigError(f"cycles_per_stream: cycles must be >= 0, got {found.min():g} in layer '{spec.name}'")
    return config.streams_before * found.astype(np.float64)


def make_wear(
    config: LearnConfig,
    quantiser: Quantiser,
    tasks: int,
    resident: Collection[str],
    cycles_per_stream: CyclesPerStream | None,
) -> WornCells | None:
    """Return the cells of a run, seen by its quantiser; None if none wear."""
    if config.wear is None:
        return None
    generator = chip_generator(config.seed, config.wear.chip_seed)
    device, encoding = quantiser.modules[0].weight.device, config.worn_encoding
    cells = WornCells(
        config.wear, encoding, quantiser.layers, quantiser.limit, tasks, device, generator, cycles_per_stream, resident
    )
    quantiser.wear(cells.views)
    return cells
