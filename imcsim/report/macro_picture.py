"""Where a chip's memories stand among published macros: efficiency against throughput on an area, and density."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imcsim.published.chip_macros import BITS, ChipMacro
from imcsim.published.facts import OutOfScope
from imcsim.published.points import PublishedPoint
from imcsim.published.scope import FAMILIES, Family, family_of
from imcsim.published.tables import NAMES
from imcsim.report.style import GREY, MARKERS, PALETTE, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIZE_IN = (10.0, 5.2)
_COLOURS: dict[Family, str] = dict(zip(FAMILIES, PALETTE, strict=False))


def draw_macros(name: str, macros: Sequence[ChipMacro], points: Sequence[PublishedPoint]) -> "Figure":
    """Return the picture of chip ``name``: its macros over the published ones of each family.

    Figures of one bit by one bit, TOPS times the bits of inputs and of weights, make macros of other bits comparable.
    """
    with panels(1, 2, _SIZE_IN) as (figure, axes):
        for family in FAMILIES:
            known = list(_places(points, family))
            _scatter(axes[0], [(place.tops_mm2, place.tops_w) for place in known], family)
            _scatter(axes[1], [(place.mb_mm2, place.tops_w) for place in known], family)
        for at, macro in enumerate(macros):
            bits = macro.figures.bits / macro.figures.macs * BITS
            tops_w, tops_mm2 = macro.figures.tops_per_w * bits, macro.figures.tops_per_mm2 * bits
            for axis, x in zip(axes, (tops_mm2, macro.figures.mb_per_mm2), strict=True):
                mark, label = MARKERS[at % len(MARKERS)], f"{name}: {macro.memory}"
                axis.plot([x], [tops_w], mark, ms=11, mfc="none", mec="black", mew=2, ls="", label=label)
        _label(axes)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        return figure


def _scatter(axis: "Axes", places: Sequence[tuple[float | None, float]], family: Family) -> None:
    known = [(x, y) for x, y in places if x is not None]
    xs, ys = [x for x, _ in known], [y for _, y in known]
    axis.scatter(xs, ys, s=22, color=_COLOURS[family], alpha=0.6, label=f"published {NAMES[family]}")


def _label(axes: "Sequence[Axes]") -> None:
    for axis, said in zip(axes, ("TOPS/mm$^2$, 1 b x 1 b", "Mb/mm$^2$"), strict=True):
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel(said)
        axis.set_ylabel("TOPS/W, 1 b x 1 b")
        axis.tick_params(colors=GREY, which="both")


@dataclass(frozen=True)
class _Place:
    """Where a published macro stands, of one bit by one bit; None where a figure is not stated."""

    tops_w: float
    tops_mm2: float | None
    mb_mm2: float | None


def _places(points: Sequence[PublishedPoint], family: Family) -> Iterator[_Place]:
    for point in points:
        try:
            own = family_of(point)
        except OutOfScope:
            continue
        if own == family and point.reported_j and point.input_bits and point.weight_bits:
            bits = point.input_bits * point.weight_bits
            tops_mm2 = _tops_mm2(point)
            yield _Place(2e-12 / point.reported_j * bits, tops_mm2 and tops_mm2 * bits, _mb_mm2(point))


def _tops_mm2(point: PublishedPoint) -> float | None:
    if not (point.area_m2 and point.input_s and point.rows and point.outputs):
        return None
    return 2e-12 * point.rows * point.outputs / point.input_s / (point.area_m2 * 1e6)


def _mb_mm2(point: PublishedPoint) -> float | None:
    if not (point.area_m2 and point.cells):
        return None
    return point.cells / 2**20 / (point.area_m2 * 1e6)
