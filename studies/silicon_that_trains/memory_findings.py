"""Claims on writes, wear and life."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from imcsim.core.units import SECONDS_PER_YEAR
from imcsim.published.training import ChipFound, TrainingChip
from imcsim.published.training_wear import edp_gain, remaps, written_over_computed
from studies.silicon_that_trains import regions
from studies.silicon_that_trains.finding import HOUR, Finding, band
from studies.silicon_that_trains.wear import Worn, levelled_words, shipped, through_hot_words

Rows = Sequence[Mapping[str, Any]]
BITS = 8.0  # of a weight, where the chip does not state them


def chimera(chip: TrainingChip, write_j: float) -> Iterator[Finding]:
    """Ten years, and the energy-delay product; ``write_j`` of a bit, as the paper of its algorithm quotes it."""
    samples, steps = regions.steps_of(chip)
    moves = remaps(chip.value("lifetime"), 4 * HOUR)
    whole, head = (regions.least_endurance(chip, s, 4 * HOUR, low_rank=True, moved=True) for s in (1.0, 0.025))
    shares = {e: regions.largest_share(chip, e, 4 * HOUR) for e in (1e4, 1e5, 1e6)}
    unmoved = regions.least_endurance(chip, 1.0, 4 * HOUR, low_rank=True, moved=False)
    plain = regions.least_endurance(chip, 0.025, 4 * HOUR, low_rank=False, moved=True)
    yield Finding(
        "chimera-life",
        chip,
        "lifetime",
        "lives 10 years at 20 samples a minute",
        head,
        whole,
        "cycles a cell must last (trained share 2.5 % to all, moved every 4 h)",
        f"both means together: {whole:.3g} cycles whatever trains; {_share(shares[1e5])} of the memory may train at "
        f"1e5 cycles, {_share(shares[1e6])} at 1e6",
        f"1e4 cycles: {_share(shares[1e4])}, moving every 4 h alone takes {moves:.3g}; "
        f"low rank alone: {unmoved:.3g} for any share; moving alone: {plain:.3g} at 2.5 % and {samples:.3g} for all; "
        f"neither: {samples:.3g}. Beyond {1 - moves / steps:.0%} trained, moving wears more than it spares",
        factor=SECONDS_PER_YEAR,
    )
    ratio = chip.value("rram_update_steps_ratio")
    written = regions.needed_writing(chip.value("edp_ratio"), ratio)
    few, many = (
        regions.macs_per_weight_at(written, write_j, bits, regions.mac_j(chip)) for bits in chip.span("weight_bits")
    )
    head_w = written_over_computed(write_j, BITS, 1.8e9 / 52e3, regions.mac_j(chip))
    yield Finding(
        "chimera-edp",
        chip,
        "edp_ratio",
        "energy-delay product 340x lower",
        few,
        many,
        f"MACs a weight and sample, 4 to 16 bits at {write_j * 1e12:.3g} pJ a bit",
        f"writing is {written:.3g} times all else ({written / (1 + written):.1%} of both) before: a small dense net, "
        f"every weight written at every sample",
        f"a frozen ResNet-18 (1.8 G MAC) with a trained head of 52 k weights: {edp_gain(head_w, ratio):.4g}x; "
        f"counting the writing alone would give {ratio**2:.3g}x",
    )


def endurer(found: ChipFound, worn: Sequence[Worn], wear: Rows, first: Rows) -> Iterator[Finding]:
    """Measured wear with and without remapping."""
    chip, own, shapes = found.chip, through_hot_words(worn), [life.shape for life in shipped(found.chip).values()]
    cells = [row for row in first if row["toggle_share"] == 0.5]
    within = [row["cell"] for row in cells if row["within"] == "yes"]
    last = next(row for row in wear if row["remapped"] == "no" and row["time"] == "ten years")
    names = [row["cell"] for row in cells]
    yield Finding(
        "endurer-first",
        chip,
        "stuck_share",
        "a month of writing sticks the first of 3,456 bits",
        min(r["early_writes"] for r in cells),
        max(r["late_writes"] for r in cells),
        "writes of a word to the first failure (half of the bits change)",
        f"measured between {cells[0]['measured_after']:.3g} and {cells[0]['measured_by']:.3g}: 5 to 95 % of chips for "
        f"{', '.join(within) or 'no shipped cell'}",
        f"not for {', '.join(name for name in names if name not in within) or 'none'}",
        "month",
    )
    shares, fewest = [last[name] for name in names], [last[f"{name} low"] for name in names]
    yield Finding(
        "endurer-hot",
        chip,
        "stuck_share",
        "ten years without remapping stick 4.3 % of the hot bits",
        min(shares),
        max(shares),
        "share stuck (half of the bits change)",
        f"Weibull of shape {own.shape:.3g} and scale {own.scale:.3g} writes, through the last two points themselves",
        f"every shipped cell is steeper (shape {min(shapes):.3g} to {max(shapes):.3g}) and would be dead; "
        f"with the fewest changing bits {min(fewest):.2g} to {max(fewest):.2g}",
        "ten-years",
    )
    moved = [row for row in wear if row["remapped"] == "yes" and row["time"] == "ten years"]
    hot, cold = max(moved, key=lambda r: r["writes_per_word"]), [r for r in moved if r["writes_per_word"] < 1e5]
    least, mean, most = levelled_words(chip, 3650)
    yield Finding(
        "endurer-moved",
        chip,
        "remapped_stuck_share",
        "ten years with remapping stick 0.042 % of all bits",
        min(r["through_hot_words"] for r in moved),
        max(r["through_hot_words"] for r in moved),
        "share stuck of a chip, by the law through the hot words",
        f"the most written chip: {hot['through_hot_words']:.2g} by the law, {hot['measured_share']:.2g} measured; "
        f"its words by imcsim's rotation {least:.3g} to {most:.3g} writes, mean {mean:.3g}, measured "
        f"{hot['writes_per_word']:.3g}",
        f"the {len(cold)} chips below 1e5 writes: {max(r['through_hot_words'] for r in cold):.1g} by the law, "
        f"{min(r['measured_share'] for r in cold):.1g} to {max(r['measured_share'] for r in cold):.1g} measured, "
        f"{sum(r['stuck_at_0'] for r in cold)} of {sum(r['stuck'] for r in cold)} at 0: not wear by these writes",
        "ten-years",
    )
    count = band(found, "mean writes of a word, remapped (ten-years)")
    yield Finding(
        "endurer-count",
        chip,
        "remapped_writes_per_word",
        "mean writes of a word over eight chips in ten years",
        *count,
        "writes",
        "everywhere: hot writes over all words and one for each move",
        "",
        "ten-years",
    )


def stellar(chip: TrainingChip, chips: Mapping[str, ChipFound]) -> Iterator[Finding]:
    """Ratios of pulses, and what a 35th of an ASIC leaves."""
    bare, verified, own = (chip.value(n) for n in ("pulses_bp_no_verify", "pulses_bp_verify", "pulses_stellar"))
    yield Finding(
        "stellar-pulses",
        chip,
        "pulses_stellar",
        "pulses of back-propagation over its own",
        bare / own,
        verified / own,
        "x (without verify, with verify)",
        "the published counts give it; verify is 4.2x of it",
        "the counts need the learner",
    )
    low, high = regions.asic_budget_j(chip, chips["tpim_cicc22_28nm_training"].chip)
    macs = chip.value("layer1_rows") * chip.value("layer1_cols") + chip.value("layer2_rows") * chip.value("layer2_cols")
    ours = regions.array_mac_j(chips["fwdonly_arxiv2601_09903"].chip)
    yield Finding(
        "stellar-asic",
        chip,
        "energy_against_asic",
        "35x less energy than an ASIC",
        low / macs * 1e15,
        high / macs * 1e15,
        "fJ a MAC left for all of the array, if the ASIC takes its arithmetic alone",
        "an array that takes no more than that, or an ASIC whose memory takes the rest",
        f"the shipped RRAM chip takes {ours * 1e15:.3g} fJ for a MAC of 8-bit weights and inputs of one bit",
    )


def m2ru(found: ChipFound) -> Iterator[Finding]:
    """A life without endurance or rate, and its operations a joule."""
    chip = found.chip
    low, high = (regions.needed_interval_s(chip, endurance) for endurance in reversed(chip.span("endurance")))
    middle = regions.needed_interval_s(chip, 1e6)
    yield Finding(
        "m2ru-life",
        chip,
        "lifetime",
        "lives up to 12.2 years",
        low,
        high,
        "s between writes of the worst cell (1e9 to 1e4 cycles)",
        f"one write in {low:.2g} s at 1e9 cycles, {middle / 60:.2g} min at 1e6, {high / HOUR:.3g} h at 1e4",
        "says nothing without endurance and rate; neither is in the abstract",
        factor=SECONDS_PER_YEAR,
    )
    ratio = band(found, "operations a joule")[0]
    yield Finding(
        "m2ru-efficiency",
        chip,
        "efficiency",
        "312 GOPS/W",
        ratio / 1e9,
        ratio / 1e9,
        "GOPS/W by throughput over power",
        "rounded throughput: 15.17 GOPS would give it",
        "",
        factor=1e9,
    )


def forward_only(found: ChipFound) -> Iterator[Finding]:
    """One pulse against a verified change, and what it makes of training."""
    chip = found.chip
    rows = list(regions.pulse_rows(chip))
    true = [row for row in rows if row["holds"] == "yes"]
    holds = [f"{row['cell']} with {row['bits']} bits ({row['pulses']:.3g} pulses)" for row in true]
    single = [row["high"] for row in rows if row["bits"] == 1]
    yield Finding(
        "forward-update",
        chip,
        "update_energy_ratio",
        "460x less energy an update",
        *band(found, "verified change over one RESET pulse, energy"),
        "x, shipped cells, 1 to 0.5 V",
        f"{', '.join(holds) or 'no shipped cell'}",
        f"cells of one bit: at most {max(single):.3g}x, because a verified change is few pulses",
    )
    plain = chip.value("training_over_inference_energy")
    verified = band(found, "training over inference energy, if verified")[0]
    yield Finding(
        "forward-training",
        chip,
        "training_over_inference_energy",
        "training takes 1.46x an inference",
        plain,
        verified,
        "x an inference (as stated; every update verified)",
        f"updates are {plain - 1:.2g} of an inference; 460x an update is {verified / plain:.3g}x of the training",
        "a second pass, gradients or moves of data would come on top",
    )


def low_rank(found: ChipFound) -> Finding:
    """What batches alone make of the worst cell."""
    low, high = band(found, "writes of the worst cell, fewer by")
    return Finding(
        "lrt-worst",
        found.chip,
        "worst_cell_write_reduction",
        "worst cell written 1000x less",
        low,
        high,
        "x by batches alone",
        f"the least density of an update must add {found.chip.value('worst_cell_write_reduction') / high:.3g}x to "
        f"{found.chip.value('worst_cell_write_reduction') / low:.3g}x",
        "what it adds needs the learner",
    )


def _share(value: float | None) -> str:
    return "no share" if value is None else f"{value:.0%}" if value < 1 else "all"
