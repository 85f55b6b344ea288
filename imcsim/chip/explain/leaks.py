"""Terms of leakage: the buffer for the time of training, SRAM cells for the time that they are powered."""

import numpy as np

from imcsim.chip.explain.explanation import Facts, Term
from imcsim.chip.gradients import scratch_pes
from imcsim.chip.latency import training_latency
from imcsim.chip.multiplex import held_pes

_COUNTED = ("forward_vectors", "input_gradient_vectors", "weight_gradient_vectors", "optimizer_steps")


def leakage_terms(facts: Facts) -> dict[str, Term]:
    """Return the terms below ``leakage``; the time of training is the closed form's (``imcsim/chip/latency.py``)."""
    trace, chip = facts.trace, facts.chip
    times = training_latency(trace, chip, facts.where, facts.done, facts.bits)
    seconds = np.array([task.total for task in times])
    found = {
        "leakage.buffer": Term(
            amount=float(seconds.sum()),
            amount_of="seconds",
            amount_formula="training time of all tasks, see docs/accounting.md, section 7",
            fields=_COUNTED,
            unit=chip.buffer.leakage_w,
            unit_formula="leakage of a bit, log-log in the table at size_bytes, x bits",
            parameters=("buffer.size_bytes", "buffer.table_bytes", "buffer.leakage_table_w"),
        )
    }
    if chip.sram is not None:
        copies = 2 if chip.input_gradient == "second-copy" else 1
        pes = np.array([held_pes(int(count) * copies, chip) for count in facts.where.in_sram.sum(axis=1)])
        powered = pes + scratch_pes(trace, chip)
        if not chip.power_gate_unused:
            powered = np.maximum(powered, chip.sram.pe_count)
        found["leakage.sram"] = Term(
            amount=float((powered * seconds).sum() * chip.array.rows * chip.array.cols),
            amount_of="cell seconds",
            amount_formula="sum over tasks of cells of powered SRAM PEs x training time, docs/accounting.md, section 7",
            fields=(*_COUNTED, "placement"),
            unit=chip.sram.cell.leakage_w,
            unit_formula="leakage of one cell",
            parameters=(
                "sram.cell.leakage_w", "array.rows", "array.cols", "power_gate_unused", "sram.pe_count",
                "weight_gradient",
            ),
        )  # fmt: skip
    return found
