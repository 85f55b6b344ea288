"""Weight codes to cell levels: differential pairs or offset binary, in slices of c bits.

Shape letters: K cells per weight, G groups, D fan-in, N outputs.
"""

from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.core.errors import CrossbarError

Sign = Literal["differential", "offset"]
PairReading = Literal["subtracted", "converted"]
"""How the two columns of a differential pair are converted: their difference at once, or each by itself."""
Reference = Literal["replica", "ideal"]
"""What offset codes are read against: columns of cells that hold code 0, or the sum of the inputs as a number."""


class CodesError(CrossbarError, ValueError):
    """What was given are no codes or levels of an encoding."""


def _check_integers(values: object, name: str) -> None:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iu":
        given = f"an array of {values.dtype}" if isinstance(values, np.ndarray) else f"a {type(values).__name__}"
        raise CodesError(f"{name} must be a numpy array of integers, given {given}")


class Encoding(FrozenConfig):
    """How a signed ``weight_bits`` code is stored in cells of ``cell_bits``.

    ``differential``: the magnitude, ``weight_bits - 1`` bits, in the positive or in the negative cell of a pair;
    codes -(2^(b-1) - 1) .. 2^(b-1) - 1. ``offset``: code + 2^(b-1), ``weight_bits`` bits; codes from -2^(b-1).
    Slices hold the least significant bits first; for differential the positive slices come before the negative.
    """

    sign: Sign = "differential"
    weight_bits: int = Field(8, ge=1, le=16)
    cell_bits: int = Field(2, ge=1, le=16)

    @model_validator(mode="after")
    def _cell_not_wider_than_weight(self) -> "Encoding":
        if self.sign == "differential" and self.weight_bits < 2:
            raise ValueError("a differential pair holds a magnitude and a sign: weight_bits must be >= 2, got 1")
        if self.cell_bits > self.weight_bits:
            raise ValueError(f"cell_bits ({self.cell_bits}) must be <= weight_bits ({self.weight_bits})")
        return self

    @property
    def slices(self) -> int:
        """Number of bit slices S."""
        bits = self.weight_bits - 1 if self.sign == "differential" else self.weight_bits
        return -(-bits // self.cell_bits)

    @property
    def cells_per_weight(self) -> int:
        """Number of cells K that hold one weight."""
        return self.slices * (2 if self.sign == "differential" else 1)

    @property
    def level_count(self) -> int:
        """Number of levels of one cell."""
        return 1 << self.cell_bits

    @property
    def highest_level(self) -> int:
        """Highest level that a code takes: a weight of few bits need not fill its cell."""
        return min(self.level_count, self.code_max + 1 if self.sign == "differential" else 1 << self.weight_bits) - 1

    @property
    def code_min(self) -> int:
        """Smallest code that can be stored."""
        half = 1 << (self.weight_bits - 1)
        return 1 - half if self.sign == "differential" else -half

    @property
    def code_max(self) -> int:
        """Largest code that can be stored."""
        return (1 << (self.weight_bits - 1)) - 1

    @property
    def name(self) -> str:
        """Short key, e.g. ``differential-8w-2c``."""
        return f"{self.sign}-{self.weight_bits}w-{self.cell_bits}c"

    def levels(self, codes: NDArray[np.integer]) -> NDArray[np.uint16]:
        """Return cell levels (K, *codes.shape) of integer ``codes``.

        Raises
        ------
        CodesError
            If ``codes`` are no array of integers, or one lies outside ``code_min .. code_max``.
        """
        _check_integers(codes, "codes")
        if codes.size and (codes.min() < self.code_min or codes.max() > self.code_max):
            raise CodesError(f"codes must lie in {self.code_min}..{self.code_max}, given {codes.min()}..{codes.max()}")
        wide = codes.astype(np.int32)
        if self.sign == "offset":
            parts = [wide + (1 << (self.weight_bits - 1))]
        else:
            parts = [np.maximum(wide, 0), np.maximum(-wide, 0)]
        mask = self.level_count - 1
        cells = [(part >> (self.cell_bits * s)) & mask for part in parts for s in range(self.slices)]
        return np.stack(cells).astype(np.uint16)

    @cached_property
    def level_table(self) -> NDArray[np.uint16]:
        """Levels of every code, shape (K, codes): column i is for code ``code_min + i``."""
        return self.levels(np.arange(self.code_min, self.code_max + 1))

    def codes(self, levels: NDArray[np.integer]) -> NDArray[np.int32]:
        """Return the codes that ``levels`` (K, ...) stand for: the inverse of :meth:`levels`.

        Raises
        ------
        CodesError
            If ``levels`` are no array of integers with K entries along the first axis.
        """
        _check_integers(levels, "levels")
        if levels.ndim < 1 or len(levels) != self.cells_per_weight:
            raise CodesError(f"levels must have shape ({self.cells_per_weight}, ...), given {levels.shape}")
        weights = self.significance.reshape((-1,) + (1,) * (levels.ndim - 1))
        total: NDArray[np.int32] = (levels.astype(np.int32) * weights).sum(axis=0, dtype=np.int32)
        zero = 1 << (self.weight_bits - 1) if self.sign == "offset" else 0
        return total - np.int32(zero)

    @property
    def significance(self) -> NDArray[np.int32]:
        """Signed place value of each cell, shape (K,)."""
        place = np.array([1 << (self.cell_bits * s) for s in range(self.slices)], dtype=np.int32)
        return place if self.sign == "offset" else np.concatenate([place, -place])
