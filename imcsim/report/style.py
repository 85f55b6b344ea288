"""One look for all figures: a palette that colour-blind readers can tell apart, sizes, fonts, files without a clock."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imcsim.core.files import write_atomic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# P. Tol, "Colour Schemes", SRON/EPS/TN/09-002 issue 3.2 (2021), figure 5: scheme "muted".
PALETTE = (
    "#332288", "#CC6677", "#117733", "#DDCC77", "#88CCEE", "#882255", "#44AA99", "#999933", "#AA4499",
)  # fmt: skip
GREY = "#777777"
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
PLOTLY_MARKERS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x", "star")
SETTINGS: Any = {
    "font.size": 10.0, "axes.titlesize": 11.0, "axes.labelsize": 10.0, "legend.fontsize": 9.0,
    "xtick.labelsize": 9.0, "ytick.labelsize": 9.0, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.color": "#DDDDDD", "grid.linewidth": 0.6, "axes.axisbelow": True,
    "legend.frameon": False, "pdf.fonttype": 42, "savefig.dpi": 150,
}  # fmt: skip
PNG_METADATA = {"Software": None}
PDF_METADATA = {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": None}


def colours(names: Sequence[str]) -> dict[str, str]:
    """Return a colour for each name, in the palette's order; past its end the palette starts again."""
    return {name: PALETTE[index % len(PALETTE)] for index, name in enumerate(names)}


def markers(names: Sequence[str], shapes: Sequence[str] = MARKERS) -> dict[str, str]:
    """Return a marker for each name."""
    return {name: shapes[index % len(shapes)] for index, name in enumerate(names)}


@contextmanager
def panels(
    rows: int, cols: int, size_in: tuple[float, float], **kwargs: object
) -> Iterator[tuple["Figure", list["Axes"]]]:
    """Yield a figure of ``size_in`` (width, height in inches) and its axes, row by row, in the house style."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(SETTINGS):
        figure = Figure(figsize=size_in, layout="constrained")
        axes = figure.subplots(rows, cols, squeeze=False, **kwargs)  # type: ignore[call-overload]
        yield figure, list(axes.flat)


def save(figure: "Figure", stem: Path) -> tuple[Path, Path]:
    """Write STEM.png and STEM.pdf (same figure, same bytes) and return their paths; StorageError if refused."""
    import matplotlib as mpl

    paths = stem.with_name(f"{stem.name}.png"), stem.with_name(f"{stem.name}.pdf")
    with mpl.rc_context(SETTINGS):
        for path, metadata in zip(paths, (PNG_METADATA, PDF_METADATA), strict=True):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=path.suffix[1:], metadata=metadata)
            write_atomic(path, buffer.getvalue())
    return paths
