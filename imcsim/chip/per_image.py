"""What one image costs on a network's map, whatever the rule: energy, latency and counts, without a training run.

The charges are those of :func:`imcsim.chip.serving.inference`, on the rows and outputs that the map drives and
converts. Shape letters: L mapped layers, P pairs of a layer and one of its PEs (in order of layer, then PE), b bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.charged import with_parts
from imcsim.chip.config import ChipConfig
from imcsim.chip.floor_plan import layer_hops
from imcsim.chip.image import Image, moved_by
from imcsim.chip.mapped_arrays import Codes, Floats, grid_of, mapped_arrays
from imcsim.chip.part import Spent
from imcsim.chip.reads import Vectors, one_vector
from imcsim.chip.reload import load_energy, load_time, taking_turns
from imcsim.core.charge import Charge, Charges, Price, tree_of, under
from imcsim.core.cost import Breakdown
from imcsim.mapping.lines import PeLines, pe_lines
from imcsim.mapping.network_map import NetworkMap
from imcsim.mapping.pe_grid import PeGrid
from imcsim.mapping.routing import Routing, routing
from imcsim.memory.activity import activity
from imcsim.memory.macro import Macro
from imcsim.memory.memory import Memory, Weights
from imcsim.memory.site import Site

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class ImageCost:
    """One image on a map.

    Parameters
    ----------
    energy
        Joules, as a tree: rram, sram (by component), activation, buffer, link; reload, if PEs take turns.
    latency_s
        Seconds from the first input vector to the last output: all vectors of the busiest PE, one of every layer that
        it does not serve.
    interval_s
        Seconds between two images of a full pipeline: what the busiest PE takes.
    conversions
        Column conversions of each layer, over all phases.
    routes
        Routing of each layer.
    table_energy_j
        Joules, not part of ``energy``, if the tables of permuted orders were read from the buffer for every vector;
        they are not where the tables are kept beside the PEs.
    """

    energy: Breakdown
    latency_s: float
    interval_s: float
    conversions: tuple[int, ...]
    routes: tuple[Routing, ...] = field(repr=False)
    table_energy_j: float


def per_image(
    network_map: NetworkMap,
    chip: ChipConfig,
    *,
    density: Floats | None = None,
    codes: Codes | None = None,
    in_sram: Sequence[Mask] | None = None,
) -> ImageCost:
    """Return the cost of one image.

    Parameters
    ----------
    density
        (L, b): share of ones per bit plane of each layer's inputs, least significant first, as a trace records it.
        None: one half everywhere.
    codes
        Layer -> weight codes (G, D, N). None: codes uniform over their range.
    in_sram
        Per layer, True for each of its PEs (rising index) that is in SRAM; a chip with one memory ignores it. None: all
        are where weights rest, RRAM on a chip that has any, else SRAM.
    """
    layers = network_map.layers
    lines = [pe_lines(layer) for layer in network_map.maps]
    routes = tuple(routing(spec, layer) for spec, layer in zip(layers, network_map.maps, strict=True))
    banks = _banks(network_map, chip, lines, codes, in_sram)
    half = np.full((len(lines), chip.input_bits), 0.5)
    busy = activity((half if density is None else density)[None], chip.dac_bits)
    vectors = Vectors(np.array([[spec.positions for spec in layers]], dtype=np.float64), "layers")
    arrays = (
        one_vector(bank, part).of(vectors)
        for bank in banks
        if bank.holds.any()
        for part in bank.memory.forward(bank.site, bank.weights, busy)
    )
    latency_s, interval_s = _times(network_map, chip, lines, banks)
    again, again_s = _reload(network_map, chip, lines)
    spent = (*arrays, *moved_by(_image(network_map, chip, routes, lines), chip), *under("reload", again))
    per_output = network_map.geometry.encoding.cells_per_weight * busy.phases
    tables = sum(route.table_bits * spec.positions for route, spec in zip(routes, layers, strict=True))
    seconds = latency_s + again_s
    taken = Charge("forward", seconds, "seconds", "vectors of the busiest PE", ("layers",), Price(1.0, "as counted"))
    longer_s = sum(charge.total for charge in with_parts(Spent("inference_latency", (taken,)), chip)) - seconds
    return ImageCost(
        energy=tree_of(with_parts(Spent("inference", spent, np.array([seconds + longer_s])), chip)),
        latency_s=seconds + longer_s,
        interval_s=interval_s + again_s,
        conversions=tuple(
            spec.positions * int(part.outputs.sum()) * per_output for spec, part in zip(layers, lines, strict=True)
        ),
        routes=routes,
        table_energy_j=tables * chip.buffer.read_energy_j,
    )


@dataclass(frozen=True)
class _MappedBank:
    """One memory of the chip with a map's weights; ``holds`` (1, P) those that are in it."""

    macro: Macro
    weights: Weights
    holds: Mask

    @property
    def name(self) -> str:
        return self.macro.name

    @property
    def memory(self) -> Memory:
        return self.macro.memory

    @property
    def site(self) -> Site:
        return self.macro.site

    @property
    def grid(self) -> PeGrid:
        return self.weights.grid


def _banks(
    network_map: NetworkMap,
    chip: ChipConfig,
    lines: Sequence[PeLines],
    codes: Codes | None,
    in_sram: Sequence[Mask] | None,
) -> tuple[_MappedBank, ...]:
    pes = sum(len(part.pe) for part in lines)
    held = np.full(pes, chip.nonvolatile is None)
    if in_sram is not None and len(chip.macros) > 1:
        held = np.concatenate([np.asarray(part, dtype=bool) for part in in_sram])
    found = []
    for macro in chip.macros:
        holds = held if macro.memory.volatile else ~held
        arrays = mapped_arrays(network_map, macro.geometry, lines, codes)
        found.append(_MappedBank(macro, arrays, holds[None]))
    return tuple(found)


def _image(network_map: NetworkMap, chip: ChipConfig, routes: Sequence[Routing], lines: Sequence[PeLines]) -> Image:
    hops = layer_hops(chip, [part.pe + first for part, first in zip(lines, network_map.first_pes, strict=True)])
    made = [float(spec.positions * spec.groups * spec.outputs) for spec in network_map.layers]
    crossed = sum((route.sent + out) * float(far) for route, out, far in zip(routes, made, hops, strict=True))
    return Image(sum(made), float(sum(route.fetched for route in routes)), crossed)


def _reload(network_map: NetworkMap, chip: ChipConfig, lines: Sequence[PeLines]) -> tuple[Charges, float]:
    """Charges (J) and seconds of loading the PEs that take turns in the only memory, once for the image."""
    macro = chip.volatile
    if macro is None or chip.nonvolatile is not None:
        return (), 0.0
    grid = grid_of(network_map, macro.geometry, lines)
    moving = taking_turns(grid.count, chip)[None].astype(np.int64)
    if not moving.any():
        return (), 0.0
    said = "of PEs without a place of their own"
    took = load_time(macro, grid, chip, moving, said, ("layers",))
    return load_energy(macro, grid, chip, moving, said, ("layers",)), sum(charge.total for charge in took)


def _times(
    network_map: NetworkMap, chip: ChipConfig, lines: Sequence[PeLines], banks: Sequence[_MappedBank]
) -> tuple[float, float]:
    """Latency and interval (s): copies of a layer share its vectors, layers that share a PE take turns."""
    each_s = sum(bank.holds[0] * bank.memory.forward_time(bank.site, chip.input_bits).total_s for bank in banks)
    firsts = network_map.first_pes
    load = np.zeros(1 + max(int(part.pe.max(initial=0)) + first for part, first in zip(lines, firsts, strict=True)))
    seconds, start = [], 0
    for part, layer, spec, first in zip(lines, network_map.maps, network_map.layers, firsts, strict=True):
        each = np.asarray(each_s)[start : start + len(part.pe)] * part.passes
        start += len(part.pe)
        seconds.append(float(each.max(initial=0.0)))
        load[part.pe + first] += -(-spec.positions // layer.forward_copies) * seconds[-1]
    busiest = int(load.argmax())
    others = (s for s, part, first in zip(seconds, lines, firsts, strict=True) if busiest - first not in part.pe)
    return float(load[busiest] + sum(others)), float(load[busiest])
