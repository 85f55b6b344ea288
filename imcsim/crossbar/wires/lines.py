"""The wires of an array: what is asked for, and what one line looks like to the solvers.

Shapes: R rows (word lines), C columns (bit lines); n nodes of one line.
"""

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal, NamedTuple, SupportsFloat, SupportsIndex, TypedDict

from imcsim.core.errors import CrossbarError, nearest

if TYPE_CHECKING:
    from torch import Tensor

Drive = Literal["left", "both"]
Sense = Literal["bottom", "both"]


def _is_resistance(value: object) -> bool:
    if isinstance(value, str | bytes):
        return False
    try:
        number = float(value) if isinstance(value, SupportsFloat | SupportsIndex) else math.nan
    except (TypeError, ValueError, RuntimeError):
        return False
    return math.isfinite(number) and number >= 0


class Ends(TypedDict, total=False):
    """How lines end; defaults and meaning as in ``effective_conductance``."""

    r_src_ohm: float
    r_sns_ohm: float
    end_segments: bool
    drive: Drive
    sense: Sense


class Line(NamedTuple):
    """One line, counted from its near (driven or sensed) end.

    ``far_s[k]`` is the conductance of the segment behind node k, towards the far end, in S; ``cell_behind[k]`` is 1
    where the cell hangs on the far end of that segment instead of on the near one; ``near_s`` is the conductance
    between the near terminal and node 0, infinite where node 0 is the terminal.
    """

    far_s: list[float]
    cell_behind: list[float]
    near_s: float
    two_sided: bool


@dataclass(frozen=True)
class Wires:
    """Wire and terminal resistances of an array, checked.

    Attributes
    ----------
    r_wl_ohm, r_bl_ohm
        Resistance of one word-line or bit-line segment in ohm.
    r_src_ohm, r_sns_ohm
        Series resistance at each driver and each sense end in ohm.
    end_segments
        Whether a segment lies between the driver and the first cell, and between the last cell and the sense end.
    drive, sense
        At which ends a word line is driven and a bit line is sensed.
    """

    r_wl_ohm: float
    r_bl_ohm: float
    r_src_ohm: float = 0.0
    r_sns_ohm: float = 0.0
    end_segments: bool = True
    drive: Drive = "left"
    sense: Sense = "bottom"

    def __post_init__(self) -> None:
        for field in ("r_wl_ohm", "r_bl_ohm", "r_src_ohm", "r_sns_ohm"):
            value = getattr(self, field)
            if not _is_resistance(value):
                raise CrossbarError(f"{field} must be a finite resistance of zero or more, not {value!r}")
        if isinstance(self.end_segments, str) or self.end_segments not in (True, False):
            raise CrossbarError(f"end_segments must be True or False, not {self.end_segments!r}")
        for field, allowed in (("drive", ("left", "both")), ("sense", ("bottom", "both"))):
            value = getattr(self, field)
            if value not in allowed:
                raise CrossbarError(f"{field} cannot be {value!r}{nearest(str(value), allowed)}")

    @classmethod
    def of(cls, r_wl_ohm: float, r_bl_ohm: float, ends: "Ends") -> "Wires":
        """Return the wires with these ends; CrossbarError for an end that there is not."""
        known = [field.name for field in fields(cls)][2:]
        for name in ends:
            if name not in known:
                raise CrossbarError(f"wires have no '{name}'{nearest(name, known)}")
        return cls(r_wl_ohm, r_bl_ohm, **ends)

    @property
    def first_ohm(self) -> float:
        """Resistance between a driver and the word-line node it drives."""
        return self.r_src_ohm + (self.r_wl_ohm if self.end_segments else 0.0)

    @property
    def last_ohm(self) -> float:
        """Resistance between a sense end and the bit-line node next to it."""
        return self.r_sns_ohm + (self.r_bl_ohm if self.end_segments else 0.0)

    def reciprocal(self) -> "Wires":
        """Return the wires of the array read backwards: bit lines driven, word lines sensed."""
        drive: Drive = "both" if self.sense == "both" else "left"
        sense: Sense = "both" if self.drive == "both" else "bottom"
        return Wires(self.r_bl_ohm, self.r_wl_ohm, self.r_sns_ohm, self.r_src_ohm, self.end_segments, drive, sense)

    def word_line(self, cells: int, nodes: int) -> Line:
        """Return a word line of ``cells`` cells cut into ``nodes`` >= ``cells`` nodes (see :func:`cut`)."""
        return cut(cells, nodes, self.r_wl_ohm, self.first_ohm, self.drive == "both")

    def bit_line(self, cells: int, nodes: int) -> Line:
        """Return a bit line of ``cells`` cells cut into ``nodes`` >= ``cells`` nodes (see :func:`cut`)."""
        return cut(cells, nodes, self.r_bl_ohm, self.last_ohm, self.sense == "both")


def cut(cells: int, nodes: int, segment_ohm: float, end_ohm: float, two_sided: bool) -> Line:
    """Return a line of two or more cells with ``nodes - cells`` nodes without a cell put in before its last cell.

    They cut the segment before the last cell into equal parts, which changes nothing but the node count: solvers that
    like round sizes get them, exactly, whatever the far end is connected to.
    """
    far = [1 / segment_ohm] * (cells - 1)
    behind = [0.0] * nodes
    if not two_sided:
        far.append(0.0)
    elif end_ohm > 0:
        far.append(1 / end_ohm)
    else:  # the last node is the far terminal: half of the segment before it goes behind it, and the cell with it
        far[-1] *= 2
        far.append(far[-1])
        behind[-1] = 1.0
    parts = nodes - cells + 1
    far[-2:-1] = [far[-2] * parts] * parts
    return Line(far, behind, 1 / end_ohm if end_ohm > 0 else math.inf, two_sided)


def line_resistance(nodes: int, segment_ohm: float, end_ohm: float, two_sided: bool, like: "Tensor") -> "Tensor":
    """Return the (n, n) matrix of the voltage at node a per current drawn at node b, in ohm, near end first.

    One terminal: the resistance that the two paths share, ``end + r min(a, b)``. Two terminals, with x the resistance
    to the near and L that between them: ``min(x) (L - max(x)) / L`` (nodal analysis of one line, by hand).

    Parameters
    ----------
    nodes
        How many nodes n the line has.
    segment_ohm, end_ohm
        Resistance of a segment, and between a terminal and the node next to it.
    two_sided
        Whether the far end has a terminal, too.
    like
        A torch tensor whose dtype and device the result takes.
    """
    import torch

    x = end_ohm + segment_ohm * torch.arange(nodes, dtype=like.dtype, device=like.device)
    # currents at nodes a and b share the line up to the nearer of the two
    low = torch.minimum(x[:, None], x)
    length = 2 * end_ohm + segment_ohm * (nodes - 1)
    if not two_sided or length == 0:
        return low
    return low * (length - torch.maximum(x[:, None], x)) / length
