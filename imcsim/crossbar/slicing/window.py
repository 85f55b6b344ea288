"""Where a convolution's kernel stands on its images: stride, padding, dilation and groups, as PyTorch means them.

Shape letters: B images, C channels, H height, W width, N outputs, G groups, kh and kw kernel.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from imcsim.core.errors import ConfigError, nearest

Pair: TypeAlias = tuple[int, int]
OneOrTwo: TypeAlias = int | Sequence[int]
Padding: TypeAlias = OneOrTwo | Literal["same", "valid"]


@dataclass(frozen=True)
class Window:
    """The kernel (kh, kw), its stride and dilation along (height, width), and the padding of the images with zeros.

    Parameters
    ----------
    before, after
        Padding above and left of the images, and below and right of them.
    groups
        G; each takes C / G channels to N / G outputs.
    """

    kernel: Pair
    stride: Pair = (1, 1)
    before: Pair = (0, 0)
    after: Pair = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1

    @property
    def span(self) -> Pair:
        """Pixels from the kernel's first to its last, along each axis."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return dh * (kh - 1) + 1, dw * (kw - 1) + 1

    @property
    def sides(self) -> tuple[int, int, int, int]:
        """Padding (left, right, top, bottom), as torch's ``pad`` takes it."""
        return self.before[1], self.after[1], self.before[0], self.after[0]

    def places(self, height: int, width: int) -> Pair:
        """Return how often the kernel stands along the axes of images of this size."""
        high = (height + self.before[0] + self.after[0] - self.span[0]) // self.stride[0] + 1
        return high, (width + self.before[1] + self.after[1] - self.span[1]) // self.stride[1] + 1


def window_of(
    x: tuple[int, ...], w: tuple[int, ...], stride: OneOrTwo, padding: Padding, dilation: OneOrTwo, groups: int
) -> Window:
    """Return the window of a kernel of shape ``w`` (N, C / G, kh, kw) on images of shape ``x`` (B, C, H, W).

    Raises
    ------
    ConfigError
        If the shapes do not fit each other, a setting is none, or the kernel does not fit in the padded images.
    """
    count = _integers("groups", groups, 1)[0] if not isinstance(groups, Sequence) else 0
    if count < 1:
        raise ConfigError(f"groups must be one integer >= 1, given {groups!r}")
    _check_channels(x, w, count)
    steps, between = _integers("stride", stride, 1), _integers("dilation", dilation, 1)
    plain = Window((w[2], w[3]), steps, dilation=between, groups=count)
    before, after = _sides(padding, plain)
    window = Window(plain.kernel, steps, before, after, between, count)
    if min(window.kernel) < 1:
        raise ConfigError(f"a kernel has at least one pixel, given {window.kernel}")
    sizes = (x[2] + before[0] + after[0], x[3] + before[1] + after[1])
    if window.span[0] > sizes[0] or window.span[1] > sizes[1]:
        apart = f" with dilation {between}" if between != (1, 1) else ""
        raise ConfigError(f"kernel {window.kernel}{apart} does not fit in {x[2:]} with padding {padding}")
    return window


def _check_channels(x: tuple[int, ...], w: tuple[int, ...], groups: int) -> None:
    if len(x) != 4 or len(w) != 4:
        raise ConfigError(f"x must be (B, C, H, W) or (C, H, W) and w (N, C / groups, kh, kw), given {x}, {w}")
    if x[1] != w[1] * groups:
        of = f" of {groups} groups" if groups > 1 else ""
        raise ConfigError(f"x (B, C, H, W) and w (N, C, kh, kw) must share C, given {x}, {w}{of}")
    if w[0] % groups:
        raise ConfigError(f"{w[0]} outputs do not divide into {groups} groups")


def _sides(padding: Padding, plain: Window) -> tuple[Pair, Pair]:
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ConfigError(f"padding cannot be '{padding}'{nearest(padding, ('same', 'valid'))}")
        if padding == "valid":
            return (0, 0), (0, 0)
        if plain.stride != (1, 1):
            raise ConfigError(f"padding 'same' needs stride 1, given {plain.stride}")
        (high, wide) = (plain.span[0] - 1, plain.span[1] - 1)  # an odd one goes below and right, as in PyTorch
        return (high // 2, wide // 2), (high - high // 2, wide - wide // 2)
    both = _integers("padding", padding, 0)
    return both, both


def _integers(name: str, given: OneOrTwo, least: int) -> Pair:
    """Return (along the height, along the width)."""
    values = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else [given, given]
    try:
        found = [operator.index(value) for value in values if not isinstance(value, bool)]
    except TypeError:
        found = []
    if len(values) != 2 or len(found) != 2 or min(found) < least:
        raise ConfigError(f"{name} must be one or two integers >= {least}, given {given!r}")
    return found[0], found[1]
