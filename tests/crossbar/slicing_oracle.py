"""A bit-sliced product in plain Python integers: one bit line, one group and one plane at a time, no matrix product."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from imcsim.crossbar import BitSliceConfig

Integers = NDArray[np.integer]


def adc(p: int, config: BitSliceConfig) -> int:
    """What a conversion returns for a column sum."""
    if config.adc_bits is None:
        return p
    code, rest = divmod(p, config.adc_step)
    if config.adc_round == "half_up":
        code += 2 * rest >= config.adc_step
    elif config.adc_round == "half_even":
        code += 2 * rest > config.adc_step or (2 * rest == config.adc_step and code % 2 == 1)
    half = 1 << (config.adc_bits - 1)
    low, high = (-half, half - 1) if config.pair == "subtracted" else (0, 2 * half - 1)
    return max(low, min(code, high)) * config.adc_step


def passes(fan_in: int, config: BitSliceConfig) -> list[range]:
    """Rows that are open together: pass by pass of array by array."""
    found: dict[tuple[int, int], list[int]] = {}
    for k in range(fan_in):
        array, row = divmod(k, config.rows)
        found.setdefault((array, row // (config.open_rows or config.rows)), []).append(k)
    return [range(rows[0], rows[-1] + 1) for rows in found.values()]


def bits(value: int, width: int, count: int) -> list[int]:
    """Digits of ``width`` bits, least significant first; negative values as two's complement."""
    return [(value >> (width * i)) % 2**width for i in range(count)]


def cells_of(weight: int, config: BitSliceConfig) -> list[tuple[int, int]]:
    """(level, place value) of every cell of one weight; of subtracted pairs (difference of levels, place value)."""
    b, c = config.w_bits, config.cell_bits
    if config.w_map == "offset":
        return [(d, 2 ** (c * i)) for i, d in enumerate(bits(weight + 2 ** (b - 1), c, -(-b // c)))]
    if config.w_map == "twos":
        return [(d, -(2**i) if i == b - 1 else 2**i) for i, d in enumerate(bits(weight, 1, b))]
    count = b - 1 if c == 1 else -(-b // c)
    pair = [[(d, 2 ** (c * i)) for i, d in enumerate(bits(max(sign * weight, 0), c, count))] for sign in (1, -1)]
    if config.pair == "subtracted":
        return [(plus - minus, place) for (plus, place), (minus, _) in zip(*pair, strict=True)]
    return [*pair[0], *((d, -place) for d, place in pair[1])]


def planes_of(code: int, config: BitSliceConfig) -> list[tuple[int, int]]:
    """(value, place value) of every plane of one input."""
    b, d = config.x_bits, config.dac_bits
    digits = bits(code, d, -(-b // d))
    return [(v, -(2 ** (d * i)) if config.x_signed and i == b - 1 else 2 ** (d * i)) for i, v in enumerate(digits)]


def sliced_product(x: Integers, w: Integers, config: BitSliceConfig) -> NDArray[np.int64]:
    """(M, N) of codes x (M, D) and w (D, N)."""
    y = np.zeros((x.shape[0], w.shape[1]), dtype=np.int64)
    planes = [[planes_of(int(v), config) for v in row] for row in x]
    cells = [[cells_of(int(v), config) for v in row] for row in w]
    for m, n in product(*map(range, y.shape)):
        total = 0
        for rows in passes(len(w), config):
            for t, s in product(range(len(planes[m][0])), range(len(cells[0][n]))):
                p = sum(planes[m][k][t][0] * cells[k][n][s][0] for k in rows)
                total += planes[m][rows[0]][t][1] * cells[rows[0]][n][s][1] * adc(p, config)
        offset = 2 ** (config.w_bits - 1) * int(x[m].astype(int).sum()) if config.w_map == "offset" else 0
        y[m, n] = total - offset
    return y


def sliced_convolution(x: Integers, w: Integers, config: BitSliceConfig, stride: int, pad: int) -> NDArray[np.int64]:
    """(B, N, H', W') of codes x (B, C, H, W) and w (N, C, kh, kw)."""
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    (kh, kw), matrix = w.shape[2:], w.reshape(len(w), -1).T
    tops, lefts = range(0, padded.shape[2] - kh + 1, stride), range(0, padded.shape[3] - kw + 1, stride)
    columns = [image[:, i : i + kh, j : j + kw].reshape(-1) for image in padded for i in tops for j in lefts]
    y = sliced_product(np.stack(columns), matrix, config)
    return y.reshape(len(x), len(tops), len(lefts), len(w)).transpose(0, 3, 1, 2)


def tabled_product(x: Integers, w: Integers, config: BitSliceConfig) -> NDArray[np.int64]:
    """(M, N) as :func:`sliced_product`, for larger sizes: cells, planes and conversions are looked up in its tables."""
    (x_low, x_high), (w_low, w_high) = config.x_range, config.w_range
    planes = np.array([planes_of(code, config) for code in range(x_low, x_high + 1)])[x.astype(int) - x_low]
    cells = np.array([cells_of(code, config) for code in range(w_low, w_high + 1)])[w.astype(int) - w_low]
    y = np.zeros((x.shape[0], w.shape[1]), dtype=np.int64)
    for opened in passes(len(w), config):
        rows = slice(opened.start, opened.stop)
        for t, s in product(range(planes.shape[2]), range(cells.shape[2])):
            sums = planes[:, rows, t, 0] @ cells[rows, :, s, 0]
            low, high = int(sums.min(initial=0)), int(sums.max(initial=0))
            values = np.array([adc(p, config) for p in range(low, high + 1)])
            y += planes[0, 0, t, 1] * cells[0, 0, s, 1] * values[sums - low]
    offset = 2 ** (config.w_bits - 1) if config.w_map == "offset" else 0
    y -= offset * x.astype(int).sum(axis=1, keepdims=True)
    return y
