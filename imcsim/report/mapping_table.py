"""How a network lies on PEs: rows for files, a table for people, and whether the chip has room."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from imcsim.chip.config import ChipConfig
from imcsim.mapping.layer import LayerSpec
from imcsim.mapping.layer_map import LayerMap
from imcsim.mapping.network_map import NetworkMap


@dataclass(frozen=True)
class Fit:
    """PEs of a chip against those of a network.

    Parameters
    ----------
    needed
        PEs of the network, twice as many on a chip that keeps a second copy for input gradients.
    rram, sram
        PEs of the chip, None for a memory that it lacks.
    """

    needed: int
    rram: int | None
    sram: int | None

    @property
    def available(self) -> int:
        """PEs of the memory that must hold the whole network: RRAM where there is any (deployment), else SRAM."""
        return self.rram if self.rram is not None else self.sram or 0

    @property
    def fits(self) -> bool:
        """Whether every PE of the network has one on the chip."""
        return self.needed <= self.available


def chip_fit(network_map: NetworkMap, chip: ChipConfig) -> Fit:
    """Compare a network's PEs with a chip's."""
    copies = 2 if chip.input_gradient == "second-copy" else 1
    rram = None if chip.rram is None else chip.rram.pe_count
    sram = None if chip.sram is None else chip.sram.pe_count
    return Fit(network_map.pe_count * copies, rram, sram)


def fit_sentence(fit: Fit, chip: ChipConfig, network_name: str) -> str:
    """Say how many PEs the chip has by memory, and whether the network fits."""
    held = [f"{count} {kind} PEs" for count, kind in ((fit.rram, "RRAM"), (fit.sram, "SRAM")) if count is not None]
    size = f"{chip.array.rows} x {chip.array.cols} cells each"
    kind = "RRAM" if fit.rram is not None else "SRAM"
    copies = ", with the second copy for input gradients," if chip.input_gradient == "second-copy" else ""
    verdict = "it fits." if fit.fits else f"it does not fit, short by {fit.needed - fit.available}."
    training = ""
    if fit.fits and fit.rram is not None and fit.sram is not None:
        share = "All" if fit.sram >= fit.needed else f"Up to {fit.sram / fit.needed:.0%}"
        training = f" {share} of its PEs can train in SRAM at once."
    have = f"{chip.name} has {' and '.join(held)} ({size})"
    return f"{have}; {network_name} needs {fit.needed} {kind} PEs{copies} and {verdict}{training}"


def mapping_rows(network_map: NetworkMap) -> list[dict[str, Any]]:
    """Return one flat row per layer: sizes in weights, cells or PEs as the column's name says."""
    return [_row(spec, layer) for spec, layer in zip(network_map.layers, network_map.maps, strict=True)]


def mapping_total(network_map: NetworkMap) -> dict[str, Any]:
    """Return the row of totals; ``utilisation`` is that of all PEs together."""
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
    }


def mapping_csv(rows: Sequence[dict[str, Any]]) -> str:
    """Return ``rows`` as CSV with a header line."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def mapping_table(network_map: NetworkMap, title: str) -> Table:
    """Return the table for people: a line per layer and one of totals; at most 100 columns wide."""
    geometry = network_map.geometry
    caption = (
        f"A PE is {geometry.rows} x {geometry.cols} cells and holds {geometry.weight_rows} x {geometry.weight_cols} "
        f"weights ({geometry.encoding.cells_per_weight} cells each). Rows and columns in use: sums over the PEs."
    )
    table = Table(title=title, caption=caption, caption_justify="left", title_justify="left", show_footer=True)
    total = mapping_total(network_map)
    table.add_column("layer", footer="total", overflow="fold")
    table.add_column("D x N (xG)\nweights", footer=f"{total['weights']:,}", justify="right", no_wrap=True)
    for heading, footer in zip(_HEADINGS, _figures(total), strict=True):
        table.add_column(heading, footer=footer, justify="right", no_wrap=True)
    for row in mapping_rows(network_map):
        shape = f"{row['fan_in']} x {row['outputs']}" + (f" x{row['groups']}" if row["groups"] > 1 else "")
        table.add_row(row["layer"], shape, *_figures(row))
    return table


_HEADINGS = ("PEs", "rows used\ncells", "cols used\ncells", "utilisation\n%", "vectors\nper image")


def _figures(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"{row['pes']:,}",
        f"{row['rows_used_cells']:,}",
        f"{row['cols_used_cells']:,}",
        f"{100 * row['utilisation']:.1f}",
        f"{row['vectors_per_image']:,}",
    )


def _row(spec: LayerSpec, layer: LayerMap) -> dict[str, Any]:
    return {
        "layer": spec.name,
        "kind": spec.kind,
        "fan_in": spec.fan_in,
        "outputs": spec.outputs,
        "groups": spec.groups,
        "weights": spec.weight_count,
        "pes": layer.pe_count,
        "row_tiles": layer.tile_grid[1],
        "col_tiles": layer.tile_grid[2],
        "column_segments": layer.column_segments,
        "rows_used_cells": layer.rows_used,
        "cols_used_cells": layer.cols_used,
        "cells_used": layer.cells_used,
        "utilisation": layer.utilisation,
        "vectors_per_image": spec.positions,
        "macs_per_image": spec.macs,
    }
