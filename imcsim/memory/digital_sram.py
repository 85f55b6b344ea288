"""Digital SRAM: bits are multiplied beside their cells and summed by adder trees, exactly.

Formulas with their sources: docs/accounting.md. Shape letters: F placement phases, P PEs.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from imcsim.core.charge import Charge, Price
from imcsim.devices.sram import SramCell
from imcsim.mapping.pe_grid import PeGrid
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
    with_control,
)
from imcsim.memory.site import Site
from imcsim.periphery.digital import AdderTree

_TURNS = "weight_sets x weights_per_tree"


@memory_sort("digital-sram")
class DigitalSram(Memory):
    """SRAM PEs: digital, exact; weights are multiplied by product gates and summed by adder trees.

    A tree sums whole weights, of all rows at once or of those of one set: ``weight_sets`` rows share each of its inputs
    with their product gates, and ``weights_per_tree`` weights of a row share a tree. Weights that share take turns.
    """

    volatile: ClassVar[bool] = True
    verb: ClassVar[str] = "write"
    senses: ClassVar[str] = ""  # a tree has an accumulator of its own
    sums_gradients: ClassVar[bool] = True
    references: ClassVar[Mapping[str, str]] = {"cell": "device", "adder_tree": "component"}

    cell: SramCell
    cell_bits: Literal[1]
    adder_tree: AdderTree
    weight_sets: int = Field(1, ge=1)
    weights_per_tree: int = Field(1, ge=1)

    def inputs(self, site: Site) -> int:
        """Return the inputs of a tree: rows of one set."""
        return -(-site.rows // self.weight_sets)

    def lines(self, site: Site, grid: PeGrid, *, transposed: bool = False) -> Lines:
        """A line is a tree: one for each output; in a transposed read one for each row, over its weights."""
        words = self._words(site)
        if transposed:
            return Lines(grid.rows, grid.outputs * words, "used rows x phases", transposed=True)
        said = "used outputs x phases" if words == 1 else "used outputs x signs x phases"
        return Lines(grid.outputs * words, grid.rows, said)

    def sensed(self, site: Site, weights: Weights, busy: Activity, lines: Lines) -> tuple[Component, ...]:
        """One evaluation of a tree for each line, set and cycle; errors take a second set of trees, on the rows."""
        size = site.geometry.weight_cols * self._words(site) if lines.transposed else self.inputs(site)
        return self._trees(site, lines, size, site.geometry.encoding.slices)

    def read_out(self, site: Site, weights: Weights) -> tuple[Component, ...]:
        """Every bit of a weight is read through the port."""
        bits = weights.grid.weights * site.geometry.encoding.weight_bits
        each = self.cell.read_price(f"{site.at}.cell").also("weight_bits")
        parts = (Component("cells", bits, "bits", "weights x weight_bits", each),)
        return with_control(self, site, parts)

    def forward_time(self, site: Site, bits: int) -> ReadTime:
        """Weights that share a tree take turns, not faster than the clock."""
        return self._time(site, bits, self.inputs(site), self.weight_sets * self.weights_per_tree, ("array.rows",))

    def transposed_time(self, site: Site, bits: int) -> ReadTime:
        """The trees on the rows sum over a row's weights; rows of a set share one."""
        across = site.geometry.weight_cols * self._words(site)
        return self._time(site, bits, across, self.weight_sets * self.weights_per_tree, ("array.rows", "array.cols"))

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
        """Cells, product gates, trees, accumulators, drivers; a transposable PE has a second set of all but cells."""
        across = site.geometry.weight_cols * self._words(site)
        trees = -(-across // self.weights_per_tree)
        pieces = {"cells": Piece(site.cells, "cells", self.cell.area_price(f"{site.at}.cell"))}
        pieces |= self._logic_area(site, "", trees, self.inputs(site))
        pieces["driver"] = line_drivers(site, "rows")
        if site.transposable:
            rows = -(-self.inputs(site) // self.weights_per_tree)
            pieces |= self._logic_area(site, "transpose_", rows, across)
            pieces["transpose_driver"] = line_drivers(site, "cols")
        return pieces

    def leakage(self, site: Site) -> Price | None:
        """Every powered cell leaks."""
        return self.cell.leakage_price(f"{site.at}.cell")

    @property
    def endurance(self) -> Endurance:
        """Practically without limit; no distribution of failures is known."""
        return Endurance(self.cell.endurance_cycles)

    def gradient_evaluation(self, site: Site, bits: int) -> tuple[Component, ...]:
        """One evaluation of a tree, of whose weights activations take the place."""
        one = Lines(np.ones(1), np.array([site.rows]), "evaluations")
        return self._trees(site, one, self.inputs(site), bits)

    def _words(self, site: Site) -> int:
        """Return the numbers that a weight is stored as: 1, or 2 where a positive and a negative one stand apart."""
        encoding = site.geometry.encoding
        return encoding.cells_per_weight // encoding.slices

    def _trees(self, site: Site, lines: Lines, size: int, weight_bits: int) -> tuple[Component, ...]:
        """Return product gates, adders and accumulators of trees of ``size`` inputs, on weights of ``weight_bits``."""
        bits, tree, inputs, said = site.dac_bits, self.adder_tree, lines.inputs, lines.said
        products = np.asarray(inputs * bits * weight_bits * lines.sensed, dtype=np.float64)
        sizes, position = np.unique(inputs, return_inverse=True)
        adders = np.array([self._adders(int(n), size, weight_bits, bits) for n in sizes])[position]
        width = tree.sum_bits(size, weight_bits, lines.phases * bits)
        added = np.asarray(lines.sensed * -(-inputs // size) * width, dtype=np.float64)  # by each set in use
        at, sharing = f"{site.at}.adder_tree", (*site.of("weight_sets", "sign"), "dac_bits", "weight_bits")
        adding = np.asarray(lines.sensed * adders, dtype=np.float64)
        counted = f"{said} x (N (b + 1) - (b + log2 N + 1)) of each set of N inputs, b bits of a product"
        return (
            Component(
                "product", products, "product gates", f"{said} x inputs x weight bits x dac_bits",
                tree.product_price(at).also(*sharing), per_line=True,
            ),
            Component(
                "adder_tree", adding, "full adders", counted,
                tree.energy_price(at).also(*sharing, f"{at}.kind"), per_line=True,
            ),
            Component(
                "accumulator", added, "bits that are added", f"{said} x sets x bits of a sum",
                tree.accumulator_price(at).also(*sharing, "array.rows", "array.cols"), per_line=True,
            ),
        )  # fmt: skip

    def _adders(self, inputs: int, size: int, weight_bits: int, input_bits: int) -> int:
        """Return the full adders that ``inputs`` inputs take, ``size`` at a time: of products and of their sums."""
        bits, tree = self.adder_tree.product_bits(weight_bits, input_bits), self.adder_tree
        full, rest = divmod(inputs, size)
        summing = full * tree.full_adders(size, bits) + (tree.full_adders(rest, bits) if rest else 0)
        return summing + inputs * tree.product_adders(weight_bits, input_bits)

    def _time(self, site: Site, vector_bits: int, inputs: int, turns: int, shape: tuple[str, ...]) -> ReadTime:
        at, weight_bits = f"{site.at}.adder_tree", site.geometry.encoding.slices
        cycle = self.adder_tree.cycle_price(inputs, weight_bits, site.dac_bits, vector_bits, at)
        phases = site.phases(vector_bits)
        seconds = phases * turns * max(float(cycle.value), 1.0 / site.clock_hz)
        names = ("weight_sets", "weights_per_tree", "sign", "adder_tree.kind")
        own = (*site.of(*names), "clock_hz", "dac_bits", "weight_bits", *shape)
        settle = Price(seconds, f"phases x {_TURNS} x max({cycle.formula}, clock)", cycle.also(*own).origins)
        return ReadTime(settle, Price(0.0, "no converter"))

    def _logic_area(self, site: Site, prefix: str, trees: int, inputs: int) -> dict[str, Piece]:
        bits, weight_bits, tree = site.dac_bits, site.geometry.encoding.slices, self.adder_tree
        at = f"{site.at}.adder_tree"
        names = ("weight_sets", "weights_per_tree", "sign")
        own = (*site.of(*names), f"{at}.kind", "array.rows", "array.cols", "dac_bits", "weight_bits")
        vectors = ("input_bits", "error_bits")
        adders = self._adders(inputs, inputs, weight_bits, bits)
        width = tree.sum_bits(inputs, weight_bits, max(site.input_bits, site.error_bits))
        return {
            f"{prefix}product": Piece(
                trees * inputs * bits * weight_bits, "product gates", tree.product_area_price(at).also(*own)
            ),
            f"{prefix}adder_tree": Piece(trees * adders, "full adders", tree.area_price(at).also(*own)),
            f"{prefix}accumulator": Piece(
                trees * width,
                "bits of accumulators",
                tree.accumulator_area_price(at).also(*own, *vectors),
            ),
        }


def _of(site: Site, *names: str) -> tuple[str, ...]:
    """Dotted paths of values of the memory."""
    return tuple(f"{site.at}.{name}" for name in names)
