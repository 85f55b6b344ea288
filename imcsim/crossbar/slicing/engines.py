"""Two ways to convert all column sums of one row group in torch: floats anywhere, bytes on CPUs that multiply them.

Both take planes (P * M, R), uint8, and prepared cells (R, N / BLOCK * S * BLOCK), and return the codes summed over the
slices with their place values, (P * M * N / BLOCK, BLOCK); each code counts from ``zero``.
Shape letters: M vectors, R rows, N outputs, S slices, P planes.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import torch

from imcsim.crossbar.slicing.adc_transfer import largest_code, to_codes_
from imcsim.crossbar.slicing.collapse import float32_is_exact, float_type
from imcsim.crossbar.slicing.config import BitSliceConfig
from imcsim.crossbar.slicing.planes import fold_matrix

_BYTE = 255


class Engine(Protocol):
    """Makes column sums, converts them and folds the slices."""

    @property
    def config(self) -> BitSliceConfig:
        """Cells, cycles, row groups and converter."""

    @property
    def zero(self) -> int:
        """What stands for code 0."""

    @property
    def largest_sum(self) -> int:
        """Upper bound of a column sum."""

    def prepare(self, cells: torch.Tensor) -> torch.Tensor:
        """Return uint8 cells in the form that products take."""

    def sums(self, planes: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
        """Return the column sums, float, exact."""

    def fold(self, planes: torch.Tensor, cells: torch.Tensor, slice_weights: tuple[int, ...]) -> torch.Tensor:
        """Return the codes summed over the slices, float, exact."""


@dataclass(frozen=True)
class FloatEngine:
    """Batched products and in-place passes in float32 or float64; any device, any configuration."""

    config: BitSliceConfig
    largest_sum: int
    zero: int = 0

    def prepare(self, cells: torch.Tensor) -> torch.Tensor:
        """Return the cells as floats; two bits of the mantissa are left to the converter's division."""
        return cells.to(float_type(4 * self.largest_sum))

    def sums(self, planes: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
        """Return the column sums."""
        return planes.to(cells.dtype) @ cells

    def fold(self, planes: torch.Tensor, cells: torch.Tensor, slice_weights: tuple[int, ...]) -> torch.Tensor:
        """Return the codes summed over the slices."""
        codes = to_codes_(self.sums(planes, cells), self.config)
        matrix = fold_matrix(slice_weights, codes.device)
        top = largest_code(self.largest_sum, self.config)
        kind = float_type(top * sum(abs(weight) for weight in slice_weights))
        return codes.view(-1, len(matrix)).to(kind) @ matrix.to(kind)


@dataclass(frozen=True)
class ByteEngine:
    """oneDNN's uint8 x int8 product, whose output stage rounds and saturates: that *is* the converter.

    code = sat(rne(p / step + shift) + zero) with sat to 0..255: ``zero`` = 256 - 2^adc_bits puts the converter's full
    scale at 255; a shift of a quarter of 1/step turns ties up, and one of -1/2 more makes a floor.
    """

    config: BitSliceConfig
    largest_sum: int

    @staticmethod
    def supports(config: BitSliceConfig, largest_sum: int) -> bool:
        """Tell whether codes fit in a byte, cells in 7 bits, and ties can be told in float32."""
        power_of_two = config.adc_step & (config.adc_step - 1) == 0
        ties = config.adc_round != "half_even" or power_of_two or config.adc_step % 2 == 1
        bytes_suffice = largest_code(largest_sum, config) <= _BYTE or (config.adc_bits or 99) <= 8
        if config.signed_sums:
            return False  # the output stage saturates at both ends only for codes that fill a byte
        return ties and bytes_suffice and config.cell_bits < 8 and config.adc_step <= 1024 and largest_sum < 1 << 18

    @property
    def zero(self) -> int:
        """Stored byte of code 0."""
        if config_clips(self.config, self.largest_sum):
            return _BYTE + 1 - (1 << (self.config.adc_bits or 8))
        return 0

    def prepare(self, cells: torch.Tensor) -> torch.Tensor:
        """Return the cells in oneDNN's plain layout."""
        # Packing is left to the kernel: four times faster than the reorder of qlinear_prepack.
        return cells.view(torch.int8).to_mkldnn()

    def sums(self, planes: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
        """Return the column sums."""
        return _byte_product(planes, cells, torch.float32)

    def fold(self, planes: torch.Tensor, cells: torch.Tensor, slice_weights: tuple[int, ...]) -> torch.Tensor:
        """Return the codes summed over the slices."""
        inverse = 1.0 / self.config.adc_step
        shift = {"half_up": 0.25 * inverse, "half_even": 0.0, "floor": 0.25 * inverse - 0.5}[self.config.adc_round]
        bias = torch.full((cells.shape[1],), shift, dtype=torch.float32, device="cpu")
        codes = _byte_product(planes, cells, torch.uint8, inverse, bias, self.zero)
        matrix, sign = _byte_fold(slice_weights)
        return _byte_product(codes.view(-1, matrix.shape[0]), matrix, torch.float32, sign)


@lru_cache(maxsize=64)
def _byte_fold(slice_weights: tuple[int, ...]) -> tuple[torch.Tensor, float]:
    # -128..127 holds 128 with its sign turned only.
    sign = -1 if max(slice_weights) > 127 else 1
    return (sign * fold_matrix(slice_weights, torch.device("cpu"))).to(torch.int8).to_mkldnn(), float(sign)


def config_clips(config: BitSliceConfig, largest_sum: int) -> bool:
    """Tell whether a column sum up to ``largest_sum`` can pass the converter's full scale."""
    return config.adc_bits is not None and largest_code(largest_sum, config) > (1 << config.adc_bits) - 1


def choose_engine(config: BitSliceConfig, fan_in: int, device: torch.device) -> Engine:
    """Return the fastest engine that is exact for ``config`` on ``device``."""
    largest = config.largest_sum(fan_in)
    weights = config.slice_weights
    fits = any(all(-128 <= sign * weight <= 127 for weight in weights) for sign in (1, -1))
    if device.type == "cpu" and fits and ByteEngine.supports(config, largest) and float32_is_exact() and _has_bytes():
        return ByteEngine(config, largest)
    return FloatEngine(config, largest)


def _byte_product(
    a: torch.Tensor,
    b: torch.Tensor,
    out: torch.dtype,
    scale: float = 1.0,
    bias: torch.Tensor | None = None,
    zero: int = 0,
) -> torch.Tensor:
    """Return scale * (a @ b) + bias + zero of uint8 (M, K), prepared int8 (K, N); bytes get rounded and saturated."""
    none = torch.zeros(1, dtype=torch.int64, device="cpu")
    scales = torch.full((1,), scale, dtype=torch.float32, device="cpu")
    operands: tuple[object, ...] = (a, 1.0, 0, b, scales, none, bias, 1.0, zero, out, "none", [], "")
    result: torch.Tensor = torch.ops.onednn.qlinear_pointwise(*operands)
    return result


@lru_cache(maxsize=1)
def _has_bytes() -> bool:
    """Tell whether this CPU and this torch do byte products exactly; tried once on the largest bytes there are."""
    if not torch.cpu._is_vnni_supported():
        return False
    with torch.device("cpu"):
        a = torch.full((64, 1024), _BYTE, dtype=torch.uint8)
        b = torch.full((1024, 32), -128, dtype=torch.int8)
        b[:, 1::2] = 127
        # 16 is the least width; the pair sums to 2i, over 4 that is a tie for every odd i.
        ones, ties = torch.ones(2, 16, dtype=torch.int8), torch.arange(64, dtype=torch.uint8).repeat(2, 1).t()
        none = torch.zeros(16, dtype=torch.float32)
        wanted = (torch.arange(64, dtype=torch.float32) / 2).round().add(240).clamp_max(_BYTE).to(torch.uint8)
    try:
        whole = _byte_product(a, b.to_mkldnn(), torch.float32)
        halves = _byte_product(ties.contiguous(), ones.to_mkldnn(), torch.uint8, 0.25, none, 240)
    except (RuntimeError, AttributeError, NotImplementedError):
        return False
    exact = torch.equal(whole.to(torch.int64), a.to(torch.int64) @ b.to(torch.int64))
    return exact and torch.equal(halves, wanted[:, None].expand(64, 16))
