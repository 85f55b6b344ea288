"""How many bits a column's converter needs: error of a bit-sliced product, four ways to set the converter's range.

Weights in pairs of arrays (``diff``) have smaller column sums than weights with an offset: the same bits go further.
Once a step is one unit of column sum, the product is exact.

Run: ``python examples/adc_sweep.py --out adc_sweep.png``
"""

import argparse
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import ImcsimError
from imcsim.crossbar import BitSliceConfig, bit_sliced_matmul, calibrate_adc
from imcsim.report.style import GREY, colours, markers, panels, save_as

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from imcsim.crossbar.slicing.calibrate import Method
    from imcsim.crossbar.slicing.config import WeightMap

Codes = NDArray[np.int64]

# M vectors x D fan-in, D x N outputs; deviations of 8-bit codes: design choices, a layer of middling size.
VECTORS, FAN_IN, OUTPUTS = 64, 512, 64
WEIGHT_DEVIATION, INPUT_DEVIATION = 32, 60
BITS = range(3, 9)
MAPS: dict["WeightMap", str] = {"offset": "Offset: one array, w + 128", "diff": "Differential: a pair of arrays"}
RULES: dict["Method", str] = {
    "max": "max: nothing clips",
    "percentile": "percentile: 99.9 % do not clip",
    "sigma": "sigma: mean + 4 deviations",
    "mse": "mse: least squared error",
}


@dataclass(frozen=True)
class Point:
    """One product: relative RMS error, the converter's step, and the share of its conversions that clip."""

    error: float
    step: int
    clipped: float


Sweep = dict[tuple[str, str, int], Point]  # (map, rule, bits)


def sweep() -> Sweep:
    """Calibrate on one batch, measure on another, for every map, rule and number of bits."""
    generator = np.random.default_rng(0)
    w = np.clip(np.rint(generator.normal(0, WEIGHT_DEVIATION, (FAN_IN, OUTPUTS))), -127, 127).astype(np.int64)
    seen, new = _inputs(generator), _inputs(generator)
    return {(m, rule, bits): _point(seen, new, w, m, rule, bits) for m in MAPS for rule in RULES for bits in BITS}


def main(out: Path) -> Sweep:
    """Draw the sweep to ``out`` (PNG or PDF), print it as a table, and return it.

    Raises
    ------
    ConfigError
        If ``out`` has another suffix.
    StorageError
        If the disk refuses.
    """
    points = sweep()
    print(table(points))
    print(f"drawn to {draw(points, out)}")
    return points


def table(points: Sweep) -> str:
    """Return the errors in percent, with the step of each converter in brackets."""
    lines = [f"RMS error of x @ w in % of its RMS (step), fan-in {FAN_IN}, 128 rows, 2-bit cells, 1-bit inputs"]
    for name in MAPS:
        lines += ["", f"{name:<8}" + "".join(f"{rule:>16}" for rule in RULES)]
        for bits in BITS:
            row = [points[name, rule, bits] for rule in RULES]
            cells = (("exact" if p.error == 0 else f"{100 * p.error:.1f}") + f" ({p.step})" for p in row)
            lines.append(f"{bits} bits  " + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)


def draw(points: Sweep, out: Path) -> Path:
    """Draw one panel for each weight map; return the path."""
    errors = [100 * point.error for point in points.values() if point.error > 0]
    floor = min(errors) / 3  # where exact products are drawn: a logarithm has no zero
    first = [next(b for b in BITS if all(points[name, rule, b].error == 0 for rule in RULES)) for name in MAPS]
    with panels(1, 2, (9.6, 4.8), sharey=True) as (figure, axes):
        figure.suptitle(
            f"Error of a bit-sliced product against the bits of its column converters\n"
            f"{FAN_IN} × {OUTPUTS} weights of 8 bits, 128 rows, 2-bit cells, 1-bit inputs: "
            f"exact from {first[0]} bits with an offset, from {first[1]} in pairs"
        )
        for panel, (name, title) in zip(axes, MAPS.items(), strict=True):
            _panel(panel, points, name, floor)
            panel.set(title=title, xlabel="converter bits", xticks=list(BITS))
        axes[0].set(ylabel="RMS error (% of the product's RMS)", ylim=(floor / 1.5, 1.3 * max(errors)))
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        return save_as(figure, out)


def _inputs(generator: np.random.Generator) -> Codes:
    """Return (M, D) codes like activations after a ReLU: half of them 0."""
    return np.clip(np.rint(generator.normal(0, INPUT_DEVIATION, (VECTORS, FAN_IN))), 0, 255).astype(np.int64)


def _point(seen: Codes, new: Codes, w: Codes, w_map: "WeightMap", rule: "Method", bits: int) -> Point:
    # ties to even: with half_up, the default, even steps shift every conversion by the same amount
    config = BitSliceConfig(rows=128, cell_bits=2, w_map=w_map, adc_bits=bits, adc_round="half_even")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # above 1 % clipped: the table is there to show that
        found = calibrate_adc(seen, w, config, rule)
    exact = new @ w
    wrong = bit_sliced_matmul(new, w, found.config(config)) - exact
    return Point(float(np.sqrt((wrong**2).mean() / (exact**2).mean())), found.steps[0], found.clipped_shares[0])


def _panel(axes: "Axes", points: Sweep, name: str, floor: float) -> None:
    colour, marker = colours(list(RULES)), markers(list(RULES))
    for index, (rule, label) in enumerate(RULES.items()):
        beside = np.array(BITS) + 0.06 * (index - 1.5)  # rules often agree: side by side, none hides another
        error = [100 * points[name, rule, bits].error or floor for bits in BITS]
        axes.plot(beside, error, color=colour[rule], marker=marker[rule], markersize=6, linewidth=1.2, label=label)
    axes.set_yscale("log")
    axes.set_yticks([20, 50, 100, 200, 400], labels=["20", "50", "100", "200", "400"])
    axes.minorticks_off()
    axes.axhline(100, color=GREY, linewidth=0.9, linestyle="--")
    axes.text(BITS[-1], 104, "error as large as the product", ha="right", va="bottom", color=GREY, fontsize=9)
    axes.axhspan(floor / 1.5, floor * 1.5, color=GREY, alpha=0.15, linewidth=0)
    axes.text(BITS[0], floor, "exact (no error)", va="center", color=GREY, fontweight="bold")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("adc_sweep.png"), help="PNG or PDF to draw to")
    try:
        main(parser.parse_args().out)
    except ImcsimError as error:
        parser.error(str(error))
