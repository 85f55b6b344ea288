"""What training counts under a mapping rule, once more by loops over weights, cells and rows: nothing else is used.

A recount follows from the rule's tiles, the trace's codes and its placement alone. It shares no arithmetic with
:mod:`imcsim.chip`, against which :func:`check_training_counts` holds it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.network_map import NetworkMap
from imcsim.trace.trace import Trace

Pe = tuple[int, int, int]  # PE of the map, and which piece of its array, down and across


@dataclass
class PeCounts:
    """One layer in one PE: lists are by phase, ``level_sums`` by commit."""

    layer: int
    cells: int = 0
    rows: set[tuple[int, ...]] = field(default_factory=set)
    outputs: set[tuple[int, ...]] = field(default_factory=set)
    level_sums: list[int] = field(default_factory=list)
    changes: list[int] = field(default_factory=list)
    step_changes: list[int] = field(default_factory=list)
    row_writes: list[int] = field(default_factory=list)
    trains: list[bool] = field(default_factory=list)

    def figures(self) -> tuple[Any, ...]:
        """Return all of them as plain values, in an order that compares."""
        return (
            self.layer, self.cells, len(self.rows), len(self.outputs), *self.level_sums, *self.changes,
            *self.step_changes, *self.row_writes, *self.trains,
        )  # fmt: skip


@dataclass(frozen=True)
class Recount:
    """One memory: its PEs layer by layer, and how many there are; ``sizes`` counts PEs by the PE they were cut from."""

    pes: Mapping[tuple[int, int, Pe], PeCounts]
    count: int
    sizes: Mapping[int, int]

    def figures(self) -> list[tuple[Any, ...]]:
        """Return the figures of each layer in each PE, sorted."""
        return sorted(pe.figures() for pe in self.pes.values())


@dataclass(frozen=True)
class _Place:
    """Where one weight lies: its layer and copy, its index, the PE of the map, the PE of the memory and the row there.

    ``along`` and ``across``: what the row carries, and what the column.
    """

    layer: int
    copy: int
    weight: tuple[int, int, int]
    home: int
    pe: Pe
    row: int
    col: int


def recount(trace: Trace, network_map: NetworkMap, geometry: PeGeometry) -> Recount:
    """Return what one memory of PEs of ``geometry`` holds and is written, whatever is trained where."""
    places = list(_places(network_map, geometry))
    moving = _moving_homes(trace, places)
    found: dict[tuple[int, int, Pe], PeCounts] = {}
    by_pe: dict[tuple[int, int, Pe], list[_Place]] = defaultdict(list)
    for place in places:
        by_pe[place.layer, place.copy, place.pe].append(place)
    for key, mine in by_pe.items():
        found[key] = _counts_of(trace, mine, geometry, [mine[0].home in phase for phase in moving])
    pes = {(place.home, place.pe) for place in places}
    return Recount(found, len(pes), Counter(home for home, _ in pes))


def _places(network_map: NetworkMap, geometry: PeGeometry) -> Iterator[_Place]:
    for layer, (layer_map, first) in enumerate(zip(network_map.maps, network_map.first_pes, strict=True)):
        for tile in layer_map.tiles:
            if tile.read == "backward":
                continue
            for i, row in enumerate(tile.rows):
                for j, col in enumerate(tile.cols):
                    down, line = divmod(tile.row_offset + i, geometry.weight_rows)
                    right, column = divmod(tile.col_offset + j, geometry.weight_cols)
                    home = tile.pe + first
                    weight = tile.group, row, col
                    yield _Place(layer, tile.copy, weight, home, (home, down, right), line, column)


def _moving_homes(trace: Trace, places: Sequence[_Place]) -> list[set[int]]:
    """Return, for each phase, the PEs of the map in which a weight trains, or a copy of one that does."""
    tile, found = trace.meta.pe_tile, []
    together: dict[tuple[int, tuple[int, int, int]], set[int]] = defaultdict(set)
    for place in places:
        together[place.layer, place.weight].add(place.home)
    for phase in range(trace.meta.phase_count):
        chosen: set[int] = set()
        for place in places:
            placed = trace.placement.get(trace.meta.layers[place.layer].name)
            group, row, col = place.weight
            if placed is None or tile is None or placed[phase, group, row // tile[0], col // tile[1]]:
                chosen.add(place.home)
        while more := set().union(*(homes for homes in together.values() if homes & chosen)) - chosen:
            chosen |= more
        found.append(chosen)
    return found


def _counts_of(trace: Trace, mine: Sequence[_Place], geometry: PeGeometry, trains: list[bool]) -> PeCounts:
    encoding, name = geometry.encoding, trace.meta.layers[mine[0].layer].name
    codes, phases = trace.codes[name], trace.meta.phase_count
    steps = trace.changes["step", encoding.name, name]
    counts = PeCounts(mine[0].layer, trains=trains)
    sums, changes, stepped = [0] * (phases + 1), [0] * phases, [0] * phases
    written: list[set[int]] = [set() for _ in range(phases)]
    for place in mine:
        group, row, col = place.weight
        counts.cells += encoding.cells_per_weight
        counts.rows.add((place.row, group, row))
        counts.outputs.add((place.col, group, col))
        own = [int(codes[at][place.weight]) - encoding.code_min for at in range(phases + 1)]
        levels = [[int(cell[code]) for cell in encoding.level_table] for code in own]
        for at, of_cells in enumerate(levels):
            sums[at] += sum(of_cells)
        for phase in range(phases):
            moved = sum(a != b for a, b in zip(levels[phase], levels[phase + 1], strict=True))
            changes[phase] += moved
            stepped[phase] += sum(int(cell[place.weight]) for cell in steps[phase])
            if moved:
                written[phase].add(place.row)
    counts.level_sums, counts.changes, counts.step_changes = sums, changes, stepped
    counts.row_writes = [len(rows) for rows in written]
    return counts
