"""One finding for each published claim: our figure, where it holds, where it breaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from studies.claims.compare import EVERY_CELL, INFERENCES, RRAM
from studies.claims.memory import BATCH
from studies.claims.runs import Book, mask_bits, stats

Rows = Sequence[Mapping[str, Any]]
CHIP = "64 x 64 cells (64 x 8 weights of 8 bits in 2-bit cells)"


@dataclass(frozen=True)
class Finding:
    """What was measured for a claim. ``holds``: "yes", "no", "in part", or "-" where there is nothing "
    "to hold it against."""

    key: str
    measured: float | None
    sd: float | None
    holds: str
    setting: str
    true_where: str
    breaks_where: str

    def row(self, published: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row of the table of claims."""
        return {
            **published,
            "measured": self.measured,
            "sd": self.sd,
            "holds": self.holds,
            "setting": self.setting,
            "true_where": self.true_where,
            "breaks_where": self.breaks_where,
        }


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
            "yes",
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
            "in part",
            f"convnet, R = 64, 2 bits; {CHIP}",
            f"nearest of R = 32..256 and 1..4 bits: {1 - geometry[near]:.2%} ({near[0]}, R = {near[1]}, "
            f"{near[2]} bits)",
            f"no whole number of bits gives 96.6 %: 3.4 % of R is 1.1, 2.2, 4.4, 8.7 bits at R = 32, 64, 128, "
            f"256; R = 64 with 3 bits saves {1 - geometry['resnet50', 64, 3]:.1%}",
        ),
        Finding(
            "ksm-mask",
            *share["ksm"],
            "-",
            "convnet, one bit a kernel and 32 bits for each that is off; norm frozen",
            f"kernels are {rows[0]['kernels'] / rows[0]['weights']:.1%} of ResNet-18's weights",
            f"ResNet-50: {rows[-1]['kernels'] / rows[-1]['weights']:.1%} of the weights, before scales; with "
            f"norm layers {share['ksm-norm'][0]:.1%} here",
        ),
    ]


def energy_findings(book: Book, rows: Rows) -> list[Finding]:
    """XBM's, XMA's and SparCL's energy, KSM's switch."""

    def at(claim: str, base: str, method: str, account: str, chip: str = RRAM) -> Mapping[str, Any]:
        wanted = (claim, base, method, account, chip)
        return next(r for r in rows if tuple(r[k] for k in ("claim", "base", "method", "account", "chip")) == wanted)

    found = []
    for key, method in (("xbm-energy", "xbm"), ("xma-energy", "xma")):
        switch, trained = at(key, "piggyback", method, "switch"), at(key, "piggyback", method, "training")
        every = at(key, EVERY_CELL, method, "switch")
        value = switch["ratio_at_horizon"]
        found.append(
            Finding(
                key,
                1 - 1 / value if key == "xbm-energy" else value,
                None,
                "in part",
                f"{RRAM}, {CHIP}; {switch['event_j']:.3g} J an event, {INFERENCES} inferences a switch, training "
                f"not counted",
                f"fewer than {switch['most_inferences_preset']:.3g} inferences a switch "
                f"({switch['most_inferences, 40 nm pessimistic']:.3g} with the pessimistic cell, "
                f"{every['most_inferences_preset']:.3g} if every cell were rewritten)",
                f"at {INFERENCES} inferences unless an event takes {_joules(switch['least_event_j_at_horizon'])}; "
                f"with training counted {_trained(trained)}",
            )
        )
    sparse = at("sparcl-energy", "derpp", "sparcl-derpp-95", "training")
    found.append(
        Finding(
            "sparcl-energy",
            sparse["ratio_without_inferences"],
            None,
            "no",
            f"{RRAM}, {CHIP}, training of a task, no inference",
            f"no write energy or horizon: events fall {sparse['base_events'] / sparse['method_events']:.2g}x, "
            f"all else {sparse['base_fixed_j'] / sparse['method_fixed_j']:.2g}x",
            f"with {INFERENCES} inferences a task {sparse['ratio_at_horizon']:.3g}x",
        )
    )
    switches = [[run.switched.energy.total for run in book[label, RRAM]] for label in ("ksm", "piggyback")]
    value, sd = stats([a / b for a, b in zip(*switches, strict=True)])
    cells = [stats([run.switched.rram_cells for run in book[label, RRAM]])[0] for label in ("ksm", "piggyback")]
    found.append(
        Finding(
            "ksm-switch",
            value,
            sd,
            "-",
            f"{RRAM}, {CHIP}",
            f"{cells[0]:.0f} cells rewritten a switch, Piggyback {cells[1]:.0f}",
            "a damped kernel is rewritten in every cell whose digit changes, not only in those that close",
        )
    )
    return found


def accuracy_finding(book: Book) -> Finding:
    """XMA's accuracy over Piggyback."""
    pairs = zip(book["xma", RRAM], book["piggyback", RRAM], strict=True)
    points = stats([100 * (a.report.accuracy["task_il_final"] - b.report.accuracy["task_il_final"]) for a, b in pairs])
    return Finding(
        "xma-accuracy",
        *points,
        "-",
        "digits in five tasks, Task-IL, backbone from the first task",
        "not tested: digits is near its ceiling, and the paper's data sets are other ones",
        "no statement",
    )


def flops_finding(rows: Rows) -> Finding:
    """SparCL's training FLOPs."""
    rule = next(r for r in rows if r["source"].startswith("rule") and r["base"] == "derpp" and r["sparsity"] == 0.95)
    ours = next(r for r in rows if r["source"].startswith("measured") and r["sparsity"] == 0.95)
    return Finding(
        "sparcl-flops",
        rule["factor_paper"],
        None,
        "yes",
        "ResNet-18, der++, s = 0.95, q = 0.965 (our reading), samples removed; the paper's way of counting, by rule",
        f"with replay back-propagated {rule['factor_backpropagated']:.3g}x",
        f"convnet on digits, trained: {ours['factor_paper']:.3g}x by the paper's way, "
        f"{ours['factor_backpropagated']:.3g}x as run: layers that stay dense weigh more",
    )


def memory_findings(rows: Rows) -> list[Finding]:
    """DA3's and LightCL's training memory."""
    by = {row["learner"]: row for row in rows}
    additive = {k: v for k, v in by.items() if k.startswith("da3 additive") and "norm" not in k}
    inside = [k.removeprefix("da3 additive, ") for k, v in additive.items() if 19 <= v["activations_less"] <= 37]
    small, wide = by["da3 additive, pool 2, squeeze 4"], by["da3 additive, pool 8, squeeze 4"]
    twin, norm = by["da3 multiplicative, pool 4, squeeze 4"], by["da3 additive, pool 4, squeeze 4, norm trained"]
    found = [
        Finding(
            "da3-memory",
            wide["activations_less"],
            None,
            "in part",
            "ResNet-18 at 32 x 32, kept activations, pool 8, squeeze 4",
            f"adaptor on pooled maps with norm layers frozen: {small['activations_less']:.3g}x at pool 2, in "
            f"19..37 at {', '.join(inside) or 'none tried'}",
            f"with parameters at batch {BATCH} {wide['total_less']:.3g}x; norm layers trained "
            f"{norm['activations_less']:.3g}x; multiplicative twin {twin['activations_less']:.3g}x",
        )
    ]
    if "lightcl" in by:
        light = by["lightcl"]
        found.append(
            Finding(
                "lightcl-memory",
                light["activations_less"],
                None,
                "in part",
                "ResNet-18 at 32 x 32, kept activations, against finetune",
                f"against der++ {light['activations_less'] / by['derpp']['activations_less']:.3g}x, er "
                f"{light['activations_less'] / by['er']['activations_less']:.3g}x",
                f"with parameters at batch {BATCH} {light['total_less']:.3g}x",
            )
        )
    return found


def zeroing_finding(rows: Rows) -> list[Finding]:
    """XST's reprogramming energy against CPG."""
    mine = [row for row in rows if row["method"] == "cpg"]
    if not mine:
        return []
    value, sd = stats([row["columns off spare, harmonic"] for row in mine])
    flat = stats([row["columns off spare, flat"] for row in mine])[0]
    share = stats(
        [row["zeroed cells"] / (row["zeroed cells"] + row["brought back cells"] + row["written cells"]) for row in mine]
    )
    return [
        Finding(
            "xst-reprogramming",
            value,
            sd,
            "in part",
            f"cpg's run on digits, {CHIP}, NeuroSim's rule; a bound: columns off cost nothing",
            f"zeroing is {share[0]:.0%} of the rewritten cells here; 2.5x needs zeroed and brought-back cells "
            f"to take 60 % of the energy",
            f"each event charged alike {flat:.3g}x",
        )
    ]


def freezing_finding(rows: Rows) -> Finding:
    """PTLF's backward FLOPs."""
    five = next(r for r in rows if r["stream"] == "5 tasks" and r["version"] == "arXiv v1")
    twenty = next(r for r in rows if r["stream"] == "20 tasks" and r["version"] == "arXiv v1")
    return Finding(
        "ptlf-backward",
        five["scattered_bound_stream"],
        None,
        "in part",
        "ResNet-18 at 32 x 32, arithmetic: the most that scattered freezing can reach, first task unfrozen",
        f"scattered layers must hold {five['share_needed']:.0%} of the work (5 tasks) or "
        f"{twenty['share_needed']:.0%} (20 tasks); a frozen prefix {five['prefix_share']:.0%} or "
        f"{twenty['prefix_share']:.0%}",
        f"scattered freezing never passes {five['scattered_bound_stream']:.3g}x (5 tasks), "
        f"{twenty['scattered_bound_stream']:.3g}x (20), 2x (any)",
    )


def _joules(value: float) -> str:
    return "more than any" if value == inf else f"{value:.2g} J"


def _trained(row: Mapping[str, Any]) -> str:
    if row["most_inferences_preset"] > 0:
        return f"fewer than {row['most_inferences_preset']:.3g} inferences"
    return f"never at the preset: {row['ratio_without_inferences']:.3g}x without inferences, an event would have to take {_joules(row['least_event_j_without_inferences'])}"
