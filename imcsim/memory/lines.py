"""Components that all arrays share, in one place each: line drivers, shift-adds, joining of row tiles."""

import numpy as np

from imcsim.mapping.pe_grid import PeGrid
from imcsim.memory.activity import Activity
from imcsim.memory.memory import Component, Numbers, Piece
from imcsim.memory.site import Site


def line_drives(site: Site, grid: PeGrid, busy: Activity, *, transposed: bool = False) -> Component:
    """Return the switched lines of one vector: rows, or columns of a transposed read."""
    driven, across, length = (grid.cols, "rows", site.rows) if transposed else (grid.rows, "cols", site.cols)
    each = site.driver.energy_price(length, site.supply_v, site.dac_bits).also(f"array.{across}", "dac_bits")
    of = f"used {'columns' if transposed else 'rows'} x expected switches a line"
    return Component("driver", driven * busy.drives[:, grid.layer], "line switches", of, each, busy=True)


def shift_adds(site: Site, sensed: Numbers, formula: str, per: str) -> Component:
    """Return one shift-add for each of ``sensed`` lines and cycles: for each ``per`` of them."""
    each = site.shift_add.energy_price().also("dac_bits")
    return Component("shift_add", sensed, "shift-adds", formula, each, per, per_line=True)


def accumulated(site: Site, grid: PeGrid) -> Component:
    """Return the additions that join row tiles: a sum of n partial sums takes n - 1."""
    tiles = grid.row_tiles[grid.layer]
    amount = np.asarray(grid.outputs * (tiles - 1) / tiles, dtype=np.float64)
    each = site.shift_add.energy_price().also("array.rows", "array.cols")
    return Component("accumulate", amount, "additions", "outputs x (row tiles - 1) / row tiles", each)


def line_drivers(site: Site, across: str) -> Piece:
    """Return the drivers of all ``rows`` or ``cols`` of a PE."""
    return Piece(getattr(site, across), "line drivers", site.driver.area_price().also(f"array.{across}"))
