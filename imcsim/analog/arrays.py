"""The arrays of one layer: its cells in RRAM PEs, its exact weights in SRAM PEs, and what a read sees of both.

Shape letters: G groups, D fan-in, N outputs per group, R rows of a PE, K cells per weight.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imcsim.analog.cells import CellPhysics, CellState, Floats, Programming, conductances_s, fresh_state, programmed
from imcsim.analog.config import AnalogConfig
from imcsim.analog.pes import LayerPes
from imcsim.analog.product import Block, Replicas
from imcsim.analog.reference import ReplicaCells, replica_conductances_s, written_replicas
from imcsim.analog.wired import with_wires, with_wires_and_replicas
from imcsim.crossbar.mapped_layers import MappedLayer
from imcsim.crossbar.replicas import replica_levels
from imcsim.mapping.masks import expand_pe_mask, reduce_to_pes, tile_grid
from imcsim.mapping.tile import MatrixShape

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class GroupArrays:
    """What one group of a layer is read from: RRAM rows of PEs, and the exact weights (D, N) of SRAM PEs, if any."""

    blocks: tuple[Block, ...]
    exact: Tensor | None


class LayerArrays:
    """The PEs of one layer.

    Parameters
    ----------
    name
        The layer's name, for messages.
    shape
        (G, D, N).
    pes, config
        The layer's PEs and their switches. All PEs are in RRAM where there is any, until they are placed.
    """

    def __init__(self, name: str, shape: MatrixShape, pes: LayerPes, config: AnalogConfig) -> None:
        self.name, self.shape, self.pes, self.config = name, shape, pes, config
        self.tile = pes.tile
        self.physics = _physics(pes, config)
        self.state: CellState | None = None
        self.replicas: ReplicaCells | None = None
        self.cell_steps = np.zeros(self.grid)
        self._read: tuple[object, Tensor, tuple[GroupArrays, ...]] | None = None
        self.place(np.full(self.grid, pes.analog is None))

    @property
    def grid(self) -> MatrixShape:
        """(G, row tiles, column tiles): the shape of a placement."""
        return tile_grid(self.shape, self.tile)

    @property
    def pe_count(self) -> int:
        """PEs of the layer."""
        return self.in_sram.size

    def place(self, in_sram: Mask) -> None:
        """Put the PEs of mask ``in_sram`` (G, row tiles, column tiles) in SRAM; RRAM cells keep what they hold."""
        self.in_sram = np.array(in_sram, dtype=bool)
        self.sram_weights: Mask = expand_pe_mask(self.in_sram, self.shape, self.tile)
        self._read = None

    def program(
        self, codes: NDArray[np.integer], step: float, now_s: float, generator: np.random.Generator
    ) -> Programming:
        """Program what changed of weight codes (G, D, N) into the RRAM PEs, at ``now_s`` on the chip's clock.

        ``step`` is the weight of one code. It is kept for each PE: what its cells hold keeps its meaning, whatever
        step other weights have later. The replica columns of all PEs are written once, the first time.
        """
        if self.physics is None or self.in_sram.all():
            return Programming()
        levels = self.physics.levels_of(codes)
        state = self.state or fresh_state(levels.shape, self.physics, generator)
        self.state, cost = programmed(state, levels, ~self.sram_weights, now_s, self.physics, generator)
        if self.pes.replicas is not None and self.replicas is None:
            self.replicas = written_replicas(self.replica_grid, now_s, self.physics, generator)
        self.cell_steps = np.where(self.in_sram, self.cell_steps, step)
        self._read = None
        return cost

    @property
    def replica_grid(self) -> tuple[int, int, int]:
        """(G, D, pairs of all PEs side by side): where there are replica cells."""
        pairs = 0 if self.pes.replicas is None else self.pes.replicas.pairs
        return self.shape[0], self.shape[1], self.in_sram.shape[2] * pairs

    def restore(
        self, state: CellState | None, cell_steps: NDArray[np.float64], replicas: ReplicaCells | None = None
    ) -> None:
        """Take back cells, the step of each PE, and the replica cells, as they were."""
        self.state, self.cell_steps, self.replicas, self._read = state, cell_steps, replicas, None

    def read_step(self, step: float) -> float:
        """Return the weight that one step of :meth:`read` stands for: ``step``; where that is 0, the cells' largest."""
        return step or (0.0 if self.state is None else float(self.cell_steps.max()))

    def stale_share(self, codes: NDArray[np.integer], step: float) -> float:
        """Return the share of weights in RRAM PEs whose cells do not hold ``codes`` of ``step``."""
        in_rram = ~self.sram_weights
        if self.state is None or self.physics is None or not in_rram.any():
            return 0.0
        return float(self._stale(codes, step, self.state, self.physics)[in_rram].mean())

    def _stale(self, codes: NDArray[np.integer], step: float, state: CellState, physics: CellPhysics) -> Mask:
        """Return the weights (G, D, N) whose cells do not hold ``codes`` of ``step``."""
        differs: Mask = (physics.levels_of(codes) != state.levels).any(axis=-1)
        differs |= expand_pe_mask(self.cell_steps != step, self.shape, self.tile) & (codes != 0)
        return differs

    def read(self, codes: Tensor, step: float, now_s: float, ahead: bool = False) -> tuple[GroupArrays, ...]:
        """Return what each group is read from, on the device of weight ``codes`` (G, D, N); kept until it changes.

        Products with it are in units of :meth:`read_step`. ``ahead`` of the next :meth:`program`, PEs that hold other
        weights than ``codes`` are read as before the first one: exactly at the levels that they will be programmed to.
        """
        key = (now_s, step, codes.device, ahead)
        if self._read is None or self._read[0] != key or not torch.equal(self._read[1], codes):
            self._read = key, codes.clone(), self._built(codes, step, now_s, ahead)
        return self._read[2]

    def _built(self, codes: Tensor, step: float, now_s: float, ahead: bool) -> tuple[GroupArrays, ...]:
        groups = range(self.shape[0])
        exact: list[Tensor | None] = [None] * len(groups)
        if self.sram_weights.any():
            kept = codes * torch.from_numpy(self.sram_weights).to(codes.device)
            exact = [kept[g] for g in groups]
        if self.physics is None or self.in_sram.all():
            return tuple(GroupArrays((), exact[g]) for g in groups)
        if self.state is not None and not ahead:
            targets, cell_steps, planned = self.state.levels, self.cell_steps, None
        else:
            targets, cell_steps, planned = self._planned(codes.cpu().numpy().astype(np.int32), step, self.physics)
        cells, replicas = self._levels(targets, planned, now_s, self.physics)
        if self.pes.pairs_subtracted:
            positive, negative = np.split(cells, 2, axis=-1)
            cells = positive - negative  # currents, ahead of the converter
        factors = self._factors(targets, cell_steps, step, self.physics)
        beside = [None if replicas is None else replicas[g] for g in groups]
        return tuple(
            GroupArrays(self._blocks(cells[g], beside[g], factors[g], g, codes.device), exact[g]) for g in groups
        )

    def _planned(
        self, codes: NDArray[np.integer], step: float, physics: CellPhysics
    ) -> tuple[NDArray[np.uint16], NDArray[np.float64], Mask]:
        """Return levels, step of each PE and the weights (G, D, N) of PEs that are read as they will be programmed."""
        levels = physics.levels_of(codes)
        if self.state is None:
            return levels, np.full(self.grid, step), np.ones(self.shape, dtype=bool)
        pes = reduce_to_pes(self._stale(codes, step, self.state, physics), self.tile, "any")
        planned: Mask = expand_pe_mask(pes, self.shape, self.tile)
        return (
            np.where(planned[..., None], levels, self.state.levels),
            np.where(pes, step, self.cell_steps),
            planned,
        )

    def _factors(
        self, levels: NDArray[np.uint16], cell_steps: NDArray[np.float64], step: float, physics: CellPhysics
    ) -> NDArray[np.float64]:
        """Return what the partial sums (G, row tiles, N) of each row of PEs are worth, in units of :meth:`read_step`.

        The step that the cells were programmed with, over that of the sum; 0 for a column segment without weights,
        which is known when it is programmed, and not added.
        """
        filled = (levels != physics.levels_of(np.zeros((1, 1, 1), np.int32))).any(axis=-1)
        starts = np.arange(0, self.shape[1], self.tile[0])
        # a column segment counts if any weight in the rows of its PE has a cell above its lowest code
        worth = np.logical_or.reduceat(filled, starts, axis=1).astype(np.float64)
        one = self.read_step(step)
        ratio = cell_steps / one if one else np.ones(self.grid)
        # the step of a PE holds for all of its outputs; the last PE may be cut
        return np.asarray(worth * np.repeat(ratio, self.tile[1], axis=2)[:, :, : self.shape[2]])

    def _levels(
        self, levels: NDArray[np.uint16], planned: Mask | None, now_s: float, physics: CellPhysics
    ) -> tuple[Floats, Floats | None]:
        """Return the cells (G, D, N, K) in units of one level, those of ``planned`` weights exactly at ``levels``.

        And the replica cells (G, D, Q, 2) of their PEs, if they have any.
        """
        state, replicas_s = self.state, None
        if self.pes.replicas is not None:
            replicas_s = replica_conductances_s(self.replicas, self.replica_grid, now_s, physics)
            if planned is not None:  # a PE is planned as a whole
                exact_s = replica_conductances_s(None, self.replica_grid, now_s, physics)
                whole = np.repeat(planned[:, :, :: self.tile[1]], self.pes.replicas.pairs, axis=2)
                replicas_s = np.where(whole[..., None], exact_s, replicas_s)
        if state is None:
            conductance_s = physics.targets_s(levels)
        else:
            conductance_s = conductances_s(state, now_s, physics)
            if planned is not None:
                conductance_s = np.where(planned[..., None], physics.targets_s(levels), conductance_s)
        analog = self.pes.analog
        if analog is not None and self.config.wires and (analog.wl_segment_ohm or analog.bl_segment_ohm):
            conductance_s, replicas_s = self._wired(
                conductance_s, replicas_s, analog.wl_segment_ohm, analog.bl_segment_ohm
            )
        if replicas_s is None:
            return physics.in_levels(conductance_s, levels), None
        held = np.broadcast_to(replica_levels(physics.encoding, self.shape[1])[:, None, :], replicas_s.shape)
        return physics.in_levels(conductance_s, levels), physics.in_levels(replicas_s, held)

    def _wired(
        self, conductance_s: Floats, replicas_s: Floats | None, r_wl_ohm: float, r_bl_ohm: float
    ) -> tuple[Floats, Floats | None]:
        wired = np.empty_like(conductance_s)
        beside = None if replicas_s is None else np.empty_like(replicas_s)
        for g, start in np.ndindex(self.shape[0], self.in_sram.shape[1]):
            rows = slice(start * self.tile[0], (start + 1) * self.tile[0])
            for opened in self._passes(conductance_s[g, rows].shape[0]):
                cells_s, beside_s = self._through_lines(
                    _opened(conductance_s[g, rows], opened),
                    None if replicas_s is None else _opened(replicas_s[g, rows], opened),
                    (r_wl_ohm, r_bl_ohm),
                )
                wired[g, rows][opened] = cells_s[opened]
                if beside is not None and beside_s is not None:
                    beside[g, rows][opened] = beside_s[opened]
        return wired, beside

    def _through_lines(
        self, cells_s: Floats, replicas_s: Floats | None, segments_ohm: tuple[float, float]
    ) -> tuple[Floats, Floats | None]:
        """Return the cells (R, N, K), and replica cells (R, Q, 2), of one row of PEs as its lines show them."""
        if replicas_s is None or self.pes.replicas is None:
            return with_wires(cells_s, self.tile[1], *segments_ohm), None
        return with_wires_and_replicas(cells_s, replicas_s, self.pes.replicas, *segments_ohm)

    def _passes(self, rows: int) -> list[slice]:
        """Return which of the first ``rows`` rows of a PE are open together, pass by pass."""
        at_once = self.pes.open_rows
        return [slice(first, min(first + at_once, rows)) for first in range(0, rows, at_once)]

    def _blocks(
        self,
        levels: Floats,
        replicas: Floats | None,
        factors: NDArray[np.float64],
        group: int,
        device: torch.device,
    ) -> tuple[Block, ...]:
        blocks = []
        for tile in range(self.in_sram.shape[1]):
            rows = slice(tile * self.tile[0], min((tile + 1) * self.tile[0], self.shape[1]))
            sram = self.sram_weights[group, rows.start]
            if sram.all():
                continue
            # RRAM PEs alone: the outputs of SRAM PEs have no columns here
            chosen = levels[rows][:, ~sram] if sram.any() else levels[rows]
            cells = torch.from_numpy(np.ascontiguousarray(chosen).reshape(chosen.shape[0], -1)).to(device)
            outputs = torch.from_numpy(np.flatnonzero(~sram)).to(device) if sram.any() else None
            worth = factors[tile, ~sram]
            factor = None if (worth == 1).all() else torch.from_numpy(worth).to(device)
            beside = None if replicas is None else replicas[rows]
            for opened in self._passes(len(cells)):
                own = slice(rows.start + opened.start, rows.start + opened.stop)
                replica = None if beside is None else self._beside(beside[opened], sram, device)
                blocks.append(Block(own, outputs, cells[opened], factor, replica))
        return tuple(blocks)

    def _beside(self, replicas: Floats, sram: Mask, device: torch.device) -> Replicas | None:
        """Return the replica cells (R, Q, 2) of open rows for the outputs that are not in SRAM (N,)."""
        if self.pes.replicas is None:
            return None
        columns = torch.from_numpy(np.ascontiguousarray(replicas).reshape(len(replicas), -1))
        pair_of = torch.from_numpy(self.pes.replicas.pair_of(self.shape[2])[~sram])
        return Replicas(columns.to(device), pair_of.to(device))


def matrix_shape(layer: MappedLayer) -> MatrixShape:
    """Return (groups, fan-in, outputs per group) of a layer's weight."""
    if isinstance(layer, nn.Linear):
        return 1, layer.in_features, layer.out_features
    fan_in = layer.in_channels // layer.groups * layer.kernel_size[0] * layer.kernel_size[1]
    return layer.groups, fan_in, layer.out_channels // layer.groups


def _opened(cells_s: Floats, rows: slice) -> Floats:
    """Return cells (R, ..) with those of closed rows cut off from their bit lines, whose segments remain."""
    driven = np.zeros_like(cells_s)
    driven[rows] = cells_s[rows]
    return driven


def _physics(pes: LayerPes, config: AnalogConfig) -> CellPhysics | None:
    return None if pes.analog is None else CellPhysics(pes.analog.cell, pes.encoding, config, pes.tile[1])
