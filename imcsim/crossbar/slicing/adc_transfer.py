"""What a converter makes of a column sum, in floating point and bit for bit."""

import torch

from imcsim.crossbar.slicing.config import BitSliceConfig


def to_codes_(sums: torch.Tensor, config: BitSliceConfig) -> torch.Tensor:
    """Return the converter's codes of column ``sums`` (float, integers), written over them.

    Exact for sums below 2^22 in float32 and 2^51 in float64: a quotient that is no tie is at least 1/(2 step) away from
    one, more than the division and the addition can round.
    """
    if config.adc_step > 1:
        sums.div_(config.adc_step)
        if config.adc_round == "floor":
            sums.floor_()
        elif config.adc_round == "half_even":
            sums.round_()
        else:
            sums.add_(0.5).floor_()
    return sums if config.adc_bits is None else sums.clamp_(*config.code_ends)


def largest_code(largest_sum: int, config: BitSliceConfig) -> int:
    """Return a bound of the codes' magnitudes, before clipping, of column sums up to ``largest_sum``."""
    return -(-largest_sum // config.adc_step)
