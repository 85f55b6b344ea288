"""Claims on energy, power and time of computing."""

from collections.abc import Iterator, Mapping

from imcsim.published.training import ChipFound
from studies.silicon_that_trains import regions
from studies.silicon_that_trains.finding import HOUR, Finding, band


def tpim(found: ChipFound) -> Iterator[Finding]:
    """Power by V^2 f, and the range of operations a joule."""
    chip = found.chip
    counted = band(found, "power, fast over slow")[0]
    measured = chip.value("power", "fast") / chip.value("power", "slow")
    yield Finding(
        "tpim-power",
        chip,
        "power",
        "5.25 to 51.23 mW",
        counted,
        counted,
        f"x by V^2 f, measured {measured:.3g}x",
        f"switching logic explains it within {abs(counted / measured - 1):.0%}",
        "leakage, which falls less, would lower it",
        "fast",
        1e-3,
    )
    ratio = chip.value("efficiency", "most") / chip.value("efficiency", "least")
    point = {name: chip.value(name, "1b-2b") for name in ("input_bits", "weight_bits")}
    eight, sixteen = (regions.precision_ratio(bits, point) for bits in chip.span("input_bits", "least"))
    yield Finding(
        "tpim-range",
        chip,
        "efficiency",
        "2.21 to 161.08 TOPS/W",
        eight,
        sixteen,
        "x by bit products alone, 8 b or 16 b against 1 b x 2 b",
        f"stated {ratio:.3g}x: between both; supply and sparsity make {ratio / eight:.2g}x of 8 b, "
        f"{ratio / sixteen:.2g}x of 16 b",
        "bits and sparsity of the low end are not stated",
        "most",
        1e12,
    )


_DIRECTIONS = (("su", "su_isscc20_28nm_transpose", "forward"), ("tcasi", "tcasi23_28nm_16kb", "forward-and"))


def two_way(chips: Mapping[str, ChipFound]) -> Iterator[Finding]:
    """Both read directions of one array."""
    for key, name, point in _DIRECTIONS:
        chip = chips[name].chip
        measured = chip.value("efficiency", point) / chip.value("efficiency", "backward")
        low, high = band(chips[name], f"backward over forward energy of a MAC ({point})")
        yield Finding(
            f"{key}-directions",
            chip,
            "efficiency",
            "both read directions",
            low,
            high,
            f"x backward over forward, stated {measured:.3g}x",
            f"{chip.value('summed_lines', 'forward') / measured:.3g} lines summed at once backward, "
            f"{chip.value('summed_lines', 'forward'):.0f} forward",
            "as many lines both ways cost the same" if high > low else "no room: lines of both directions are stated",
            "backward",
            1e12,
        )


def gonugondla(found: ChipFound) -> Iterator[Finding]:
    """Training over inference of a linear classifier."""
    chip = found.chip
    batch, (least_j, most_j) = chip.span("batch")[0], chip.span("gradient_energy")
    shares = {j: regions.largest_violating_share(chip, j, batch) for j in (least_j, 0.126e-12, most_j)}
    said = [
        f"at {j * 1e12:.3g} pJ a gradient MAC (28 nm) up to {s:.0%} of samples in the margin" for j, s in shares.items()
    ]
    yield Finding(
        "gonugondla-training",
        chip,
        "training_overhead_max",
        "training takes at most 26 % more",
        *band(found, "training over inference energy of a sample"),
        "x an inference",
        "; ".join(said),
        "a gradient of every sample by a 16-bit MAC",
    )


def processors(chips: Mapping[str, ChipFound]) -> Iterator[Finding]:
    """Accelerators and microcontrollers: times, joules a sample, a MAC."""
    tiny = chips["tinycl_arxiv2402_09780"]
    ratio, sample = band(tiny, "faster than the reference")[0], band(tiny, "energy of a training sample")
    yield Finding(
        "tinycl-speed",
        tiny.chip,
        "speedup",
        "58x faster than a GPU",
        ratio,
        ratio,
        "x, time over time",
        "everywhere: 103 s over 1.76 s",
        "",
    )
    yield Finding(
        "tinycl-sample",
        tiny.chip,
        "epoch_time",
        "an epoch takes 1.76 s at 86 mW",
        sample[0] * 1e6,
        sample[1] * 1e6,
        "uJ a training sample (50,000 or 1,000 an epoch)",
        "either, the abstract does not say how many",
        "",
    )
    battery = chips["qlrcl_vega_22nm"].chip
    low, high = (regions.minibatch_j(battery, wh) for wh in (1.0, 15.0))
    yield Finding(
        "vega-battery",
        battery,
        "battery_life",
        "learns 535 h on a battery",
        low,
        high,
        "J a mini-batch, battery of 1 to 15 Wh",
        "32,100 mini-batches",
        "the battery is not in the abstract",
        factor=HOUR,
    )
    vega = chips["vega_soc_22nm"]
    low, high = band(vega, "energy of a MAC (fp32)")
    yield Finding(
        "vega-mac",
        vega.chip,
        "efficiency",
        "79 GFLOPS/W in software",
        low * 1e12,
        high * 1e12,
        "pJ a MAC, arithmetic of imcsim's digital unit",
        "nowhere: a core takes 5 times the dearest arithmetic",
        "a processor is not its multiplier; imcsim's digital unit has no instructions",
        "fp32",
        1e9,
    )
    mcu = chips["ravaglia_sips20"].chip
    slower = mcu.value("mac_per_cycle_forward") / mcu.value("mac_per_cycle_backward")
    yield Finding(
        "ravaglia-backward",
        mcu,
        "mac_per_cycle_backward",
        "1.7 MAC a cycle backward",
        slower,
        slower,
        "x forward over backward",
        "time of a MAC; energy as much more if power is the same",
        "",
    )
