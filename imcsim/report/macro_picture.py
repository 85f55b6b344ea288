"""Where a chip's memories stand among published macros: efficiency against throughput on an area, and density."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from imcsim.published.chip_macros import BITS, ChipMacro
from imcsim.published.points import PublishedPoint
from imcsim.published.scope import FAMILIES, Family, family_of
from imcsim.published.facts import OutOfScope
from imcsim.published.tables import NAMES
from imcsim.report.style import GREY, MARKERS, PALETTE, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE_IN = (10.0, 4.6)
_COLOURS: dict[Family, str] = dict(zip(FAMILIES, PALETTE, strict=False))


def draw_macros(name: str, macros: Sequence[ChipMacro], points: Sequence[PublishedPoint]) -> "Figure":
    """Return the picture of chip ``name``: its macros over the published ones of each family.

    Figures of one bit by one bit, TOPS times the bits of inputs and of weights, make macros of other bits comparable.
    """
    with panels(1, 2, _SIZE_IN) as (figure, axes):
        for family in FAMILIES:
            known = [place for point in points if (place := _place(point, family)) is not None]
            for axis, across in zip(axes, ("tops_mm2", "mb_mm2"), strict=True):
                xs = [place[across] for place in known if across in place]
                ys = [place["tops_w"] for place in known if across in place]
                axis.scatter(xs, ys, s=22, color=_COLOURS[family], alpha=0.6, label=f"published {NAMES[family]}")
        for at, macro in enumerate(macros):
            bits = macro.figures.bits / macro.figures.macs * BITS
            tops_w, tops_mm2 = macro.figures.tops_per_w * bits, macro.figures.tops_per_mm2 * bits
            for axis, x in zip(axes, (tops_mm2, macro.figures.mb_per_mm2), strict=True):
                mark = MARKERS[at % len(MARKERS)]
                axis.plot([x], [tops_w], mark, ms=11, mfc="none", mec="black", mew=2, ls="", label=f"{name}: {macro.memory}")
        _label(axes)
        return figure


def _label(axes: "Sequence[Axes]") -> None:
    for axis, said in zip(axes, ("TOPS/mm$^2$, 1 b x 1 b", "Mb/mm$^2$"), strict=True):
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel(said)
        axis.set_ylabel("TOPS/W, 1 b x 1 b")
        axis.tick_params(colors=GREY, which="both")
    axes[1].legend(loc="best")


def _place(point: PublishedPoint, family: Family) -> dict[str, float] | None:
    """Return where a published macro stands, of one bit by one bit; None if its energy is not stated."""
    try:
        own = family_of(point)
    except OutOfScope:
        return None
    if own != family or None in (point.reported_j, point.input_bits, point.weight_bits):
        return None
    assert point.reported_j is not None and point.input_bits is not None and point.weight_bits is not None
    bits = point.input_bits * point.weight_bits
    found = {"tops_w": 2e-12 / point.reported_j * bits}
    if point.area_m2 is not None and point.cells is not None:
        found["mb_mm2"] = point.cells / 2**20 / (point.area_m2 * 1e6)
    if None not in (point.area_m2, point.input_s, point.rows, point.outputs):
        assert point.area_m2 and point.input_s and point.rows and point.outputs
        macs = point.rows * point.outputs
        found["tops_mm2"] = 2e-12 * macs / point.input_s / (point.area_m2 * 1e6) * bits
    return found
