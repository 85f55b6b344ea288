"""Lines that converters see: those of weights, and the replica columns that offset codes are read against."""

from dataclasses import dataclass

from tests.oracle.cells import Memory, up


def lines(memory: Memory, outputs: int) -> int:
    """Return the lines that converters see: a pair that is subtracted first is one, and so are joined columns."""
    subtracted = memory.part.sign == "differential" and memory.part.pair == "subtracted"
    return outputs * up(memory.per_weight, (2 if subtracted else 1) * memory.part.joined_columns)


def verified_in_turn(memory: Memory) -> int:
    """Return the columns that one converter reads one by one when it verifies: each of those behind its lines."""
    subtracted = memory.part.sign == "differential" and memory.part.pair == "subtracted"
    behind = min(memory.per_weight, (2 if subtracted else 1) * memory.part.joined_columns)
    return int(memory.part.columns_per_adc * behind)


@dataclass(frozen=True)
class Replicas:
    """Replicas of a PE: ``outputs`` neighbours share a pair of columns, of ``pairs`` there are.

    One of the two cells of a row holds the top digit of 2^(b - 1), ``raised``, the other is lowest: together
    ``siemens``.
    """

    outputs: int
    pairs: int
    raised: int
    siemens: float

    def used(self, width: int) -> int:
        """Return the pairs beside ``width`` outputs."""
        return up(width, self.outputs)


def replicas_of(memory: Memory, cols: int) -> Replicas | None:
    """Return the replicas of a PE of ``cols`` columns, one pair for each converter; None where it has none."""
    part, cell = memory.part, memory.part.cell
    if part.sign != "offset" or part.reference != "replica":
        return None
    raised = 2 ** (memory.weight_bits - 1) // 2 ** (part.cell_bits * (memory.slices - 1))
    step = (cell.conductance_max_s - cell.conductance_min_s) / (memory.level_count - 1)
    outputs = max(1, part.columns_per_adc // lines(memory, 1))
    pairs = up(cols // memory.per_weight, outputs)
    return Replicas(outputs, pairs, raised, 2 * cell.conductance_min_s + raised * step)
