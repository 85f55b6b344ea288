"""What wires take from an array: 64 x 64 cells, every input on, ideal against real.

Word lines are driven from the left and lose voltage to the right; bit lines are sensed at the bottom and rise towards
the top. A cell sees the difference: least at the top right, which is farthest from both.

Run: ``python examples/crossbar_ir_drop.py --out ir_drop.png``
"""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from imcsim.core.errors import ImcsimError
from imcsim.core.toml import load_resolved
from imcsim.crossbar import node_voltages, solve_wires
from imcsim.devices import RramCell
from imcsim.report.style import GREY, PALETTE, panels, save_as

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

SIZE = 64
CELL_BITS = 2
TICKS = [0, 16, 32, 48, SIZE - 1]
SEGMENT_OHM = 2.5  # design choice: in the middle of the 0.35 to 10 ohm that docs/crossbar.md measures


@dataclass(frozen=True)
class IrDrop:
    """Bit-line currents (C,) in A without and with wires, and line voltages (R, C) in V at every cell."""

    ideal_a: Floats
    real_a: Floats
    word_v: Floats
    bit_v: Floats

    @property
    def lost(self) -> float:
        """Share of the summed current that the wires take."""
        return float(1 - self.real_a.sum() / self.ideal_a.sum())


def solve(cell: RramCell) -> IrDrop:
    """Return what an array of ``cell`` at random levels does with the read voltage on every row."""
    levels = cell.conductances_s(CELL_BITS)
    g_s = np.random.default_rng(0).choice(levels, (SIZE, SIZE))
    v = np.full(SIZE, cell.read_voltage_v)
    word_v, bit_v = node_voltages(g_s, v, SEGMENT_OHM, SEGMENT_OHM)
    return IrDrop(v @ g_s, solve_wires(g_s, v, SEGMENT_OHM, SEGMENT_OHM), word_v, bit_v)


def main(out: Path) -> IrDrop:
    """Draw the array to ``out`` (PNG or PDF), print what it loses, and return the numbers.

    Raises
    ------
    ConfigError
        If ``out`` has another suffix.
    StorageError
        If the disk refuses.
    """
    cell = load_resolved(RramCell, "device", "rram-28nm").config
    drop = solve(cell)
    worst = (drop.word_v - drop.bit_v).min() / cell.read_voltage_v
    print(f"{SIZE} x {SIZE} cells of {cell.name}, {SEGMENT_OHM:g} ohm a wire segment, every input on:")
    ideal_ma, real_ma = drop.ideal_a.sum() * 1e3, drop.real_a.sum() * 1e3
    print(f"  {ideal_ma:.2f} mA without wire resistance, {real_ma:.2f} mA with it: {drop.lost:.1%} lost")
    print(f"  the farthest cell sees {worst:.0%} of the input")
    print(f"drawn to {draw(drop, cell, out)}")
    return drop


def draw(drop: IrDrop, cell: RramCell, out: Path) -> Path:
    """Draw three voltage maps and the currents; return the path."""
    volts = cell.read_voltage_v
    with panels(2, 2, (9.6, 8.4)) as (figure, axes):
        figure.suptitle(
            f"Wires of {SEGMENT_OHM:g} Ω a segment take {100 * drop.lost:.0f} % of the current "
            f"of {SIZE} × {SIZE} RRAM cells\n"
            f"({cell.conductance_min_s * 1e6:.0f}–{cell.conductance_max_s * 1e6:.0f} µS at random levels, "
            f"{volts * 1e3:.0f} mV on every word line)"
        )
        word, bit = drop.word_v * 1e3, drop.bit_v * 1e3
        share = 100 * (drop.word_v - drop.bit_v) / volts
        _map(axes[0], word, "Word lines: the input fades to the right", "voltage (mV)", "viridis")
        _map(axes[1], bit, "Bit lines: they rise above ground to the top", "voltage (mV)", "magma")
        _map(axes[2], share, "What each cell sees: word minus bit line", "share of the input (%)", "cividis")
        _note(axes[0], f"{word[:, 0].mean():.0f} mV", f"{word[:, -1].mean():.0f} mV", (0.03, 0.5), (0.97, 0.5))
        _note(axes[1], f"{bit[-1].mean():.1f} mV", f"{bit[0].mean():.0f} mV", (0.5, 0.04), (0.5, 0.96))
        _note(axes[2], f"{share[-1, 0]:.0f} %", f"{share[0, -1]:.0f} %", (0.03, 0.04), (0.97, 0.96))
        _currents(axes[3], drop)
        return save_as(figure, out)


def _map(axes: "Axes", values: Floats, title: str, unit: str, colours: str) -> None:
    image = axes.imshow(values, cmap=colours, interpolation="nearest", aspect="equal")
    axes.grid(False)
    axes.set(title=title, xlabel="column  (driven from the left →)", ylabel="row  (sensed at the bottom)")
    axes.set_xticks(TICKS)
    axes.set_yticks(TICKS)
    bar: Any = axes.figure.colorbar(image, ax=axes, shrink=0.8, label=unit)
    bar.outline.set_visible(False)
    bar.locator = MaxNLocator(5)
    bar.update_ticks()


def _note(axes: "Axes", near: str, far: str, near_at: tuple[float, float], far_at: tuple[float, float]) -> None:
    """Write what the map shows next to the terminals, and where it is farthest from them."""
    sides = {0.03: "left", 0.97: "right", 0.5: "center", 0.04: "bottom", 0.96: "top"}
    box = {"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": "none", "alpha": 0.85}
    for text, (x, y) in ((near, near_at), (far, far_at)):
        vertical = sides[y] if y != 0.5 else "center"
        axes.text(x, y, text, transform=axes.transAxes, ha=sides[x], va=vertical, fontweight="bold", bbox=box)


def _currents(axes: "Axes", drop: IrDrop) -> None:
    columns = np.arange(SIZE)
    ideal, real = drop.ideal_a * 1e6, drop.real_a * 1e6
    axes.vlines(columns, real, ideal, color=GREY, linewidth=0.8, alpha=0.6)
    axes.plot(columns, ideal, "o", color=GREY, markersize=4, markerfacecolor="white", label="without wire resistance")
    axes.plot(columns, real, "o", color=PALETTE[1], markersize=4, label=f"with it: −{100 * drop.lost:.0f} % in sum")
    first, last = (100 * (1 - real[part].sum() / ideal[part].sum()) for part in (slice(8), slice(-8, None)))
    axes.text(0, 1.15 * ideal.max(), f"−{first:.0f} % in the first 8 columns", ha="left", va="center")
    axes.text(SIZE - 1, 1.06 * ideal.max(), f"−{last:.0f} % in the last 8", ha="right", va="center")
    axes.set(title="Current at each sense end", xlabel="column  (driven from the left →)", ylabel="current (µA)")
    axes.set_ylim(0, 1.2 * ideal.max())
    axes.set_xticks(TICKS)
    axes.legend(loc="lower left")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("crossbar_ir_drop.png"), help="PNG or PDF to draw to")
    try:
        main(parser.parse_args().out)
    except ImcsimError as error:
        parser.error(str(error))
