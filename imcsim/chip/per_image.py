"""What one image costs on a network's map, whatever the rule: energy, latency and counts, without a training run.

The charges are those of :func:`imcsim.chip.serving.inference`, on the rows and outputs that the map drives and
converts. Shape letters: L mapped layers, P pairs of a layer and one of its PEs (in order of layer, then PE), b bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.floor_plan import layer_hops
from imcsim.chip.mapped_arrays import Codes, Floats, grid_of, mapped_arrays
from imcsim.chip.multiplex import load_j, load_s, taking_turns
from imcsim.chip.profile import PeGrid
from imcsim.chip.read_cost import (
    Activity,
    Components,
    activity,
    component_totals,
    rram_forward,
    rram_pass_s,
    sram_forward,
    sram_pass_s,
)
from imcsim.core.cost import Breakdown
from imcsim.mapping.lines import PeLines, pe_lines
from imcsim.mapping.network_map import NetworkMap
from imcsim.mapping.routing import Routing, routing

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
    held = _held(chip, lines, in_sram)
    half = np.full((len(lines), chip.input_bits), 0.5)
    busy = activity((half if density is None else density)[None], chip.dac_bits)
    vectors = np.array([[spec.positions for spec in layers]], dtype=np.float64)
    energy = Breakdown()
    for kind, where in (("rram", ~held), ("sram", held)):
        if where.any():
            unit, grid = _unit_costs(kind, network_map, chip, lines, busy, codes)
            energy = energy.plus(component_totals(unit, where[None], vectors, grid)[0].under(kind))
    latency_s, interval_s = _times(network_map, chip, lines, held)
    again, again_s = _reload(network_map, chip, lines)
    per_output = network_map.geometry.encoding.cells_per_weight * busy.phases
    tables = sum(route.table_bits * spec.positions for route, spec in zip(routes, layers, strict=True))
    return ImageCost(
        energy=energy.plus(_moved(network_map, chip, routes, lines)).plus(again),
        latency_s=latency_s + again_s,
        interval_s=interval_s + again_s,
        conversions=tuple(
            spec.positions * int(part.outputs.sum()) * per_output for spec, part in zip(layers, lines, strict=True)
        ),
        routes=routes,
        table_energy_j=tables * chip.buffer.read_energy_j,
    )


def _held(chip: ChipConfig, lines: Sequence[PeLines], in_sram: Sequence[Mask] | None) -> Mask:
    if in_sram is not None and chip.rram is not None and chip.sram is not None:
        return np.concatenate([np.asarray(part, dtype=bool) for part in in_sram])
    return np.full(sum(len(part.pe) for part in lines), chip.rram is None)


def _unit_costs(
    kind: str, network_map: NetworkMap, chip: ChipConfig, lines: Sequence[PeLines], busy: Activity, codes: Codes | None
) -> tuple[Components, PeGrid]:
    if kind == "rram" and chip.rram is not None and chip.rram_geometry is not None:
        arrays = mapped_arrays(network_map, chip.rram_geometry, lines, codes)
        return rram_forward(arrays, chip, chip.rram, busy), arrays.grid
    if chip.sram is None or chip.sram_geometry is None:
        raise ValueError(f"the chip has no {kind}")
    grid = grid_of(network_map, chip.sram_geometry, lines)
    return sram_forward(grid, chip, chip.sram, busy), grid


def _moved(network_map: NetworkMap, chip: ChipConfig, routes: Sequence[Routing], lines: Sequence[PeLines]) -> Breakdown:
    hops = layer_hops(chip, [part.pe + first for part, first in zip(lines, network_map.first_pes, strict=True)])
    crossed = sum(
        (route.sent + spec.positions * spec.groups * spec.outputs) * float(far)
        for route, spec, far in zip(routes, network_map.layers, hops, strict=True)
    )
    outputs = float(sum(spec.positions * spec.groups * spec.outputs for spec in network_map.layers))
    read = float(sum(route.fetched for route in routes)) * chip.input_bits
    written = outputs * chip.input_bits
    return Breakdown.of(
        {
            "activation": outputs * chip.mac.vector_energy_j,
            "buffer": {"read": read * chip.buffer.read_energy_j, "write": written * chip.buffer.write_energy_j},
            "link": crossed * chip.input_bits * chip.link.energy_j,
        }
    )


def _reload(network_map: NetworkMap, chip: ChipConfig, lines: Sequence[PeLines]) -> tuple[Breakdown, float]:
    """Energy tree and seconds of loading the PEs that take turns in SRAM, once for the image."""
    if chip.sram is None or chip.sram_geometry is None:
        return Breakdown(), 0.0
    grid = grid_of(network_map, chip.sram_geometry, lines)
    moving = taking_turns(grid.count, chip)[None].astype(np.int64)
    if not moving.any():
        return Breakdown(), 0.0
    parts = load_j(grid, chip, chip.sram, moving)
    tree = Breakdown({("reload", name): float(joules[0]) for name, joules in parts.items()})
    return tree, float(load_s(grid, chip, chip.sram, moving)[0])


def _times(network_map: NetworkMap, chip: ChipConfig, lines: Sequence[PeLines], held: Mask) -> tuple[float, float]:
    """Latency and interval (s): copies of a layer share its vectors, layers that share a PE take turns."""
    phases = -(-chip.input_bits // chip.dac_bits)
    rram_s = phases * rram_pass_s(chip, chip.rram) if chip.rram is not None else 0.0
    sram_s = phases * sram_pass_s(chip, chip.sram, chip.array.rows) if chip.sram is not None else 0.0
    firsts = network_map.first_pes
    load = np.zeros(1 + max(int(part.pe.max(initial=0)) + first for part, first in zip(lines, firsts, strict=True)))
    seconds, start = [], 0
    for part, layer, spec, first in zip(lines, network_map.maps, network_map.layers, firsts, strict=True):
        each = np.where(held[start : start + len(part.pe)], sram_s, rram_s) * part.passes
        start += len(part.pe)
        seconds.append(float(each.max(initial=0.0)))
        load[part.pe + first] += -(-spec.positions // layer.forward_copies) * seconds[-1]
    busiest = int(load.argmax())
    others = (s for s, part, first in zip(seconds, lines, firsts, strict=True) if busiest - first not in part.pe)
    return float(load[busiest] + sum(others)), float(load[busiest])
