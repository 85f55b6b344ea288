"""How a product of integer codes is cut into cells, cycles, row groups and conversions."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.core.errors import ConfigError
from imcsim.crossbar.converter_bits import code_ends, fewest_bits
from imcsim.crossbar.encoding import PairReading

WeightMap = Literal["offset", "diff", "twos"]
Rounding = Literal["half_up", "floor", "half_even"]


class BitSliceConfig(FrozenConfig):
    """A bit-sliced product; planes and slices come least significant first.

    Parameters
    ----------
    rows
        Rows of an array; fan-in is cut into groups of so many, in order. They are summed on a bit line before one
        conversion, unless ``open_rows`` are fewer.
    cell_bits
        Weight bits in one cell.
    dac_bits
        Input bits in one cycle.
    w_bits, x_bits
        Bits of a weight code and of an input code.
    x_signed
        Inputs are two's complement (``dac_bits`` = 1, the last plane counts negative) instead of unsigned.
    w_map
        ``offset``: w + 2^(w_bits-1), the offset subtracted digitally at the end; ``diff``: max(w, 0) and max(-w, 0) in
        two arrays, see ``pair``; ``twos``: 1-bit cells of the two's complement, top slice negative.
    adc_bits
        Bits of a conversion; None for an ideal one. Codes are 0 .. 2^b - 1, or -2^(b-1) .. 2^(b-1) - 1 where a pair is
        subtracted.
    adc_step
        Column sum that one converter code stands for.
    adc_round
        ``half_up``: floor(p/step + 1/2); ``floor``: floor(p/step); ``half_even``: ties to the even code.
    pair
        Of ``diff``: each of the two columns is ``converted``, and the codes are subtracted, or the columns are
        ``subtracted`` and the difference is converted, once, with its sign.
    open_rows
        Rows of an array that are open at once, 0 for all: an array is read in passes over so many rows, each with its
        conversions, which are added digitally.
    """

    rows: int = Field(ge=1)
    cell_bits: int = Field(ge=1, le=8)
    dac_bits: int = Field(1, ge=1, le=8)
    w_bits: int = Field(8, ge=2, le=16)
    x_bits: int = Field(8, ge=1, le=16)
    x_signed: bool = False
    w_map: WeightMap = "offset"
    adc_bits: int | None = Field(None, ge=1, le=24)
    adc_step: int = Field(1, ge=1, le=1 << 20)
    adc_round: Rounding = "half_up"
    pair: PairReading = "converted"
    open_rows: int = Field(0, ge=0)

    @field_validator("adc_bits", mode="before")
    @classmethod
    def _some_bits(cls, value: object) -> Any:
        if value == 0:
            raise ValueError("a converter has at least 1 bit; None is an ideal one")
        return value

    @model_validator(mode="after")
    def _possible(self) -> "BitSliceConfig":
        if self.w_map == "twos" and self.cell_bits > 1:
            raise ValueError(f"w_map 'twos' needs cell_bits 1, given {self.cell_bits}")
        if self.x_signed and self.dac_bits > 1:
            raise ValueError(f"x_signed needs dac_bits 1, given {self.dac_bits}")
        if self.cell_bits > self.w_bits:
            raise ValueError(f"cell_bits ({self.cell_bits}) must be <= w_bits ({self.w_bits})")
        if self.pair == "subtracted" and self.w_map != "diff":
            raise ValueError(f"pair 'subtracted' needs w_map 'diff', given '{self.w_map}'")
        if self.pair == "subtracted" and self.adc_bits == 1:
            raise ValueError("pair 'subtracted' needs adc_bits >= 2, one of them the sign, given 1")
        if self.dac_bits > self.x_bits:
            raise ValueError(f"dac_bits ({self.dac_bits}) must be <= x_bits ({self.x_bits})")
        return self

    @property
    def weight_zero(self) -> int:
        """What ``offset`` adds to every weight code before it is sliced; 0 otherwise."""
        return 1 << (self.w_bits - 1) if self.w_map == "offset" else 0

    @property
    def slices(self) -> int:
        """Slices of one array."""
        if self.w_map == "diff" and self.cell_bits == 1:
            return self.w_bits - 1
        return -(-self.w_bits // self.cell_bits)

    @property
    def signed_sums(self) -> bool:
        """Whether converters see differences, which have a sign."""
        return self.pair == "subtracted"

    @property
    def lines(self) -> int:
        """Rows that are summed before one conversion."""
        return min(self.rows, self.open_rows or self.rows)

    @property
    def slice_weights(self) -> tuple[int, ...]:
        """Signed place value of each slice that is converted; of columns converted one by one, the positive first."""
        place = [1 << (self.cell_bits * s) for s in range(self.slices)]
        if self.w_map == "diff" and not self.signed_sums:
            return (*place, *(-value for value in place))
        if self.w_map == "twos":
            place[-1] = -place[-1]
        return tuple(place)

    @property
    def plane_weights(self) -> tuple[int, ...]:
        """Signed place value of each input plane."""
        place = [1 << (self.dac_bits * t) for t in range(-(-self.x_bits // self.dac_bits))]
        if self.x_signed:
            place[-1] = -place[-1]
        return tuple(place)

    @property
    def w_range(self) -> tuple[int, int]:
        """Smallest and largest weight code; ``diff`` on 1-bit cells cannot hold the most negative one."""
        half = 1 << (self.w_bits - 1)
        return (1 - half if self.w_map == "diff" and self.cell_bits == 1 else -half), half - 1

    @property
    def x_range(self) -> tuple[int, int]:
        """Smallest and largest input code."""
        half = 1 << (self.x_bits - 1)
        return (-half, half - 1) if self.x_signed else (0, 2 * half - 1)

    @property
    def code_ends(self) -> tuple[int, int]:
        """Lowest and highest code of the converter, which must not be ideal."""
        return code_ends(self.adc_bits or 0, signed=self.signed_sums)

    @property
    def exact_limit(self) -> float:
        """Largest magnitude of a column sum that the converter is sure to return unchanged."""
        if self.adc_bits is None:
            return float("inf")
        return float(self.code_ends[1]) if self.adc_step == 1 else 0.0

    @property
    def lossless_bits(self) -> int:
        """Fewest ``adc_bits`` with which no conversion of any codes clips or rounds, at step 1."""
        return fewest_bits(self.lines, (1 << self.cell_bits) - 1, (1 << self.dac_bits) - 1, signed=self.signed_sums)

    def largest_sum(self, fan_in: int) -> int:
        """Return the largest magnitude of a column sum that any codes of ``fan_in`` rows can make in one group."""
        return min(self.lines, fan_in) * ((1 << self.cell_bits) - 1) * ((1 << self.dac_bits) - 1)

    def groups(self, fan_in: int) -> list[slice]:
        """Return the row ranges that are summed before one conversion; the last of an array may be short."""
        arrays = (range(k, min(k + self.rows, fan_in)) for k in range(0, fan_in, self.rows))
        passes = (array[p : p + self.lines] for array in arrays for p in range(0, len(array), self.lines))
        return [slice(rows.start, rows.stop) for rows in passes]


def check_config(config: object) -> None:
    """Refuse anything but a :class:`BitSliceConfig` with one sentence, a ConfigError."""
    if not isinstance(config, BitSliceConfig):
        raise ConfigError(f"config must be a BitSliceConfig, given {type(config).__name__}")
