"""What a read meets beside the weights of a PE: replicas of a code, sensed with them and subtracted from their sums."""

from dataclasses import dataclass

from imcsim.mapping.pe_grid import Floats, Ints


@dataclass(frozen=True)
class Beside:
    """Replicas as one read meets them. Shape letter: P PEs.

    Parameters
    ----------
    lines
        (P,) their lines that are sensed in each read cycle.
    siemens
        (P,) conductance (S) of their cells.
    subtracted
        (P,) sums from which one of theirs is subtracted.
    across, along
        Cells of replicas on each driven, and on each sensed line.
    origins
        Paths of values of the chip that they follow from.
    """

    lines: Ints
    siemens: Floats
    subtracted: Ints
    across: int
    along: int
    origins: tuple[str, ...] = ()
