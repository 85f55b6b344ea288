"""Phases and rows without a one: what an array need not be driven or converted for.

A phase whose digits are all zero drives no row. Its column sums are zero whatever the cells hold, their wires and the
noise of their reads (which scales with what drives them), and so are their codes: it may be skipped, and no result
changes. So may a row whose digit is zero.
"""

from dataclasses import dataclass

import torch

from imcsim.core.errors import ConfigError
from imcsim.crossbar.slicing.codes import Codes, as_tensor, check_range
from imcsim.crossbar.slicing.config import BitSliceConfig, check_config
from imcsim.crossbar.slicing.planes import input_planes

_VECTORS_AT_ONCE = 1 << 11


@dataclass(frozen=True)
class IdlePhases:
    """Counts over input vectors.

    Parameters
    ----------
    phases
        Vectors x planes x passes over rows: what one column of PEs is read for.
    idle
        Those in which no row is driven.
    digits
        Vectors x planes x rows.
    zeros
        Those that drive nothing.
    """

    phases: int = 0
    idle: int = 0
    digits: int = 0
    zeros: int = 0

    @property
    def idle_share(self) -> float:
        """Share of the phases in which no row is driven; 0 of no phase."""
        return self.idle / self.phases if self.phases else 0.0

    @property
    def zero_share(self) -> float:
        """Share of the digits that drive nothing; 0 of no digit."""
        return self.zeros / self.digits if self.digits else 0.0

    def plus(self, other: "IdlePhases") -> "IdlePhases":
        """Return the sum, field by field."""
        return IdlePhases(
            self.phases + other.phases, self.idle + other.idle, self.digits + other.digits, self.zeros + other.zeros
        )


def idle_phases(x: Codes, config: BitSliceConfig) -> IdlePhases:
    """Return how many phases of input codes ``x`` drive no row.

    Parameters
    ----------
    x
        Input codes (M, D) of one layer, as :func:`bit_sliced_matmul` takes them; of a convolution what the rows see at
        each output place.
    config
        Planes, rows of an array and rows open at once; cells and converter do not matter.

    Raises
    ------
    ConfigError
        If ``x`` are no codes (M, D) within their range.
    """
    check_config(config)
    codes = as_tensor(x, "x")
    if codes.ndim != 2:
        raise ConfigError(f"x must be codes (M, D), given {tuple(codes.shape)}")
    check_range(codes, config.x_range, "x")
    found = IdlePhases()
    for batch in torch.split(codes, _VECTORS_AT_ONCE) if codes.numel() else ():
        driven = input_planes(batch, config) != 0  # (P, M, D)
        busy = torch.stack([driven[:, :, rows].any(dim=2) for rows in config.groups(codes.shape[1])])
        found = found.plus(
            IdlePhases(busy.numel(), busy.numel() - int(busy.sum()), driven.numel(), driven.numel() - int(driven.sum()))
        )
    return found
