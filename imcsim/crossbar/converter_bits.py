"""The codes of a converter, and the fewest bits with which it loses nothing: a code of its own for every sum of a line.

A line sums, over what is driven at once, level x digit. Where the two columns of a differential pair are subtracted
ahead of the converter, the difference has a sign, which takes one bit more. Levels and digits are whole numbers, so
that the sums are counted, not assumed.
"""

from imcsim.crossbar.encoding import Encoding, PairReading


def code_ends(bits: int, *, signed: bool) -> tuple[int, int]:
    """Return the lowest and the highest code of a converter of ``bits``: two's complement where it is ``signed``."""
    return (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)


def fewest_bits(lines: int, level: int, digit: int, *, signed: bool) -> int:
    """Return the fewest bits that hold every sum of ``lines`` products of a level and a digit.

    Parameters
    ----------
    lines
        Rows open at once; in the transposed read, columns of one slice that share a row.
    level, digit
        Highest level of a cell, and highest value that is driven in one phase.
    signed
        Whether sums of either sign occur: those of a pair that is subtracted.
    """
    largest = lines * level * digit
    return max(1, largest.bit_length()) + signed


def forward_bits(encoding: Encoding, *, rows: int, digit_bits: int, pair: PairReading) -> int:
    """Return the fewest bits of a forward conversion.

    Parameters
    ----------
    encoding
        How a weight's code lies in cells.
    rows
        Rows of a PE that are open at once.
    digit_bits
        Input bits of one phase.
    pair
        How the columns of a differential pair are converted; of no effect on offset cells.
    """
    signed = encoding.sign == "differential" and pair == "subtracted"
    return fewest_bits(rows, encoding.highest_level, (1 << digit_bits) - 1, signed=signed)


def transposed_bits(encoding: Encoding, *, outputs: int, digit_bits: int) -> int:
    """Return the fewest bits of a conversion of the transposed read, which drives columns and senses rows.

    The columns of a differential pair are driven with opposite polarity, so that a row's sum has a sign. Slices share
    a row and are read one after the other.

    Parameters
    ----------
    encoding
        How a weight's code lies in cells.
    outputs
        Weights in a row of a PE: columns, or pairs of columns, of one slice.
    digit_bits
        Bits of an error that are driven in one phase.
    """
    signed = encoding.sign == "differential"
    return fewest_bits(outputs, encoding.highest_level, (1 << digit_bits) - 1, signed=signed)
