"""What one image costs on a network's map, whatever the rule: energy, latency and counts, without a training run.

The charges are those of :func:`imcsim.chip.serving.inference`, on the rows and outputs that the map drives and
converts. Shape letters: L mapped layers, P pairs of a layer and one of its PEs (in order of layer, then PE), b bits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.cell_counts import levels_of_codes
from imcsim.chip.charged import with_parts
from imcsim.chip.config import ChipConfig
from imcsim.chip.floor_plan import layer_hops
from imcsim.chip.layout import Layout
from imcsim.chip.layouts import cut_layout
from imcsim.chip.pace import busiest, slower
from imcsim.chip.part import Spent
from imcsim.chip.reads import Vectors, one_vector
from imcsim.chip.reload import load_energy, load_time, taking_turns
from imcsim.chip.rule_layout import RuleLayout
from imcsim.chip.serving import Image, moved_by
from imcsim.core.charge import Charge, Charges, Price, tree_of, under
from imcsim.core.cost import Breakdown
from imcsim.mapping.lines import conversions
from imcsim.mapping.network_map import NetworkMap
from imcsim.mapping.pe_grid import PeGrid
from imcsim.mapping.routing import Routing, routing
from imcsim.memory.macro import Macro
from imcsim.memory.memory import Memory, activity
from imcsim.memory.site import Site

Floats = NDArray[np.float64]
Codes = Mapping[str, NDArray[np.integer]]
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
    routes = tuple(routing(spec, layer) for spec, layer in zip(layers, network_map.maps, strict=True))
    banks = _banks(network_map, chip, codes, in_sram)
    home, positions = banks[0].layout, np.array([spec.positions for spec in layers], dtype=np.float64)
    half = np.full((len(layers), chip.input_bits), 0.5)
    busy = activity((half if density is None else density)[None], chip.dac_bits)
    vectors = Vectors(positions[None], "layers")
    arrays = (
        one_vector(bank, part).of(vectors)
        for bank in banks
        if bank.holds.any()
        for part in bank.memory.forward(bank.site, bank, busy)
    )
    latency_s, interval_s = _times(chip, banks, positions)
    again, again_s = _reload(home, chip)
    spent = (*arrays, *moved_by(_image(network_map, chip, home, positions), chip), *under("reload", again))
    tables = sum(route.table_bits * spec.positions for route, spec in zip(routes, layers, strict=True))
    seconds = latency_s + again_s
    taken = Charge("forward", seconds, "seconds", "vectors of the busiest PE", ("layers",), Price(1.0, "as counted"))
    longer_s = sum(charge.total for charge in with_parts(Spent("inference_latency", (taken,)), chip)) - seconds
    return ImageCost(
        energy=tree_of(with_parts(Spent("inference", spent, np.array([seconds + longer_s])), chip)),
        latency_s=seconds + longer_s,
        interval_s=interval_s + again_s,
        conversions=tuple(
            spec.positions * conversions(layer) * busy.phases
            for spec, layer in zip(layers, network_map.maps, strict=True)
        ),
        routes=routes,
        table_energy_j=tables * chip.buffer.read_energy_j,
    )


@dataclass(frozen=True)
class _MappedBank:
    """One memory of the chip with a map's weights.

    ``level_sums`` (2, P) of its cells, the same before and after; ``holds`` (1, P) PEs whose weights are in it.
    """

    macro: Macro
    layout: Layout
    level_sums: Floats
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
        return self.layout.grid

    @property
    def share(self) -> Floats | None:
        return self.layout.share


def _banks(
    network_map: NetworkMap, chip: ChipConfig, codes: Codes | None, in_sram: Sequence[Mask] | None
) -> tuple[_MappedBank, ...]:
    ours = None if codes is None else [codes[spec.name] for spec in network_map.layers]
    home = RuleLayout(network_map, "map")
    layouts = [home, *(cut_layout(home, macro, "map") for macro in chip.macros[1:])]
    held = np.full(int(home.unit.max(initial=-1)) + 1, chip.nonvolatile is None)
    if in_sram is not None and len(layouts) > 1:
        for span, part in zip(home.grid.layer_slices, in_sram, strict=True):
            held[home.unit[span][: len(part)]] |= np.asarray(part, dtype=bool)  # its first copy, then the others
    return tuple(
        _MappedBank(macro, layout, _level_sums(layout, ours), (held == macro.memory.volatile)[layout.unit][None])
        for macro, layout in zip(chip.macros, layouts, strict=True)
    )


def _level_sums(layout: Layout, codes: Sequence[NDArray[np.integer]] | None) -> Floats:
    """(2, P): of ``codes``, or of codes uniform over their range if None."""
    encoding = layout.geometry.encoding
    if codes is None:
        sums = layout.grid.weights * float(encoding.level_table.sum(axis=0).mean())
    else:
        parts = (layout.sums(levels_of_codes(layer[None], encoding), index)[0] for index, layer in enumerate(codes))
        sums = np.concatenate(list(parts)).astype(np.float64)
    return np.stack([sums, sums])


def _image(network_map: NetworkMap, chip: ChipConfig, home: Layout, positions: Floats) -> Image:
    hops = layer_hops(chip, [home.pe[span] for span in home.grid.layer_slices])
    made = np.array([spec.positions * spec.groups * spec.outputs for spec in network_map.layers], dtype=np.float64)
    fetched, sent = home.inputs
    return Image(float(made.sum()), float(positions @ fetched), float((positions * sent + made) @ hops))


def _reload(home: Layout, chip: ChipConfig) -> tuple[Charges, float]:
    """Charges (J) and seconds of loading the PEs that take turns in the only memory, once for the image."""
    macro = chip.volatile
    if macro is None or chip.nonvolatile is not None:
        return (), 0.0
    moving = taking_turns(home, chip)[None].astype(np.int64)
    if not moving.any():
        return (), 0.0
    said = "of PEs without a place of their own"
    took = load_time(macro, home.grid, chip, moving, said, ("layers",))
    return load_energy(macro, home.grid, chip, moving, said, ("layers",)), sum(charge.total for charge in took)


def _times(chip: ChipConfig, banks: Sequence[_MappedBank], positions: Floats) -> tuple[float, float]:
    """Latency and interval (s): copies of a layer share its vectors, layers that share a PE take turns."""
    times = [(bank, bank.macro.sheet.forward) for bank in banks]
    pace = slower(banks[0].layout, positions, times)
    vectors = positions if pace.turns is None else positions * pace.turns
    busy = vectors[None] * pace.vector_s
    chosen = busiest(busy, pace)
    interval_s = float(busy[chosen].sum())
    return interval_s + float(pace.vector_s[~chosen].sum()), interval_s
