"""Column sums by counting bits, in compiled C: the fastest way to convert every column where there is a C compiler.

Shape letters: A arrays, M vectors, D fan-in, N outputs.
"""

import ctypes
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

from imcsim.core.errors import ConfigError
from imcsim.crossbar.compiled import compiled_library
from imcsim.crossbar.slicing.adc_transfer import largest_code
from imcsim.crossbar.slicing.config import BitSliceConfig
from imcsim.crossbar.slicing.planes import BLOCK, stored_codes

_SOURCE = Path(__file__).with_name("bit_counts.c")
_ROWS_IN_A_WORD = 32
_INTS = ctypes.POINTER(ctypes.c_int32)


class _Product(ctypes.Structure):
    """``product`` of the C source."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("planes", "dac_bits", "slices", "cell_bits", "groups", "words")),
        *((name, _INTS) for name in ("starts", "lengths")),
        *((name, ctypes.c_uint32) for name in ("half", "factor", "shift", "even_step")),
        ("top", ctypes.c_int32),
        *((name, _INTS) for name in ("place", "plane_place")),
        ("zero", ctypes.c_int32),
    )


@dataclass(frozen=True, eq=False)
class CountedCells:
    """Cells of the row groups ``rows``, packed 32 rows to a word; made by :func:`count_cells`."""

    config: BitSliceConfig
    rows: tuple[slice, ...]
    shape: tuple[int, int]
    words: torch.Tensor


def can_count(config: BitSliceConfig, fan_in: int, device: torch.device) -> bool:
    """Tell whether the compiled form is there and does what ``config`` asks for: no signed sums, none past 32 bits."""
    if config.signed_sums:
        return False
    largest = config.largest_sum(fan_in)
    places = sum(map(abs, config.plane_weights)) * sum(map(abs, config.slice_weights))
    fits = largest_code(largest, config) * config.adc_step * places < 1 << 31
    codes_are_bytes = config.w_bits <= 8 and config.x_bits <= 8
    if device.type != "cpu" or not (fits and codes_are_bytes and _multiplier(config, largest)):
        return False
    return compiled_library(_SOURCE) is not None


def count_cells(w: torch.Tensor, rows: Sequence[slice], config: BitSliceConfig) -> CountedCells:
    """Return weight codes (D, N) as packed cells of the groups ``rows``."""
    codes = torch.stack(stored_codes(w, config)).contiguous()
    product = _product(rows, len(w), config)
    bits = product.slices * product.cell_bits
    blocks = -(-w.shape[1] // BLOCK)
    words = torch.zeros(blocks, len(rows), bits, product.words, BLOCK, dtype=torch.int32, device=w.device)
    sizes = (ctypes.c_int64(size) for size in codes.shape)
    _library().imcsim_pack_cells(ctypes.byref(product), _address(codes), *sizes, _address(words))
    return CountedCells(config, tuple(rows), (w.shape[0], w.shape[1]), words)


def counted_product(x: torch.Tensor, cells: CountedCells) -> torch.Tensor:
    """Return the converted product (M, N), int64, of input codes (M, D) and the groups of ``cells``."""
    codes = x.to(torch.uint8).contiguous()  # two's complement: the low bits of a negative code are its planes
    out = torch.empty(len(x), cells.shape[1], dtype=torch.int64, device=x.device)
    product = _product(cells.rows, cells.shape[0], cells.config)
    chunk = ctypes.c_int64.in_dll(_library(), "imcsim_chunk").value
    scratch_size = chunk * product.groups * product.planes * product.dac_bits * product.words

    def run(part: tuple[torch.Tensor, torch.Tensor]) -> None:
        scratch = torch.empty(scratch_size, dtype=torch.int32, device=x.device)
        sizes = (ctypes.c_int64(size) for size in (*part[0].shape, cells.shape[1]))
        pointers = (_address(part[1]), _address(scratch))
        _library().imcsim_sliced_product(
            ctypes.byref(product), _address(part[0]), _address(cells.words), *sizes, *pointers
        )

    count = max(1, min(torch.get_num_threads(), len(x) // chunk))
    parts = list(zip(codes.tensor_split(count), out.tensor_split(count), strict=True))
    if count == 1:
        run(parts[0])
    else:
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(run, parts))
    return out


def _library() -> ctypes.CDLL:
    library = compiled_library(_SOURCE)
    if library is None:
        raise ConfigError("w was programmed with a C compiler, which is missing here: program it again")
    return library


def _product(rows: Sequence[slice], fan_in: int, config: BitSliceConfig) -> _Product:
    largest = config.largest_sum(fan_in)
    factor, shift = _multiplier(config, largest) or (0, 0)
    place = [p * s * config.adc_step for s in config.slice_weights for p in config.plane_weights]
    ties_to_even = config.adc_round == "half_even" and config.adc_step % 2 == 0
    top = largest_code(largest, config)
    return _Product(
        planes=len(config.plane_weights),
        dac_bits=config.dac_bits,
        slices=len(config.slice_weights),
        cell_bits=config.cell_bits,
        groups=len(rows),
        words=-(-min(config.lines, fan_in) // _ROWS_IN_A_WORD),
        starts=_ints([part.start for part in rows]),
        lengths=_ints([part.stop - part.start for part in rows]),
        half=_half(config),
        factor=factor,
        shift=shift,
        even_step=config.adc_step if ties_to_even else 0,
        top=top if config.adc_bits is None else min(top, (1 << config.adc_bits) - 1),
        place=_ints(place),
        plane_place=_ints(config.plane_weights),
        zero=config.weight_zero,
    )


def _half(config: BitSliceConfig) -> int:
    """What is added to a sum before it is divided and floored; a half of an odd step loses nothing to the floor."""
    return 0 if config.adc_round == "floor" else config.adc_step // 2


def _multiplier(config: BitSliceConfig, largest_sum: int) -> tuple[int, int] | None:
    """Return (factor, shift) with n * factor >> shift == n // step in 32 bits for all n that a sum can make, or None.

    With factor = (2^shift + e) / step the quotient is n / step + n e / (step 2^shift): its floor is right while
    n e < 2^shift, since n / step lies at least 1 / step below the next integer.
    """
    largest = largest_sum + _half(config)
    for shift in range(32):
        factor = -(-(1 << shift) // config.adc_step)
        if largest * (factor * config.adc_step - (1 << shift)) < 1 << shift:
            return (factor, shift) if largest * factor < 1 << 32 else None
    return None


def _ints(values: Sequence[int]) -> ctypes.Array[ctypes.c_int32]:
    return (ctypes.c_int32 * len(values))(*values)


def _address(tensor: torch.Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(tensor.data_ptr())
