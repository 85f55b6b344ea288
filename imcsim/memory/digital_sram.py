"""Digital SRAM: bits are multiplied beside their cells and summed by adder trees, exactly.

Formulas with their sources: docs/accounting.md. Shape letters: F placement phases, P PEs.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from imcsim.core.charge import Charge, Price
from imcsim.devices.sram import SramCell
from imcsim.memory.memory import (
    Activity,
    Component,
    Endurance,
    Lines,
    Memory,
    Numbers,
    Piece,
    ReadTime,
    Weights,
    line_drivers,
    memory_sort,
)
from imcsim.memory.site import Site
from imcsim.periphery.digital import AdderTree

_TREE = "columns_per_tree x max(adder tree, clock)"


@memory_sort("digital-sram")
class DigitalSram(Memory):
    """SRAM PEs: digital, exact; an adder tree per column, ``columns_per_tree`` columns sharing one."""

    volatile: ClassVar[bool] = True
    verb: ClassVar[str] = "write"
    sensing: ClassVar[str] = "evaluation of a tree"
    sums_gradients: ClassVar[bool] = True
    references: ClassVar[Mapping[str, str]] = {"cell": "device", "adder_tree": "component"}

    cell: SramCell
    cell_bits: Literal[1]
    adder_tree: AdderTree
    columns_per_tree: int = Field(ge=1)

    def sensed(self, site: Site, weights: Weights, busy: Activity, lines: Lines) -> tuple[Component, ...]:
        """One evaluation of a tree for each line and cycle; errors take a second set of trees, on the rows."""
        sizes, position = np.unique(lines.inputs, return_inverse=True)
        adders = np.array([self.adder_tree.full_adders(int(size), site.dac_bits) for size in sizes])[position]
        formula = f"{lines.said} x (N (b + 1) - (b + log2 N + 1)), N inputs of b = dac_bits"
        each = self.adder_tree.energy_price(f"{site.at}.adder_tree").also("dac_bits")
        return (Component("adder_tree", lines.sensed * adders, "full adders", formula, each, per_line=True),)

    def read_out(self, site: Site, weights: Weights) -> tuple[Component, ...]:
        """Every bit of a weight is read through the port."""
        bits = weights.grid.weights * site.geometry.encoding.weight_bits
        each = self.cell.read_price(f"{site.at}.cell").also("weight_bits")
        return (Component("cells", bits, "bits", "weights x weight_bits", each),)

    def forward_time(self, site: Site, bits: int) -> ReadTime:
        """Columns that share a tree take turns, not faster than the clock."""
        return self._time(site, -(-bits // site.dac_bits), site.rows, "", ("array.rows",))

    def transposed_time(self, site: Site, bits: int) -> ReadTime:
        """The trees on the rows sum over a row's weights."""
        passes = -(-bits // site.dac_bits) * site.geometry.encoding.slices
        return self._time(site, passes, site.geometry.weight_cols, " x slices", ("array.rows", "array.cols"))

    def row_read_time(self, site: Site) -> Price:
        """Return the time of one row through the port."""
        return Price(self.cell.read_time_s, "time to read a row", _of(site, "cell.read_time_s"))

    def row_write_time(self, site: Site) -> Price:
        """Return the time of one row through the port."""
        return Price(self.cell.write_time_s, "time to write a row", _of(site, "cell.write_time_s"))

    def write_energy(self, site: Site) -> Price:
        """Only bits that change are written, all alike."""
        return self.cell.write_price(f"{site.at}.cell")

    def write_time(self, site: Site, events: Numbers, rows: Numbers) -> Charge:
        """Rows of a PE in turn, all PEs at once."""
        most = np.asarray(rows.max(axis=1, initial=0.0), dtype=np.float64)
        said = f"of the {site.name.upper()} PE with the most, by task"
        return Charge("", most, "row writes", said, (), self.row_write_time(site))

    def area(self, site: Site) -> dict[str, Piece]:
        """Cells, trees, drivers, shift-adds; a transposable PE has a second set of trees and drivers."""
        trees = -(-site.cols // self.columns_per_tree)
        sharing = (*_of(site, "columns_per_tree"), "array.cols")
        pieces = {
            "cells": Piece(site.cells, "cells", self.cell.area_price(f"{site.at}.cell")),
            "adder_tree": self._tree_area(site, trees, site.rows),
            "driver": line_drivers(site, "rows"),
            "shift_add": Piece(trees, "shift-adds", site.shift_add.area_price().also(*sharing)),
        }
        if site.transposable:
            rows = -(-site.rows // self.columns_per_tree)
            pieces["transpose_tree"] = self._tree_area(site, rows, site.geometry.weight_cols)
            pieces["transpose_driver"] = line_drivers(site, "cols")
        return pieces

    def leakage(self, site: Site) -> Price | None:
        """Every powered cell leaks."""
        return self.cell.leakage_price(f"{site.at}.cell")

    @property
    def endurance(self) -> Endurance:
        """Practically without limit; no distribution of failures is known."""
        return Endurance(self.cell.endurance_cycles)

    def gradient_evaluation(self, site: Site) -> tuple[int, Price]:
        """Return the full adders of a tree over all rows of a PE, and what one costs (J)."""
        adders = self.adder_tree.full_adders(site.rows, site.dac_bits)
        return adders, self.adder_tree.energy_price(f"{site.at}.adder_tree").also("dac_bits")

    def _time(self, site: Site, passes: int, inputs: int, slices: str, shape: tuple[str, ...]) -> ReadTime:
        tree = self.adder_tree.time_price(inputs, site.dac_bits, f"{site.at}.adder_tree")
        seconds = passes * (self.columns_per_tree * max(float(tree.value), 1.0 / site.clock_hz))
        own = (*_of(site, "columns_per_tree"), "clock_hz", "dac_bits", *shape)
        settle = Price(seconds, f"phases{slices} x {_TREE}", tree.also(*own).origins)
        return ReadTime(settle, Price(0.0, "no converter"))

    def _tree_area(self, site: Site, trees: int, inputs: int) -> Piece:
        adders = self.adder_tree.full_adders(inputs, site.dac_bits)
        each = self.adder_tree.area_price(f"{site.at}.adder_tree")
        own = (*_of(site, "columns_per_tree"), "array.rows", "array.cols", "dac_bits")
        return Piece(trees * adders, "full adders", each.also(*own))


def _of(site: Site, *names: str) -> tuple[str, ...]:
    """Dotted paths of values of the memory."""
    return tuple(f"{site.at}.{name}" for name in names)
