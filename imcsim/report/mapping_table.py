"""How a network lies on PEs: rows for files, a table for people, and whether the chip has room."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from rich.table import Table

from imcsim.chip.config import ChipConfig
from imcsim.mapping.layer import LayerSpec
from imcsim.mapping.layer_map import LayerMap
from imcsim.mapping.lines import conversions
from imcsim.mapping.network_map import NetworkMap
from imcsim.mapping.routing import routing
from imcsim.report.numbers import short
from imcsim.report.tables import TextTable


@dataclass(frozen=True)
class Fit:
    """PEs of a chip against those of a network.

    Parameters
    ----------
    needed
        PEs of the network, twice as many on a chip that keeps a second copy for input gradients.
    held
        PEs of each memory of the chip, by name; the one in which weights rest first.
    """

    needed: int
    held: Mapping[str, int]

    @property
    def available(self) -> int:
        """PEs of the memory that must hold the whole network: the one in which weights rest."""
        return next(iter(self.held.values()))

    @property
    def fits(self) -> bool:
        """Whether every PE of the network has one on the chip."""
        return self.needed <= self.available


def chip_fit(network_map: NetworkMap, chip: ChipConfig) -> Fit:
    """Compare a network's PEs with a chip's; a map that holds the second copy itself is not doubled."""
    held = any(tile.read == "backward" for layer in network_map.maps for tile in layer.tiles[-1:])
    copies = 2 if chip.input_gradient == "second-copy" and not held else 1
    return Fit(network_map.pe_count * copies, {macro.name: macro.memory.pe_count for macro in chip.macros})


def fit_sentence(fit: Fit, chip: ChipConfig, network_name: str) -> str:
    """Say how many PEs the chip has by memory, and whether the network fits."""
    held = [f"{count} {kind.upper()} PEs" for kind, count in fit.held.items()]
    size = f"{chip.array.rows} x {chip.array.cols} cells each"
    (kind, _), *others = fit.held.items()
    copies = ", with the second copy for input gradients," if chip.input_gradient == "second-copy" else ""
    verdict = "it fits." if fit.fits else f"it does not fit, short by {fit.needed - fit.available}."
    if not fit.fits and chip.oversize == "multiplex" and fit.available:
        verdict = f"takes turns: each pass loads {fit.needed - fit.available + 1} of them anew."
    training = ""
    if fit.fits and others:
        (work, room) = others[0]
        share = "All" if room >= fit.needed else f"Up to {room / fit.needed:.0%}"
        training = f" {share} of its PEs can train in {work.upper()} at once."
    have = f"{chip.name} has {' and '.join(held)} ({size})"
    return f"{have}; {network_name} needs {fit.needed} {kind.upper()} PEs{copies} and {verdict}{training}"


class Summed(TypedDict):
    """Columns that layers share with the total, which adds them up."""

    layer: str
    weights: int
    pes: int
    column_segments: int
    rows_used_cells: int
    cols_used_cells: int
    cells_used: int
    utilisation: float
    vectors_per_image: int
    macs_per_image: int
    conversions_per_image: int
    inputs_fetched: int
    inputs_delivered: int
    partial_sums_added: int
    table_bits: int


class LayerRow(Summed):
    """A layer on PEs, flat; sizes in weights, cells or PEs as the column's name says."""

    kind: str
    fan_in: int
    outputs: int
    groups: int
    copies: int
    row_tiles: int
    col_tiles: int


def mapping_rows(network_map: NetworkMap, phases: int = 1) -> list[LayerRow]:
    """Return one flat row per layer: sizes in weights, cells or PEs as the column's name says.

    ``conversions_per_image`` are those of all ``phases`` of an input vector; see
    :class:`imcsim.mapping.routing.Routing` for the last four columns.
    """
    return [_row(spec, layer, phases) for spec, layer in zip(network_map.layers, network_map.maps, strict=True)]


def mapping_total(network_map: NetworkMap, phases: int = 1) -> Summed:
    """Return the row of totals; ``utilisation`` is that of all PEs together, and a PE that layers share counts once."""
    rows = mapping_rows(network_map, phases)
    return {
        "layer": "total",
        "weights": network_map.weight_count,
        "pes": network_map.pe_count,
        "column_segments": network_map.column_segments,
        "rows_used_cells": network_map.rows_used,
        "cols_used_cells": network_map.cols_used,
        "cells_used": network_map.cells_used,
        "utilisation": network_map.utilisation,
        "vectors_per_image": sum(spec.positions for spec in network_map.layers),
        "macs_per_image": network_map.macs,
        "conversions_per_image": sum(row["conversions_per_image"] for row in rows),
        "inputs_fetched": sum(row["inputs_fetched"] for row in rows),
        "inputs_delivered": sum(row["inputs_delivered"] for row in rows),
        "partial_sums_added": sum(row["partial_sums_added"] for row in rows),
        "table_bits": sum(row["table_bits"] for row in rows),
    }


def mapping_table(network_map: NetworkMap, title: str, phases: int = 1) -> Table:
    """Return the table for people: a line per layer and one of totals; at most 100 columns wide."""
    table = Table(
        title=title,
        caption=_caption(network_map, phases),
        caption_justify="left",
        title_justify="left",
        show_footer=True,
    )
    total = mapping_total(network_map, phases)
    table.add_column("layer", footer="total", overflow="fold")
    table.add_column("D x N (xG)\nweights", footer=f"{total['weights']:,}", justify="right", no_wrap=True)
    for (name, unit), footer in zip(_UNITS, _figures(total), strict=True):
        table.add_column(f"{name}\n{unit}", footer=footer, justify="right", no_wrap=True)
    for row in mapping_rows(network_map, phases):
        table.add_row(row["layer"], _shape(row), *_figures(row))
    return table


def mapping_text(network_map: NetworkMap, title: str, phases: int = 1) -> TextTable:
    """Return the same table as text, for a page."""
    columns = (("layer", ""), ("D x N (xG)", "weights"), *_UNITS)
    rows = [(row["layer"], _shape(row), *_figures(row)) for row in mapping_rows(network_map, phases)]
    total = mapping_total(network_map, phases)
    rows.append(("total", f"{total['weights']:,}", *_figures(total)))
    return TextTable(title, columns, tuple(rows), (_caption(network_map, phases),))


_UNITS = (
    ("PEs", ""),
    ("in use", "%"),
    ("vectors", ""),
    ("conversions", ""),
    ("inputs", "routed"),
    ("tables", "bits"),
)


def _shape(row: LayerRow) -> str:
    return f"{row['fan_in']} x {row['outputs']}" + (f" x{row['groups']}" if row["groups"] > 1 else "")


def _caption(network_map: NetworkMap, phases: int) -> str:
    geometry = network_map.geometry
    return (
        f"A PE is {geometry.rows} x {geometry.cols} cells and holds {geometry.weight_rows} x {geometry.weight_cols} "
        f"weights ({geometry.encoding.cells_per_weight} cells each). Per image: vectors, conversions of all columns in "
        f"use ({phases} phases of each vector), inputs that reach a row. Tables: what a permuted order needs."
    )


def _figures(row: Summed) -> tuple[str, ...]:
    return (
        f"{row['pes']:,}",
        f"{100 * row['utilisation']:.1f}",
        f"{row['vectors_per_image']:,}",
        short(row["conversions_per_image"]),
        short(row["inputs_delivered"]),
        short(row["table_bits"]) if row["table_bits"] else "-",
    )


def _row(spec: LayerSpec, layer: LayerMap, phases: int) -> LayerRow:
    route = routing(spec, layer)
    return {
        "layer": spec.name,
        "kind": spec.kind,
        "fan_in": spec.fan_in,
        "outputs": spec.outputs,
        "groups": spec.groups,
        "weights": spec.weight_count,
        "pes": layer.pe_count,
        "copies": layer.copies,
        "row_tiles": layer.tile_grid[1],
        "col_tiles": layer.tile_grid[2],
        "column_segments": layer.column_segments,
        "rows_used_cells": layer.rows_used,
        "cols_used_cells": layer.cols_used,
        "cells_used": layer.cells_used,
        "utilisation": layer.utilisation,
        "vectors_per_image": spec.positions,
        "macs_per_image": spec.macs,
        "conversions_per_image": spec.positions * conversions(layer) * phases,
        "inputs_fetched": route.fetched,
        "inputs_delivered": route.delivered,
        "partial_sums_added": route.added,
        "table_bits": route.table_bits,
    }
