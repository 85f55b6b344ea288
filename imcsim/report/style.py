"""One look for all figures: a palette that colour-blind readers can tell apart, sizes, fonts, files without a clock."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imcsim.core.errors import ConfigError
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
# No clock and no version in a file.
METADATA: dict[str, object] = {
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "ModDate": None, "Producer": None, "Creator": None},
}


def colours(names: Sequence[str]) -> dict[str, str]:
    """Return a colour for each name, in the palette's order; past its end it starts again, paler each time."""
    rounds = -(-len(names) // len(PALETTE))
    return {
        name: paler(PALETTE[index % len(PALETTE)], 0.75 * (index // len(PALETTE)) / rounds)
        for index, name in enumerate(names)
    }


def paler(colour: str, white: float) -> str:
    """Return ``colour`` (#RRGGBB) mixed with a share of white, 0..1."""
    parts = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{round((1 - white) * part + white * 255):02X}" for part in parts)


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
    """Write STEM.png and STEM.pdf and return their paths; StorageError if the disk refuses."""
    return save_as(figure, stem.with_name(f"{stem.name}.png")), save_as(figure, stem.with_name(f"{stem.name}.pdf"))


def save_as(figure: "Figure", path: Path) -> Path:
    """Write ``figure`` as PNG or PDF, by the suffix; the same figure gives the same bytes.

    Raises
    ------
    ConfigError
        For another suffix.
    StorageError
        If the disk refuses.
    """
    import matplotlib as mpl

    if path.suffix not in METADATA:
        raise ConfigError(f"a figure is written as {' or '.join(METADATA)}, not as '{path.suffix}'")
    buffer = io.BytesIO()
    with mpl.rc_context(SETTINGS):
        figure.savefig(buffer, format=path.suffix[1:], metadata=METADATA[path.suffix])
    write_atomic(path, buffer.getvalue())
    return path
