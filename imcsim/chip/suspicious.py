"""Settings that a reader should doubt: sentences that stand beside the numbers, never a change of one."""

from collections.abc import Iterator

from imcsim.chip.charged import Charged
from imcsim.chip.config import ChipConfig
from imcsim.chip.traffic import Traffic, master_bits
from imcsim.core.cost import Breakdown
from imcsim.trace.trace import Trace

DRAM_BOUND = (
    0.5  # share of the training time from which DRAM, not the arrays, sets the pace: more than all else together
)


def suspicious(spent: Charged, latency: Breakdown, energy: Breakdown) -> list[str]:
    """Return one sentence for each suspicious setting of the chip or circumstance of the trace.

    Parameters
    ----------
    latency, energy
        Training time (s) and energy (J) over the whole stream.
    """
    trace, chip = spent.placed.trace, spent.placed.chip
    found = [*_stale(chip)]
    for macro in chip.macros:
        found += macro.sheet.doubts
    found += [*_memory(trace, chip, spent.bits), *_dram_bound(latency, energy)]
    found += spent.writes.unfit
    if spent.writes.uncommitted_pes:
        name = spent.placed.home.name.upper()
        found.append(f"{spent.writes.uncommitted_pes} trained PEs are not committed to {name} when the stream ends")
    if trace.meta.clipped_weight_share > 0.01:
        found.append(f"{trace.meta.clipped_weight_share:.1%} of the weights are clipped by their code range")
    return found


def _stale(chip: ChipConfig) -> Iterator[str]:
    for macro in chip.macros:
        if macro.memory.write_policy != "step":
            yield (
                f"{macro.site.at}.write_policy = '{macro.memory.write_policy}' leaves stale weights in the array "
                f"between writes; the accuracy was measured with weights that are current at every step"
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
