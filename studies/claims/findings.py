"""One finding for each published claim: our figure, where it holds, where it breaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from studies.claims.compare import EVERY_CELL, GATED, INFERENCES, RRAM
from studies.claims.runs import Book, mask_bits, stats

Rows = Sequence[Mapping[str, Any]]
CHIP = "64 x 64 cells (64 x 8 weights of 8 bits in 2-bit cells)"

SMALLER = ("xbm-mask",)  # claims that a figure is small
UNTESTED = ("xma-accuracy",)  # our setting cannot tell


@dataclass(frozen=True)
class Finding:
    """What was measured for a claim in ``setting``, and in words where it is true and where it breaks."""

    key: str
    measured: float | None
    sd: float | None
    setting: str
    true_where: str
    breaks_where: str

    def row(self, published: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row of the table of claims."""
        return {
            **published,
            "measured": self.measured,
            "sd": self.sd,
            "reached": reached(self.key, self.measured, published["published"]),
            "setting": self.setting,
            "true_where": self.true_where,
            "breaks_where": self.breaks_where,
        }


def reached(key: str, measured: float | None, published: float | None) -> str | None:
    """Return "yes" or "no": whether our figure is at least the published one (at most, for a share of memory)."""
    if measured is None or published is None or key in UNTESTED:
        return None
    return "yes" if (measured <= published if key in SMALLER else measured >= published) else "no"


def mask_findings(book: Book, rows: Rows) -> list[Finding]:
    """XBM's and XMA's mask memory, KSM's beside it."""
    share = {
        label: stats(
            [mask_bits(a) / mask_bits(b) for a, b in zip(book[label, RRAM], book["piggyback", RRAM], strict=True)]
        )
        for label in ("xbm", "xbm-norm", "xma", "ksm", "ksm-norm")
    }
    geometry = {(r["network"], r["rows"], r["bits"]): r["share"] for r in rows}
    near = min(geometry, key=lambda key: abs(1 - geometry[key] - 0.966))
    r72 = "; ".join(f"{name} {geometry[name, 72, 1]:.2%}" for name in ("resnet18", "resnet50"))
    return [
        Finding(
            "xbm-mask",
            *share["xbm"],
            f"convnet, R = 64, 1 bit; {CHIP}",
            f"R = 72 alone gives 1.4 % ({r72}); R = 64 gives {geometry['resnet50', 64, 1]:.2%}, R = 128 "
            f"{geometry['resnet50', 128, 1]:.2%}",
            f"norm layers stored with each task: {share['xbm-norm'][0]:.1%} on this small network; R = 32: "
            f"{geometry['resnet50', 32, 1]:.1%}",
        ),
        Finding(
            "xma-mask",
            1 - share["xma"][0],
            share["xma"][1],
            f"convnet, R = 64, 2 bits; {CHIP}",
            f"nearest of R = 32..256 and 1..4 bits: {1 - geometry[near]:.2%} ({near[0]}, R = {near[1]}, "
            f"{near[2]} bits)",
            f"no whole number of bits gives 96.6 %: 3.4 % of R is 1.1, 2.2, 4.4, 8.7 bits at R = 32, 64, 128, "
            f"256; R = 64 with 3 bits saves {1 - geometry['resnet50', 64, 3]:.1%}",
        ),
        Finding(
            "ksm-mask",
            *share["ksm"],
            "convnet, one bit a kernel and 32 bits for each that is off; norm frozen",
            f"kernels are {rows[0]['kernels'] / rows[0]['weights']:.1%} of ResNet-18's weights",
            f"ResNet-50: {rows[-1]['kernels'] / rows[-1]['weights']:.1%} of the weights, before scales; with "
            f"norm layers {share['ksm-norm'][0]:.1%} here",
        ),
    ]


def energy_findings(book: Book, rows: Rows) -> list[Finding]:
    """XBM's, XMA's and SparCL's energy, KSM's switch."""
    return [
        _columns_finding(rows, "xbm-energy", "xbm"),
        _columns_finding(rows, "xma-energy", "xma"),
        _sparcl_finding(rows),
        _kernel_switch_finding(book),
    ]


def _columns_finding(rows: Rows, claim: str, method: str) -> Finding:
    switch, trained = (_at(rows, claim, "piggyback", method, account) for account in ("switch", "training"))
    every = _at(rows, claim, EVERY_CELL, method, "switch")
    gated = _at(rows, claim, "piggyback", method, "switch", GATED)
    ratio = switch["ratio_at_horizon"]
    return Finding(
        claim,
        1 - 1 / ratio if claim == "xbm-energy" else ratio,
        None,
        f"{RRAM}, {CHIP}; {switch['event_j']:.3g} J an event, {INFERENCES} inferences a switch, training not counted",
        f"fewer than {switch['most_inferences_preset']:.3g} inferences a switch "
        f"({switch['most_inferences, 40 nm pessimistic']:.3g} with the pessimistic cell, "
        f"{every['most_inferences_preset']:.3g} if every cell were rewritten)",
        f"at {INFERENCES} inferences unless an event takes {_joules(switch['least_event_j_at_horizon'])} "
        f"({gated['ratio_at_horizon']:.3g}x with closed columns not converted, "
        f"true then below {gated['most_inferences_preset']:.3g} inferences); "
        f"with training counted {_trained(trained)}",
    )


def _sparcl_finding(rows: Rows) -> Finding:
    found = _at(rows, "sparcl-energy", "derpp", "sparcl-derpp-95", "training")
    hybrid = _at(rows, "sparcl-energy", "derpp", "sparcl-derpp-95", "training", "hybrid-28nm")
    return Finding(
        "sparcl-energy",
        found["ratio_without_inferences"],
        None,
        f"{RRAM}, {CHIP}, training of tasks 2 to 5, no inference",
        f"no write energy or horizon: events fall {found['base_events'] / found['method_events']:.2g}x, "
        f"all else {found['base_fixed_j'] / found['method_fixed_j']:.2g}x",
        f"hybrid-28nm {hybrid['ratio_without_inferences']:.3g}x; with {INFERENCES} inferences a task "
        f"{found['ratio_at_horizon']:.3g}x",
    )


def _kernel_switch_finding(book: Book) -> Finding:
    runs = book["ksm", RRAM], book["piggyback", RRAM]
    ratios = [a.switched.energy.total / b.switched.energy.total for a, b in zip(*runs, strict=True)]
    cells = [stats([run.switched.nonvolatile_cells for run in seeds])[0] for seeds in runs]
    points = [
        100 * (a.report.accuracy["task_il_final"] - b.report.accuracy["task_il_final"])
        for a, b in zip(*runs, strict=True)
    ]
    return Finding(
        "ksm-switch",
        *stats(ratios),
        f"{RRAM}, {CHIP}; norm frozen, accuracy {stats(points)[0]:+.2f} +- {stats(points)[1]:.2f} points",
        f"nowhere here: {cells[0]:.0f} cells rewritten a switch, Piggyback {cells[1]:.0f}",
        "a damped kernel is rewritten in every cell whose digit changes, not only in those that close",
    )


def _at(rows: Rows, claim: str, base: str, method: str, account: str, chip: str = RRAM) -> Mapping[str, Any]:
    wanted = (claim, base, method, account, chip)
    return next(r for r in rows if tuple(r[k] for k in ("claim", "base", "method", "account", "chip")) == wanted)


def _joules(value: float) -> str:
    return "more than any" if value == inf else f"{value:.2g} J"


def _trained(row: Mapping[str, Any]) -> str:
    if row["most_inferences_preset"] > 0:
        return f"fewer than {row['most_inferences_preset']:.3g} inferences"
    needed = _joules(row["least_event_j_without_inferences"])
    return (
        f"never at the preset: {row['ratio_without_inferences']:.3g}x without inferences, "
        f"an event would have to take {needed}"
    )
