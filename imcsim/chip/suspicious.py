"""Settings that a reader should doubt: sentences that stand beside the numbers, never a change of one."""

from collections.abc import Iterator

import numpy as np

from imcsim.chip.config import ChipConfig, RramPart
from imcsim.chip.failed_writes import unfit
from imcsim.chip.traffic import Traffic, master_bits
from imcsim.chip.writes import Programming
from imcsim.core.cost import Breakdown
from imcsim.trace.trace import Trace

DRAM_BOUND = (
    0.5  # share of the training time from which DRAM, not the arrays, sets the pace: more than all else together
)


def suspicious(
    trace: Trace, chip: ChipConfig, bits: Traffic, done: Programming, latency: Breakdown, energy: Breakdown
) -> list[str]:
    """Return one sentence for each suspicious setting of ``chip`` or circumstance of ``trace``.

    Parameters
    ----------
    latency, energy
        Training time (s) and energy (J) over the whole stream.
    """
    found = [*_stale(chip)]
    if chip.rram is not None:
        found += [*_resolution(chip, chip.rram), *_on_off(chip.rram)]
    found += [*_memory(trace, chip, bits), *_dram_bound(latency, energy)]
    found += unfit(trace, chip)
    if done.uncommitted_pes:
        found.append(f"{done.uncommitted_pes} trained PEs are not committed to RRAM when the stream ends")
    if trace.meta.clipped_weight_share > 0.01:
        found.append(f"{trace.meta.clipped_weight_share:.1%} of the weights are clipped by their code range")
    return found


def _stale(chip: ChipConfig) -> Iterator[str]:
    for kind, part in (("rram", chip.rram), ("sram", chip.sram)):
        if part is not None and part.write_policy != "step":
            yield (
                f"{kind}.write_policy = '{part.write_policy}' leaves stale weights in the array between writes; the "
                f"accuracy was measured with weights that are current at every step"
            )


def _resolution(chip: ChipConfig, part: RramPart) -> Iterator[str]:
    need = int(np.ceil(np.log2(chip.array.rows * (2**part.cell_bits - 1) * (2**chip.dac_bits - 1) + 1)))
    if part.adc_bits < need:
        yield f"rram.adc_bits = {part.adc_bits} can clip or round: a column sum needs {need} bits"


def _on_off(part: RramPart) -> Iterator[str]:
    """Levels are evenly spaced: below a ratio of as many as there are levels, one step is less than an erased cell."""
    low, high, levels = part.cell.conductance_min_s, part.cell.conductance_max_s, 2**part.cell_bits
    if high < levels * low:
        yield (
            f"the on/off ratio of rram.cell ({high / low:.3g}) is too low for rram.cell_bits = {part.cell_bits}: below "
            f"{levels}, an erased cell conducts more than the step between two levels"
        )


def _memory(trace: Trace, chip: ChipConfig, bits: Traffic) -> Iterator[str]:
    share = bits.master_spilled_share
    if float(share.max()) > 0:
        never = "never fits" if bool((share > 0).all()) else "does not always fit"
        yield (
            f"the buffer {never} the master copy ({master_bits(trace, chip).max() / 8e3:.0f} kB): "
            f"{share.max():.0%} of it is read from and written to DRAM at every step"
        )
    if float(bits.spilled_share.max()) > 0:
        yield f"up to {bits.spilled_share.max():.0%} of the activations kept for backward spill to DRAM"


def _dram_bound(latency: Breakdown, energy: Breakdown) -> Iterator[str]:
    waiting, total = latency.part("dram").total, latency.total
    if total > 0 and waiting > DRAM_BOUND * total:
        share = energy.part("dram").total / energy.total if energy.total > 0 else 0.0
        yield (
            f"training is DRAM-bound: {waiting / total:.0%} of its time and {share:.0%} of its energy are DRAM "
            f"traffic; a larger buffer, fewer trainable weights or less replay would help, faster arrays would not"
        )
