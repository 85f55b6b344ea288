"""The layouts of a trace on a chip by a mapping rule: one for each of the chip's memories, one map for all tasks.

Rule in, layouts out; :mod:`imcsim.chip.placed` asks for them for price, explain, timeline, ``life`` and ``crash``. How
rows and PEs of any map are counted, shared ones too, is in :mod:`imcsim.chip.rule_layout`. A rule lays the weights in
PEs of the home memory; each of those is a placement unit, which the other memory holds in PEs of its own size. Shape
letters: F placement phases, G groups, D fan-in, N outputs.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imcsim.chip.config import ChipConfig
from imcsim.chip.layout import Layout
from imcsim.chip.profile import TileProfile, profile_of, profile_on
from imcsim.chip.rule_layout import RuleLayout, cut_map, used_weights
from imcsim.core.errors import MappingError
from imcsim.mapping.called import is_own, rule_of
from imcsim.mapping.masks import expand_pe_mask
from imcsim.mapping.network_map import NetworkMap, map_network
from imcsim.mapping.rule import MAPPING_RULES, MappingRule, needs_of
from imcsim.memory.macro import Macro
from imcsim.trace.trace import Trace

Masks = dict[str, NDArray[np.bool_]]


def profiles_of(trace: Trace, chip: ChipConfig, rule: str | MappingRule) -> tuple[TileProfile, ...]:
    """Return the trace as the PEs of each of ``chip.macros`` see it, kept with the trace.

    Raises
    ------
    MappingError
        If the rule lays the network as the chip cannot read it, or cannot lay it in the chip's PEs.
    ContentError
        If there is no such rule, with the nearest name.
    """
    if rule == "im2col" or rule is MAPPING_RULES.get("im2col"):
        home = chip.home.geometry
        tile = trace.meta.pe_tile if trace.placement and trace.meta.pe_tile else (home.weight_rows, home.weight_cols)
        return tuple(profile_of(trace, macro.geometry, tile) for macro in chip.macros)
    function, name = rule_of(rule)
    budget = chip.home.room if "pe_budget" in needs_of(function) else None
    key = ("rule", function, budget, tuple(macro.geometry for macro in chip.macros))
    found = trace.cache.get(key)
    if not isinstance(found, tuple):
        network_map = map_network(
            trace.meta.layers,
            chip.home.geometry,
            rule,
            zeros=zeros(trace) if "zeros" in needs_of(function) or not is_own(function) else None,
            trainable=trainable(trace) if "trainable" in needs_of(function) else None,
            pe_budget=budget,
        )
        found = (network_map, tuple(_layouts(network_map, chip.macros, key, name)))
        found[1][0].check(trace)
        trace.cache[key] = found
    check_readable(found[0], chip, name)
    layouts: tuple[Layout, ...] = found[1]
    return tuple(profile_on(trace, layout) for layout in layouts)


def _layouts(network_map: NetworkMap, macros: tuple[Macro, ...], key: Any, name: str) -> Iterator[RuleLayout]:
    home = RuleLayout(network_map, (*key, macros[0].geometry), laid=name)
    yield home
    for macro in macros[1:]:
        yield cut_layout(home, macro, key)


def cut_layout(home: RuleLayout, macro: Macro, key: Any) -> RuleLayout:
    """Return the layout of what each PE of ``home`` holds in PEs of ``macro``."""
    there, of_home = cut_map(home.network_map, macro.geometry)
    units = np.zeros(home.pe_count, np.int64)
    units[home.pe] = home.unit
    return RuleLayout(there, (*key, macro.geometry), of_home(units), laid=home.laid)


def zeros(trace: Trace) -> Masks:
    """Return, by layer, (G, D, N): weights that are zero all along, in no phase's sparsity mask where there is one."""
    found = {}
    for layer, spec in enumerate(trace.meta.layers):
        unused = ~used_weights(trace, layer)
        active = trace.active.get(spec.name)
        found[spec.name] = unused if active is None else unused & ~np.asarray(active).any(axis=0)
    return found


def trainable(trace: Trace) -> Masks:
    """Return, by layer, (G, D, N): weights that train in any phase: in a PE that does, and in the phase's mask."""
    found = {}
    for spec in trace.meta.layers:
        placed, active = trace.placement.get(spec.name), trace.active.get(spec.name)
        mask = np.zeros(spec.matrix_shape, bool)
        for phase in range(len(trace.meta.phase_tasks)):
            mask |= _trains(placed, phase, spec.matrix_shape, trace.meta.pe_tile) & (
                True if active is None else active[phase]
            )
        found[spec.name] = mask
    return found


def check_readable(network_map: NetworkMap, chip: ChipConfig, rule: str) -> None:
    """Raise MappingError if the rule lays tiles for input gradients that the chip computes in another way."""
    reads = {tile.read for layer in network_map.maps for tile in layer.tiles}
    for read, needed, what in (
        ("both", "transposable", "PEs that are read from both sides"),
        ("backward", "second-copy", "a second, transposed copy"),
    ):
        if read in reads and chip.input_gradient != needed:
            raise MappingError(
                f"mapping rule '{rule}' lays {what}, but '{chip.name}' has input_gradient = '{chip.input_gradient}': "
                f"set it to '{needed}' (--set input_gradient={needed}), or choose another rule"
            )


def _trains(
    placed: NDArray[np.bool_] | None, phase: int, shape: tuple[int, int, int], tile: tuple[int, int] | None
) -> NDArray[np.bool_]:
    if placed is None or tile is None:
        return np.ones(shape, bool)
    return expand_pe_mask(placed[phase], shape, tile)
