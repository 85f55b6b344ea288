"""One finding for each claim: our count or band, where the claim holds, where it breaks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imcsim.core.units import SECONDS_PER_YEAR
from imcsim.published.training import ChipFound, TrainingChip
from studies.silicon_that_trains import regions
from studies.silicon_that_trains.wear import Worn, levelled_words, through_hot_words

Rows = Sequence[Mapping[str, Any]]
HOUR = 3600.0
BITS = 8.0  # of a weight, where the chip does not state them
ENDER = "illusion_endurer_ne21"


@dataclass(frozen=True)
class Finding:
    """A claim of ``chip`` under ``key``; the figure of it is ``quantity`` at ``point`` of the file of facts.

    ``low`` and ``high`` are ours, in the unit of ``unit``; None where only the region tells.
    """

    key: str
    chip: TrainingChip
    quantity: str
    claim: str
    low: float | None
    high: float | None
    unit: str
    holds: str
    breaks: str
    point: str = ""
    factor: float = 1.0

    def row(self) -> dict[str, Any]:
        """Return the row of the table of claims; the published figure with what it may be shown as."""
        fact = self.chip.fact(self.quantity, self.point)
        return {
            "key": self.key, "chip": self.chip.chip_id, "claim": self.claim, "reported": fact.low / self.factor,
            "shown_as": fact.shown_as, "bound": fact.bound, "ours_low": self.low, "ours_high": self.high,
            "unit": self.unit, "holds_where": self.holds, "breaks_where": self.breaks,
            "unknown": ", ".join(name.replace("_", " ") for name in self.chip.unknown), "source": fact.source,
        }  # fmt: skip


def findings(found: Sequence[ChipFound], worn: Sequence[Worn], wear: Rows, first: Rows) -> list[Finding]:
    """Return every finding; ``wear`` and ``first`` are the rows of :mod:`studies.silicon_that_trains.wear`."""
    chips = {one.chip.chip_id: one for one in found}
    return [
        *_chimera(chips["chimera_vlsi21_40nm"].chip),
        *_endurer(chips[ENDER], worn, wear, first),
        *_stellar(chips["stellar_science23"].chip, chips),
        *_tpim(chips["tpim_cicc22_28nm_training"]),
        *_two_way(chips),
        *_m2ru(chips["m2ru_arxiv2512_17299"]),
        *_forward_only(chips["fwdonly_arxiv2601_09903"]),
        *_gonugondla(chips["gonugondla_isscc18_65nm"]),
        *_processors(chips),
        _low_rank(chips["lrt_gural20"]),
    ]


def band(found: ChipFound, quantity: str) -> tuple[float, float]:
    """Return the band that ``imcsim validate --training`` predicts for ``quantity``."""
    one = next(each for each in found.predictions if each.quantity == quantity)
    if one.low is None or one.high is None:
        raise ValueError(f"{found.chip.chip_id}: {quantity} is not predicted")
    return one.low, one.high


def _chimera(chip: TrainingChip) -> Iterator[Finding]:
    samples, steps = regions.steps_of(chip)
    whole, head = (regions.least_endurance(chip, s, 4 * HOUR, low_rank=True, moved=True) for s in (1.0, 0.025))
    shares = {e: regions.largest_share(chip, e, 4 * HOUR) for e in (1e4, 1e5, 1e6)}
    unmoved = regions.least_endurance(chip, 1.0, 4 * HOUR, low_rank=True, moved=False)
    plain = regions.least_endurance(chip, 0.025, 4 * HOUR, low_rank=False, moved=True)
    yield Finding(
        "chimera-life", chip, "lifetime", "lives 10 years at 20 samples a minute", head, whole,
        "cycles a cell must last (trained share 2.5 % to all, moved every 4 h)",
        f"both means together: {whole:.3g} cycles whatever trains; {_share(shares[1e5])} of the memory may train at 1e5 "
        f"cycles, {_share(shares[1e6])} at 1e6",
        f"1e4 cycles: {_share(shares[1e4])}, moving every 4 h alone takes {regions.remaps(chip.value('lifetime'), 4 * HOUR):.3g}; "
        f"low rank alone: {unmoved:.3g} for any share; moving alone: {plain:.3g} at 2.5 % and {samples:.3g} for all; neither: "
        f"{samples:.3g}. Beyond {1 - regions.remaps(chip.value('lifetime'), 4 * HOUR) / steps:.0%} trained, moving wears more than it spares",
        factor=SECONDS_PER_YEAR,
    )  # fmt: skip
    ratio = chip.value("rram_update_steps_ratio")
    written = regions.needed_writing(chip.value("edp_ratio"), ratio)
    write_j = 10.9e-12  # of the macro that the LRT paper quotes
    few, many = (regions.macs_per_weight_at(written, write_j, bits, regions.mac_j(chip)) for bits in chip.span("weight_bits"))
    head_w = regions.written_over_computed(write_j, BITS, 1.8e9 * 3 / 52e3, regions.mac_j(chip))
    yield Finding(
        "chimera-edp", chip, "edp_ratio", "energy-delay product 340x lower", few, many,
        f"MACs a weight and sample, 4 to 16 bits at {write_j * 1e12:.3g} pJ a bit",
        f"writing is {written:.3g} times all else ({written / (1 + written):.1%} of both) before: a small dense net, every "
        f"weight written at every sample",
        f"a frozen ResNet-18 (1.8 G MAC) with a trained head of 52 k weights: {regions.edp_gain(head_w, ratio):.3g}x; "
        f"counting the writing alone would give {ratio**2:.3g}x",
    )  # fmt: skip


def _endurer(found: ChipFound, worn: Sequence[Worn], wear: Rows, first: Rows) -> Iterator[Finding]:
    chip, own = found.chip, through_hot_words(worn)
    cells = [row for row in first if row["toggle_share"] == 0.5]
    within = [row["cell"] for row in cells if row["within"] == "yes"]
    last = next(row for row in wear if row["remapped"] == "no" and row["time"] == "ten years")
    names = [row["cell"] for row in cells]
    yield Finding(
        "endurer-first", chip, "stuck_share", "a month of writing sticks the first of 3,456 bits", min(r["early_writes"] for r in cells),
        max(r["late_writes"] for r in cells), "writes of a word to the first failure (half of the bits change)",
        f"measured between {cells[0]['measured_after']:.3g} and {cells[0]['measured_by']:.3g}: within 5 to 95 % of chips for "
        f"{', '.join(within) or 'no shipped cell'}",
        f"not for {', '.join(name for name in names if name not in within) or 'none'}", "month",
    )  # fmt: skip
    shares = [last[name] for name in names]
    yield Finding(
        "endurer-hot", chip, "stuck_share", "ten years without remapping stick 4.3 % of the hot bits", min(shares), max(shares),
        "share stuck (half of the bits change)",
        f"a Weibull law of shape {own.shape:.3g} and scale {own.scale:.3g} writes, that of the last two points themselves",
        f"every shipped cell is steeper (shape {', '.join(f'{s.shape:.3g}' for s in _lives(found))}) and would be dead; with the "
        f"fewest changing bits {min(last[f'{name} low'] for name in names):.2g} to {max(last[f'{name} low'] for name in names):.2g}",
        "ten-years",
    )  # fmt: skip
    moved = [row for row in wear if row["remapped"] == "yes" and row["time"] == "ten years"]
    hot, cold = max(moved, key=lambda r: r["writes_per_word"]), [r for r in moved if r["writes_per_word"] < 1e5]
    least, mean, most = levelled_words(chip, 3650)
    yield Finding(
        "endurer-moved", chip, "remapped_stuck_share", "ten years with remapping stick 0.042 % of all bits",
        min(r["through_hot_words"] for r in moved), max(r["through_hot_words"] for r in moved),
        "share stuck of a chip, by the law through the hot words",
        f"the chip with the most writes: {hot['through_hot_words']:.2g} by the law, {hot['measured_share']:.2g} measured; its words "
        f"by imcsim's rotation {least:.3g} to {most:.3g} writes, mean {mean:.3g}, measured {hot['writes_per_word']:.3g}",
        f"the {len(cold)} chips below 1e5 writes: {max(r['through_hot_words'] for r in cold):.1g} by the law, "
        f"{min(r['measured_share'] for r in cold):.1g} to {max(r['measured_share'] for r in cold):.1g} measured, "
        f"{sum(r['stuck_at_0'] for r in cold)} of {sum(r['stuck'] for r in cold)} at 0: not wear by these writes", "ten-years",
    )  # fmt: skip
    count = band(found, "mean writes of a word, remapped (ten-years)")
    yield Finding(
        "endurer-count", chip, "remapped_writes_per_word", "mean writes of a word over eight chips in ten years", *count, "writes",
        "everywhere: hot writes over all words and one for each move", "", "ten-years",
    )  # fmt: skip


def _stellar(chip: TrainingChip, chips: Mapping[str, ChipFound]) -> Iterator[Finding]:
    bare, verified, own = (chip.value(n) for n in ("pulses_bp_no_verify", "pulses_bp_verify", "pulses_stellar"))
    yield Finding(
        "stellar-pulses", chip, "pulses_stellar", "pulses of back-propagation over its own", bare / own, verified / own,
        "x (without verify, with verify)", "the published counts give it; verify is 4.2x of it", "the counts need the learner",
    )  # fmt: skip
    low, high = regions.asic_budget_j(chip, chips["tpim_cicc22_28nm_training"].chip)
    macs = chip.value("layer1_rows") * chip.value("layer1_cols") + chip.value("layer2_rows") * chip.value("layer2_cols")
    ours = regions.array_mac_j(chips["fwdonly_arxiv2601_09903"].chip)
    yield Finding(
        "stellar-asic", chip, "energy_against_asic", "35x less energy than an ASIC", low / macs * 1e15, high / macs * 1e15,
        "fJ a MAC left for all of the array, if the ASIC takes its arithmetic alone",
        "an array that takes no more than that, or an ASIC whose memory takes the rest",
        f"the shipped RRAM chip takes {ours * 1e15:.3g} fJ for a MAC of 8-bit weights and inputs of one bit",
    )  # fmt: skip


def _tpim(found: ChipFound) -> Iterator[Finding]:
    chip = found.chip
    counted = band(found, "power, fast over slow")[0]
    measured = chip.value("power", "fast") / chip.value("power", "slow")
    yield Finding(
        "tpim-power", chip, "power", "5.25 to 51.23 mW", counted, counted, f"x by V^2 f, measured {measured:.3g}x",
        f"switching logic explains it within {abs(counted / measured - 1):.0%}", "leakage, which falls less, would lower it",
        "fast", 1e-3,
    )  # fmt: skip
    ratio = chip.value("efficiency", "most") / chip.value("efficiency", "least")
    point = {name: chip.value(name, "1b-2b") for name in ("input_bits", "weight_bits")}
    eight, sixteen = (regions.precision_ratio(bits, point) for bits in chip.span("input_bits", "least"))
    yield Finding(
        "tpim-range", chip, "efficiency", "2.21 to 161.08 TOPS/W", eight, sixteen, "x by bit products alone, 8 b or 16 b against 1 b x 2 b",
        f"stated {ratio:.3g}x: between both; supply and sparsity make {ratio / eight:.2g}x of 8 b, {ratio / sixteen:.2g}x of 16 b",
        "bits and sparsity of the low end are not stated", "most", 1e12,
    )  # fmt: skip


def _two_way(chips: Mapping[str, ChipFound]) -> Iterator[Finding]:
    for key, name, point in (("su", "su_isscc20_28nm_transpose", "forward"), ("tcasi", "tcasi23_28nm_16kb", "forward-and")):
        chip = chips[name].chip
        measured = chip.value("efficiency", point) / chip.value("efficiency", "backward")
        low, high = band(chips[name], f"backward over forward energy of a MAC ({point})")
        yield Finding(
            f"{key}-directions", chip, "efficiency", "both read directions", low, high, f"x backward over forward, stated {measured:.3g}x",
            f"{chip.value('summed_lines', 'forward') / measured:.3g} lines summed at once backward, "
            f"{chip.value('summed_lines', 'forward'):.0f} forward",
            "as many lines both ways cost the same" if high > low else "no room: lines of both directions are stated", "backward", 1e12,
        )  # fmt: skip


def _m2ru(found: ChipFound) -> Iterator[Finding]:
    chip = found.chip
    low, high = (regions.needed_interval_s(chip, endurance) for endurance in reversed(chip.span("endurance")))
    middle = regions.needed_interval_s(chip, 1e6)
    yield Finding(
        "m2ru-life", chip, "lifetime", "lives up to 12.2 years", low, high, "s between writes of the worst cell (1e9 to 1e4 cycles)",
        f"one write in {low:.2g} s at 1e9 cycles, {middle / 60:.2g} min at 1e6, {high / HOUR:.3g} h at 1e4",
        "says nothing without endurance and rate; neither is in the abstract", factor=SECONDS_PER_YEAR,
    )  # fmt: skip
    ratio = band(found, "operations a joule")[0]
    yield Finding(
        "m2ru-efficiency", chip, "efficiency", "312 GOPS/W", ratio / 1e9, ratio / 1e9, "GOPS/W by throughput over power",
        "rounded throughput: 15.17 GOPS would give it", "", factor=1e9,
    )  # fmt: skip


def _forward_only(found: ChipFound) -> Iterator[Finding]:
    chip = found.chip
    rows = list(regions.pulse_rows(chip))
    holds = [f"{row['cell']} with {row['bits']} bits ({row['pulses']:.3g} pulses)" for row in rows if row["holds"] == "yes"]
    single = [row["high"] for row in rows if row["bits"] == 1]
    yield Finding(
        "forward-update", chip, "update_energy_ratio", "460x less energy an update", *band(found, "verified change over one RESET pulse, energy"),
        "x, shipped cells, 1 to 0.5 V", f"{', '.join(holds) or 'no shipped cell'}",
        f"cells of one bit: at most {max(single):.3g}x, because a verified change is few pulses",
    )  # fmt: skip
    plain = chip.value("training_over_inference_energy")
    verified = band(found, "training over inference energy, if verified")[0]
    yield Finding(
        "forward-training", chip, "training_over_inference_energy", "training takes 1.46x an inference", plain, verified,
        "x an inference (as stated; every update verified)",
        f"updates are {plain - 1:.2g} of an inference; the 460x of an update is {verified / plain:.3g}x of the training",
        "a second pass, gradients or moves of data would come on top",
    )  # fmt: skip


def _gonugondla(found: ChipFound) -> Iterator[Finding]:
    chip = found.chip
    batch, (least_j, most_j) = chip.span("batch")[0], chip.span("gradient_energy")
    shares = {j: regions.largest_violating_share(chip, j, batch) for j in (least_j, 0.126e-12, most_j)}
    yield Finding(
        "gonugondla-training", chip, "training_overhead_max", "training takes at most 26 % more", *band(found, "training over inference energy of a sample"),
        "x an inference", "; ".join(f"at {j * 1e12:.3g} pJ a gradient MAC (28 nm) up to {s:.0%} of the samples inside the margin" for j, s in shares.items()),
        "a gradient of every sample by a 16-bit MAC",
    )  # fmt: skip


def _processors(chips: Mapping[str, ChipFound]) -> Iterator[Finding]:
    tiny = chips["tinycl_arxiv2402_09780"]
    ratio, sample = band(tiny, "faster than the reference")[0], band(tiny, "energy of a training sample")
    yield Finding(
        "tinycl-speed", tiny.chip, "speedup", "58x faster than a GPU", ratio, ratio, "x, time over time", "everywhere: 103 s over 1.76 s", "",
    )  # fmt: skip
    yield Finding(
        "tinycl-sample", tiny.chip, "epoch_time", "an epoch takes 1.76 s at 86 mW", sample[0] * 1e6, sample[1] * 1e6,
        "uJ a training sample (50,000 or 1,000 an epoch)", "either, the abstract does not say how many", "",
    )  # fmt: skip
    battery = chips["qlrcl_vega_22nm"].chip
    low, high = (regions.minibatch_j(battery, wh) for wh in (1.0, 15.0))
    yield Finding(
        "vega-battery", battery, "battery_life", "learns 535 h on a battery", low, high, "J a mini-batch, battery of 1 to 15 Wh",
        "32,100 mini-batches", "the battery is not in the abstract", factor=HOUR,
    )  # fmt: skip
    vega = chips["vega_soc_22nm"]
    low, high = band(vega, "energy of a MAC (fp32)")
    yield Finding(
        "vega-mac", vega.chip, "efficiency", "79 GFLOPS/W in software", low * 1e12, high * 1e12, "pJ a MAC, arithmetic of imcsim's digital unit",
        "nowhere: a core takes 5 times the dearest arithmetic", "a processor is not its multiplier; imcsim's digital unit has no instructions",
        "fp32", 1e9,
    )  # fmt: skip
    mcu = chips["ravaglia_sips20"].chip
    slower = mcu.value("mac_per_cycle_forward") / mcu.value("mac_per_cycle_backward")
    yield Finding(
        "ravaglia-backward", mcu, "mac_per_cycle_backward", "1.7 MAC a cycle backward", slower, slower, "x forward over backward",
        "time of a MAC; energy as much more if power is the same", "",
    )  # fmt: skip


def _low_rank(found: ChipFound) -> Finding:
    low, high = band(found, "writes of the worst cell, fewer by")
    return Finding(
        "lrt-worst", found.chip, "worst_cell_write_reduction", "worst cell written 1000x less", low, high, "x by batches alone",
        f"the least density of an update must add {found.chip.value('worst_cell_write_reduction') / high:.3g}x to "
        f"{found.chip.value('worst_cell_write_reduction') / low:.3g}x",
        "what it adds needs the learner",
    )  # fmt: skip


def _lives(found: ChipFound) -> list[Any]:
    from studies.silicon_that_trains.wear import shipped

    return list(shipped(found.chip).values())


def _share(value: float | None) -> str:
    return "no share" if value is None else f"{value:.0%}" if value < 1 else "all"
