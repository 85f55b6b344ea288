"""Findings on training: accuracy, FLOPs, memory, reprogramming by zeroing, frozen layers."""

from studies.claims.compare import RRAM
from studies.claims.findings import CHIP, Finding, Rows
from studies.claims.memory import BATCH
from studies.claims.runs import Book, stats


def accuracy_finding(book: Book) -> Finding:
    """XMA's accuracy over Piggyback."""
    pairs = zip(book["xma", RRAM], book["piggyback", RRAM], strict=True)
    points = stats([100 * (a.report.accuracy["task_il_final"] - b.report.accuracy["task_il_final"]) for a, b in pairs])
    return Finding(
        "xma-accuracy",
        *points,
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
        "ResNet-18 at 32 x 32, arithmetic: the most that scattered freezing can reach, first task unfrozen",
        f"scattered layers must hold {five['share_needed']:.0%} of the work (5 tasks) or "
        f"{twenty['share_needed']:.0%} (20 tasks); a frozen prefix {five['prefix_share']:.0%} or "
        f"{twenty['prefix_share']:.0%}",
        f"scattered freezing never passes {five['scattered_bound_stream']:.3g}x (5 tasks), "
        f"{twenty['scattered_bound_stream']:.3g}x (20), 2x (any)",
    )
