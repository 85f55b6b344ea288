"""The picture of this study: where each claim holds, over what its chip does not state."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from imcsim.devices.wear import failure_probability
from imcsim.published.training_facts import TrainingChip
from imcsim.report.style import GREY, PALETTE, panels
from studies.silicon_that_trains import regions
from studies.silicon_that_trains.wear import HALF, Worn, shipped, through_hot_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Chips = Mapping[str, TrainingChip]
HOUR = 3600.0
MEANS = (
    ("low rank and moving", True, True), ("low rank", True, False), ("moving", False, True), ("neither", False, False),
)  # fmt: skip
EDP_LEVELS = (1, 2, 5, 10, 30, 100, 340, 1000, 3000, 10000, 30000, 80000)
TRAIN_LEVELS = (1.0, 1.05, 1.1, 1.26, 1.5, 2.0, 3.0, 5.0, 10.0, 15.0)


def draw(chips: Chips, worn: Sequence[Worn]) -> "Figure":
    """Return six panels: CHIMERA's life and its energy-delay product, measured wear, M2RU, one pulse, training."""
    with panels(2, 3, (17.0, 10.0)) as (figure, axes):
        _life(axes[0], chips["chimera_vlsi21_40nm"])
        quoted_j = chips["lrt_gural20"].value("quoted_rram_write_energy")
        _edp(axes[1], figure, chips["chimera_vlsi21_40nm"], quoted_j)
        _wear(axes[2], chips["illusion_endurer_ne21"], worn)
        _interval(axes[3], chips["m2ru_arxiv2512_17299"])
        _pulse(axes[4], chips["fwdonly_arxiv2601_09903"])
        _training(axes[5], figure, chips["gonugondla_isscc18_65nm"])
        return figure


def _life(axis: "Axes", chip: TrainingChip) -> None:
    shares = np.logspace(-3, 0, 61)
    for (name, low_rank, moved), colour in zip(MEANS, PALETTE, strict=False):
        needed = [regions.least_endurance(chip, s, 4 * HOUR, low_rank=low_rank, moved=moved) for s in shares]
        axis.plot(shares, needed, color=colour, label=name, linestyle="-" if moved else "--")
    for cycles in chip.span("endurance"):
        axis.axhline(cycles, color=GREY, linewidth=1, linestyle=":")
    axis.set(
        xscale="log", yscale="log", xlabel="share of the memory that trains", ylabel="cycles that a cell must last",
        title="CHIMERA, ten years: holds above its line\n(moved every 4 h; dotted: range of 40 nm cells)",
    )  # fmt: skip
    axis.legend(loc="lower right", fontsize=9)


def _edp(axis: "Axes", figure: "Figure", chip: TrainingChip, write_j: float) -> None:
    from matplotlib.colors import LogNorm

    macs, joules = np.logspace(0, 4, 61), np.logspace(np.log10(1.76e-12), -9, 61)
    found = regions.edp_grid(chip, macs, joules, 8.0)
    filled = axis.contourf(
        macs, joules * 1e12, found, EDP_LEVELS, norm=LogNorm(1, 80000), cmap="cividis", extend="both"
    )
    axis.contour(macs, joules * 1e12, found, [chip.value("edp_ratio")], colors="white", linewidths=2.5)
    written = regions.needed_writing(chip.value("edp_ratio"), chip.value("rram_update_steps_ratio"))
    macs_there = regions.macs_per_weight_at(written, write_j, 8.0, regions.mac_j(chip))
    axis.plot(macs_there, write_j * 1e12, "*", color="white", markeredgecolor="black", markersize=14)
    figure.colorbar(filled, ax=axis, label="energy-delay product, before over after", ticks=EDP_LEVELS)
    axis.set(
        xscale="log", yscale="log", xlabel="MACs a weight and sample", ylabel="write energy (pJ a bit)",
        title="CHIMERA, 340x (white line; star: quoted macro)\n8 bits, every weight written at every sample",
    )  # fmt: skip
    axis.grid(visible=False)


def _wear(axis: "Axes", chip: TrainingChip, worn: Sequence[Worn]) -> None:
    writes = np.logspace(2, 8.2, 121)
    own = through_hot_words(worn)
    axis.plot(
        writes, failure_probability(writes, own.scale, own.shape), color=GREY, label="Weibull through the last two"
    )
    shown: dict[tuple[float, float], str] = {}
    for name, life in shipped(chip).items():
        key = life.scale, life.shape
        shown[key] = f"{shown[key]}, {name.removeprefix('rram-')}" if key in shown else name.removeprefix("rram-")
    for ((scale, shape), name), colour in zip(shown.items(), PALETTE, strict=False):
        axis.plot(writes, failure_probability(writes * HALF, scale, shape), color=colour, label=name)
        low, high = (failure_probability(writes * toggled, scale, shape) for toggled in chip.span("toggle_share"))
        axis.fill_between(writes, low, high, color=colour, alpha=0.12)
    for moved, marker, label in ((False, "o", "measured, hot words"), (True, "^", "measured, remapped chips")):
        points = [one for one in worn if one.remapped is moved and one.stuck]
        axis.plot([p.writes for p in points], [p.share for p in points], marker, color="black",
                  markerfacecolor="none" if moved else "black", linestyle="none", label=label)  # fmt: skip
    axis.set(
        xscale="log", yscale="log", ylim=(1e-6, 1.5), xlabel="writes of a word", ylabel="share of bits stuck",
        title="ENDURER, measured wear and the lives of shipped cells\n(line: half of a word's bits change at a write)",
    )  # fmt: skip
    axis.legend(fontsize=8, loc="upper left")


def _interval(axis: "Axes", chip: TrainingChip) -> None:
    cycles = np.logspace(3, 10, 71)
    needed = np.array([regions.needed_interval_s(chip, each) for each in cycles])
    axis.plot(cycles, needed, color=PALETTE[0], linewidth=2.5)
    axis.fill_between(cycles, needed, 1e6, color=PALETTE[0], alpha=0.15)
    for seconds, name in ((1.0, "1 s"), (60.0, "1 min"), (3600.0, "1 h"), (86400.0, "1 day")):
        axis.axhline(seconds, color=GREY, linewidth=0.8, linestyle=":")
        axis.text(1.2e3, seconds * 1.1, name, color=GREY, fontsize=9)
    axis.set(
        xscale="log", yscale="log", ylim=(1e-2, 1e6), xlabel="cycles that a cell lasts",
        ylabel="seconds between writes of the worst cell", title="M2RU, 12.2 years: holds in the shaded region",
    )  # fmt: skip


def _pulse(axis: "Axes", chip: TrainingChip) -> None:
    rows = list(regions.pulse_rows(chip))
    for place, row in enumerate(rows):
        colour = PALETTE[1] if row["holds"] == "yes" else PALETTE[0]
        axis.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=6, solid_capstyle="butt")
    axis.axvline(chip.value("update_energy_ratio"), color=GREY, linestyle="--")
    axis.set_yticks(
        range(len(rows)), [f"{row['cell'].removeprefix('rram-')}, {row['bits']} b" for row in rows], fontsize=9
    )
    axis.invert_yaxis()
    axis.set(
        xscale="log", xlabel="verified change over one RESET pulse (energy)",
        title="Forward-only, 460x (dashed): a pulse of 1 V (left)\nto 0.5 V (right end) on shipped cells",
    )  # fmt: skip


def _training(axis: "Axes", figure: "Figure", chip: TrainingChip) -> None:
    from matplotlib.colors import LogNorm

    shares, joules = np.logspace(-2, 0, 61), np.geomspace(*chip.span("gradient_energy"), 61)
    batch = chip.span("batch")[0]
    found = regions.overhead_grid(chip, shares, joules, batch)
    filled = axis.contourf(
        shares, joules * 1e12, found, TRAIN_LEVELS, norm=LogNorm(1, 15), cmap="cividis", extend="both"
    )
    axis.contour(
        shares, joules * 1e12, found, [1 + chip.value("training_overhead_max")], colors="white", linewidths=2.5
    )
    figure.colorbar(
        filled, ax=axis, label="training over inference energy", ticks=(1, 1.26, 2, 3, 5, 10, 15), format="%g"
    )
    axis.set(
        xscale="log", yscale="log", xlabel="share of samples inside the margin", ylabel="gradient MAC (pJ at 28 nm)",
        title=f"Gonugondla, at most 26 % more (left of the line)\nbatch of {batch:.0f}",
    )  # fmt: skip
    axis.grid(visible=False)
