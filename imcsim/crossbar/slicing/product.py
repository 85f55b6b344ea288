"""Products of integer codes on bit-sliced arrays, with a conversion after every column, bit for bit.

Shape letters: M vectors, D fan-in, N outputs, P planes, S slices.
"""

from dataclasses import dataclass

import torch
from torch.nn.functional import pad, unfold

from imcsim.core.errors import ConfigError
from imcsim.crossbar.slicing.adc_transfer import largest_code
from imcsim.crossbar.slicing.bounds import always_transparent, not_transparent, transparent_for_any_input
from imcsim.crossbar.slicing.codes import Codes, as_tensor, check_range, like
from imcsim.crossbar.slicing.collapse import exact_plan, exact_product, float_type, peak, planned_product
from imcsim.crossbar.slicing.config import BitSliceConfig
from imcsim.crossbar.slicing.engines import Engine, choose_engine
from imcsim.crossbar.slicing.planes import input_planes, weight_cells

_COLUMNS_AT_ONCE = 1 << 19  # design choice: lowered images, 2 MiB in float32, stay in a core's second cache
_VECTORS_AT_ONCE = 1 << 11  # planes of one group: 2 MiB at 128 rows (measured: 144 ms; 164 ms with 2^14)
# Rows and columns of column sums that are made, converted and folded together: 1 MiB of bytes stays in a core's second
# cache (measured: 7.5 ms for 512 x 512 x 256 with 2-bit cells; 10.9 ms with all columns at once).
_TILE = {"cpu": (1 << 11, 1 << 9)}
_WHOLE = (1 << 17, 1 << 11)


def bit_sliced_matmul(x: Codes, w: Codes, config: BitSliceConfig) -> Codes:
    """Return the product that bit-sliced arrays with converters make of integer codes.

    Parameters
    ----------
    x
        Input codes (..., D), numpy or torch, any integer type.
    w
        Weight codes (D, N), of the same kind and device.
    config
        Cells, cycles, row groups and converter.

    Returns
    -------
    numpy array or torch tensor
        (..., N), int64. Equal to ``x @ w`` where no conversion clips or rounds.

    Raises
    ------
    ConfigError
        If codes are no integers or outside their range, or shapes do not match.
    """
    inputs, weights = _operands(x, w, config)
    if weights.ndim != 2 or inputs.ndim < 1 or inputs.shape[-1] != weights.shape[0]:
        raise ConfigError(f"x (..., D) and w (D, N) must share D, given {tuple(inputs.shape)}, {tuple(weights.shape)}")
    result = _product(inputs.reshape(-1, inputs.shape[-1]), weights, config)
    return like(result.view(*inputs.shape[:-1], weights.shape[1]), x)


def bit_sliced_conv2d(x: Codes, w: Codes, config: BitSliceConfig, stride: int = 1, padding: int = 0) -> Codes:
    """Return the convolution that bit-sliced arrays with converters make of integer codes.

    Lowered to :func:`bit_sliced_matmul`: rows run over (channel, ky, kx), channel slowest; padding is with zeros.

    Parameters
    ----------
    x
        Input codes (B, C, H, W), numpy or torch, any integer type.
    w
        Weight codes (N, C, kh, kw), of the same kind and device.
    config
        Cells, cycles, row groups and converter.
    stride, padding
        As in a plain convolution, the same for both axes.

    Returns
    -------
    numpy array or torch tensor
        (B, N, H', W'), int64.

    Raises
    ------
    ConfigError
        If codes are no integers or outside their range, shapes do not match, or the kernel does not fit.
    """
    inputs, weights = _operands(x, w, config)
    _check_conv(inputs, weights, stride, padding)
    outputs, kernel = weights.shape[0], (weights.shape[2], weights.shape[3])
    height, width = ((inputs.shape[2 + i] + 2 * padding - kernel[i]) // stride + 1 for i in range(2))
    if 0 in (*inputs.shape, *weights.shape):
        return like(torch.zeros(len(inputs), outputs, height, width, dtype=torch.int64, device=inputs.device), x)
    matrix = weights.reshape(outputs, -1)
    if always_transparent(config, matrix.shape[1]):
        return like(_plain_conv2d(inputs, weights, stride, padding).view(-1, outputs, height, width), x)
    padded = pad(inputs, (padding,) * 4)
    windows = padded.unfold(2, kernel[0], stride).unfold(3, kernel[1], stride).permute(0, 2, 3, 1, 4, 5)
    result = _product(windows.reshape(-1, matrix.shape[1]), matrix.t(), config)
    return like(result.view(-1, height, width, outputs).permute(0, 3, 1, 2).contiguous(), x)


def _operands(x: Codes, w: Codes, config: BitSliceConfig) -> tuple[torch.Tensor, torch.Tensor]:
    inputs, weights = as_tensor(x, "x"), as_tensor(w, "w")
    if isinstance(x, torch.Tensor) != isinstance(w, torch.Tensor) or inputs.device != weights.device:
        raise ConfigError("x and w must both be numpy arrays, or both be torch tensors on one device")
    check_range(inputs, config.x_range, "x")
    check_range(weights, config.w_range, "w")
    return inputs.to(torch.uint8) if not config.x_signed and config.x_bits <= 8 else inputs, weights


def _check_conv(x: torch.Tensor, w: torch.Tensor, stride: int, padding: int) -> None:
    if x.ndim != 4 or w.ndim != 4 or x.shape[1] != w.shape[1]:
        raise ConfigError(f"x (B, C, H, W) and w (N, C, kh, kw) must share C, given {tuple(x.shape)}, {tuple(w.shape)}")
    if stride < 1 or padding < 0:
        raise ConfigError(f"stride must be >= 1 and padding >= 0, given {stride} and {padding}")
    if any(w.shape[i] > x.shape[i] + 2 * padding for i in (2, 3)):
        raise ConfigError(f"kernel {tuple(w.shape[2:])} does not fit in {tuple(x.shape[2:])} with padding {padding}")


def _plain_conv2d(x: torch.Tensor, w: torch.Tensor, stride: int, padding: int) -> torch.Tensor:
    """Return the exact convolution (B, N, H' * W'), int64, a few lowered images at a time."""
    matrix, kernel = w.reshape(len(w), -1), (w.shape[2], w.shape[3])
    plan = exact_plan(matrix, 1, peak(x))
    images = max(1, _COLUMNS_AT_ONCE // (matrix.shape[1] * x.shape[2] * x.shape[3]))
    total: torch.Tensor | None = None
    for b in range(0, len(x), images):
        columns = unfold(x[b : b + images].to(torch.float32), kernel, padding=padding, stride=stride)
        if total is None:
            total = torch.empty(len(x), len(w), columns.shape[2], dtype=torch.int64, device=x.device)
        total[b : b + images] = planned_product(matrix, columns, *plan)
    return torch.empty(0, dtype=torch.int64, device=x.device) if total is None else total


def _product(x: torch.Tensor, w: torch.Tensor, config: BitSliceConfig) -> torch.Tensor:
    if always_transparent(config, len(w)) or 0 in (*x.shape, *w.shape):
        return exact_product(x, w)
    cells = weight_cells(w, config)
    parts = [_batch(x[m : m + _VECTORS_AT_ONCE], w, cells, config) for m in range(0, len(x), _VECTORS_AT_ONCE)]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def _batch(x: torch.Tensor, w: torch.Tensor, cells: torch.Tensor, config: BitSliceConfig) -> torch.Tensor:
    """Return the product of vectors (M, D): explicit where a conversion can change a sum, else one plain product."""
    total = torch.zeros(len(x), w.shape[1], dtype=torch.int64, device=x.device)
    engine = choose_engine(config, len(w), x.device)
    plain: list[torch.Tensor] = []
    for rows in config.groups(len(w)):
        prepared = _prepare(cells[rows], engine)
        if transparent_for_any_input(rows.stop - rows.start, prepared, engine, config):
            plain.append(torch.arange(rows.start, rows.stop, device=x.device))
            continue
        planes = input_planes(x[:, rows], config)
        part = _Part.of(not_transparent(planes.amax(dim=1), prepared, engine, config), config)
        if part.whole:
            _add_converted(total, planes, prepared, part, engine)
            if config.weight_zero:
                total -= config.weight_zero * _row_sums(x[:, rows], config)
            continue
        plain.append(torch.arange(rows.start, rows.stop, device=x.device))
        if part.planes:
            planes, group = planes[part.planes], cells[rows][:, :, part.slices]
            _add_converted(total, planes, _prepare(group, engine), part, engine)
            total -= _unconverted(planes, group, part)[:, : w.shape[1]]
    if plain:
        kept = torch.cat(plain)
        total += exact_product(x, w) if len(kept) == len(w) else exact_product(x[:, kept], w[kept])
    return total


def _row_sums(x: torch.Tensor, config: BitSliceConfig) -> torch.Tensor:
    """Return the sums (M, 1), int64, of codes (M, R): in floats, which add many times faster than bytes to int64."""
    return x.to(float_type(x.shape[1] << config.x_bits)).sum(dim=1, keepdim=True).to(torch.int64)


@dataclass(frozen=True)
class _Part:
    """The planes and slices of one group that are converted one by one, and their place values."""

    planes: list[int]
    slices: list[int]
    plane_weights: tuple[int, ...]
    slice_weights: tuple[int, ...]
    whole: bool

    @classmethod
    def of(cls, chosen: torch.Tensor, config: BitSliceConfig) -> "_Part":
        """Return the smallest block of planes and slices that holds all ``chosen`` (P, S)."""
        planes, slices = (torch.nonzero(chosen.any(dim=axis)).flatten().tolist() for axis in (1, 0))
        place = tuple(config.plane_weights[i] for i in planes)
        value = tuple(config.slice_weights[i] for i in slices)
        return cls(planes, slices, place, value, len(planes) * len(slices) == chosen.numel())


def _prepare(cells: torch.Tensor, engine: Engine) -> list[torch.Tensor]:
    """Return prepared cells (R, columns) in pieces of at most a tile's columns, whole blocks each."""
    blocks = max(1, _TILE.get(cells.device.type, _WHOLE)[1] // cells[0, 0].numel())
    return [engine.prepare(piece.flatten(1)) for piece in torch.split(cells, blocks, dim=1)]


def _add_converted(
    total: torch.Tensor, planes: torch.Tensor, pieces: list[torch.Tensor], part: _Part, engine: Engine
) -> None:
    """Add to ``total`` (M, N) the converted product of planes (P, M, R) and prepared cells of one group."""
    largest = max(255, largest_code(engine.largest_sum, engine.config))
    kind = float_type(largest * sum(map(abs, part.plane_weights)) * sum(map(abs, part.slice_weights)))
    factors = torch.tensor(part.plane_weights, dtype=kind, device=total.device)
    step = engine.config.adc_step
    shift = engine.zero * step * sum(part.plane_weights) * sum(part.slice_weights)
    size = max(1, _TILE.get(total.device.type, _WHOLE)[0] // len(planes))
    width = pieces[0].shape[1] // len(part.slices)
    for m in range(0, len(total), size):
        chunk = planes[:, m : m + size].reshape(-1, planes.shape[2])
        for i, cells in enumerate(pieces):
            out = total[m : m + size, i * width : (i + 1) * width]
            folded = engine.fold(chunk, cells, part.slice_weights).view(len(planes), -1)
            sums = (factors @ folded.to(kind)).view(len(out), -1)[:, : out.shape[1]]
            out.add_(sums.to(torch.int64), alpha=step)
    if shift:
        total -= shift


def _unconverted(planes: torch.Tensor, cells: torch.Tensor, part: _Part) -> torch.Tensor:
    """Return what the converted product would be with an ideal converter, (M, N filled to blocks)."""
    place = torch.tensor(part.plane_weights, device=planes.device)
    value = torch.tensor(part.slice_weights, device=cells.device)
    x = (planes.to(torch.int64) * place[:, None, None]).sum(dim=0)
    w = (cells.to(torch.int64) * value[:, None]).sum(dim=2).flatten(1)
    return exact_product(x, w)
