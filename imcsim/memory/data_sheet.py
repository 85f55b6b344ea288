"""The data sheet of a memory at its place on a chip: every number of it that no weight and no vector changes.

A sort works them out (:class:`imcsim.memory.memory.Memory`), :func:`data_sheet` asks it once for each chip, and whoever
charges, schedules or wears the memory reads them here. What follows from the weights or from how busy the lines are
(reads, row writes) is asked of the sort itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from imcsim.core.charge import Price
from imcsim.memory.memory import Memory, Piece, ReadTime, with_control_area
from imcsim.memory.site import Site


@dataclass(frozen=True)
class DataSheet:
    """Numbers of one memory, with the words of each.

    Parameters
    ----------
    write, write_leaf
        What one level change costs (J): a number, or an array (levels, levels) from old to new level; the last name of
        leaves of writes.
    read_out_leaf
        The last name of leaves of reading weights out.
    row_read, row_write
        How long reading one row of weights takes, and writing all cells of one row (s).
    forward, backward
        How long a PE takes for an input vector, and for an error vector: read the other way, or forward in a copy of
        its own; None where errors do not pass the PEs.
    area
        The components of one PE.
    leakage
        Power of one cell while nothing switches (W); None if it has none.
    failed_write
        What a write to a dead cell costs beyond a mean one (J, s); None if it is not known.
    doubts
        Sentences on settings that a reader should doubt.
    """

    write: Price
    write_leaf: str
    read_out_leaf: str
    row_read: Price
    row_write: Price
    forward: ReadTime
    backward: ReadTime | None
    area: Mapping[str, Piece]
    leakage: Price | None
    failed_write: tuple[Price, Price] | None
    doubts: tuple[str, ...]


def data_sheet(memory: Memory, site: Site) -> DataSheet:
    """Return the data sheet of ``memory`` at ``site``."""
    return DataSheet(
        write=memory.write_energy(site),
        write_leaf=memory.write_leaf(site),
        read_out_leaf=memory.read_out_leaf(site),
        row_read=memory.row_read_time(site),
        row_write=memory.row_write_time(site),
        forward=_of_bits(memory.forward_time(site, site.input_bits), "input_bits"),
        backward=_backward(memory, site),
        area=with_control_area(memory, site, memory.area(site)),
        leakage=memory.leakage(site),
        failed_write=memory.failed_write(site),
        doubts=memory.doubts(site),
    )


def _backward(memory: Memory, site: Site) -> ReadTime | None:
    if site.copies > 1:
        return _of_bits(memory.forward_time(site, site.error_bits), "error_bits")
    return _of_bits(memory.transposed_time(site, site.error_bits), "error_bits") if site.transposable else None


def _of_bits(time: ReadTime, bits: str) -> ReadTime:
    """Say that ``time`` follows from the number of bits, too."""
    return ReadTime(time.settle.also(bits), time.convert.also(bits) if time.convert.origins else time.convert)
