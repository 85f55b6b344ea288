"""The figures of this study, from its rows."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from imcsim.report.style import GREY, PALETTE, panels
from studies.lifetime.levers import LEVER_METHODS, LEVERS, NONE
from studies.lifetime.sensitivity import SCALES, SHAPES, SUBJECTS
from studies.lifetime.survival import RULE_METHODS
from studies.lifetime.wear import EPOCH, HYBRID, STEP, TASK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Rows = Sequence[Mapping[str, Any]]
WAYS = (STEP, EPOCH, TASK, HYBRID)
COLOURS = dict(zip(WAYS, (PALETTE[1], PALETTE[3], PALETTE[2], PALETTE[0]), strict=True))
PRESET = (1e7, 2.2)
RULES = {"events": "o", "pulses": "v", "window m=2.5": "^"}


def draw_survival(rows: Rows) -> "Figure":
    """Return tasks to the first failed cell by learner and way to write, with the band between chips."""
    methods = _ordered(rows)
    with panels(1, 1, (10.0, 9.4)) as (figure, (axis,)):
        for k, way in enumerate(WAYS):
            at = {row["method"]: row for row in rows if row["setup"] == way}
            _bands(axis, methods, at, k, way)
        for tasks, text in ((1e3, "1,000 tasks"), (36_525, "a century at one task a day")):
            axis.axvline(tasks, color=GREY, linestyle=":", linewidth=1)
            axis.text(tasks, -0.95, text, color=GREY, fontsize=8, ha="center")
        axis.set_xscale("log")
        axis.set_yticks(range(len(methods)), methods)
        axis.set_ylim(len(methods) - 0.4, -1.2)
        axis.set_xlabel(
            "tasks to the first failed cell (bar: 5 % to 95 % of chips; point: half), to 1e4 cycles of the worst (x)"
        )
        axis.set_title("Digits, tasks after the first repeated; default cell, Weibull scale 1e7, shape 2.2; 3 seeds")
        axis.grid(axis="y", visible=False)
        figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=4)
        return figure


def draw_sensitivity(rows: Rows) -> "Figure":
    """Return tasks to the first failed cell over endurance scale and shape, one panel a subject."""
    from matplotlib.colors import LogNorm

    levels = np.logspace(-3, 6, 19)
    with panels(2, 2, (11.5, 8.6), sharex=True, sharey=True) as (figure, axes):
        filled: Any = None
        for axis, subject in zip(axes, SUBJECTS, strict=True):
            tasks = _grid(rows, subject.label)
            filled = axis.contourf(
                SCALES, SHAPES, tasks, levels, norm=LogNorm(1e-3, 1e6), cmap="cividis", extend="both"
            )
            shown = [target for target in (1, 1000) if tasks.min() < target < tasks.max()]
            if shown:
                drawn = axis.contour(SCALES, SHAPES, tasks, shown, colors="white", linewidths=2)
                axis.clabel(drawn, fmt=lambda value: f"{value:,.0f} task{'s' if value > 1 else ''}", fontsize=9)
            axis.plot(*PRESET, "*", color="white", markeredgecolor="black", markersize=14)
            axis.set(xscale="log", xlim=(SCALES[0], SCALES[-1]))
            axis.text(
                PRESET[0] * 1.25,
                PRESET[1] + 0.03,
                f"{float(f'{_at_preset(tasks):.2g}'):,.0f} tasks",
                color="black",
                fontsize=9,
            )
            axis.axvline(1e6, color="white", linestyle=":", linewidth=1)
            axis.set_title(subject.label.replace("extrapolated", "Extrapolated"), fontsize=10)
            axis.grid(visible=False)
        for axis in axes[2:]:
            axis.set_xlabel("Weibull scale (cycles)")
        for axis in (axes[0], axes[2]):
            axis.set_ylabel("Weibull shape")
        bar = figure.colorbar(filled, ax=axes, label="tasks to the first failed cell (half of the chips)")
        bar.set_ticks([10.0**k for k in range(-3, 7)])
        figure.suptitle("Star: default cell. Right of the dotted line: published range, 1e6 to 1e8 cycles", fontsize=10)
        return figure


def draw_levers(rows: Rows) -> "Figure":
    """Return years until the end under each lever, and programming energy per task, written at each step."""
    names = [lever.label for lever in LEVERS if STEP in lever.setups]
    with panels(1, 2, (12.0, 9.6), sharey=True) as (figure, axes):
        for k, method in enumerate(LEVER_METHODS):
            mine = [row for row in rows if row["method"] == method and row["setup"] == STEP]
            at = {row["lever"]: row for row in mine if row["years_median_mean"] is not None}
            y = np.array([names.index(name) for name in at]) + 0.24 * (k - 1)
            style: Any = {"fmt": "os^"[k], "color": PALETTE[k], "label": method, "markersize": 5, "capsize": 2}
            life, y, ends = _span(list(at.values()), "years", y)
            axes[0].errorbar(life, y, xerr=ends, **style)
            energy, sd = (
                np.array([1e6 * row[f"programming_j_per_task_{stat}"] for row in at.values()])
                for stat in ("mean", "sd")
            )
            axes[1].errorbar(energy, y, xerr=sd, **style)
            axes[0].axvline(at[NONE]["years_median_mean"], color=PALETTE[k], linestyle=":", linewidth=1)
        axes[0].set_yticks(range(len(names)), [_with_price(rows, name) for name in names])
        axes[0].set_ylim(len(names) - 0.4, -0.6)
        axes[0].set_xlabel("years to the end at one task a day\n(5 %, half, 95 % of chips)")
        axes[1].set_xlabel("programming energy per task, fresh chip (µJ)\n(bar: standard deviation over 3 seeds)")
        for axis in axes:
            axis.set_xscale("log")
            axis.grid(axis="y", visible=False)
        figure.suptitle(
            "All-RRAM each step, digits, default cell. End: first failed cell; with spares, first PE out of them. "
            "In brackets: further area; Class-IL",
            fontsize=10,
        )
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        return figure


def draw_wear(rows: Rows) -> "Figure":
    """Return tasks to the first failed cell under each wear rule."""
    with panels(1, 1, (9.0, 6.4)) as (figure, (axis,)):
        ticks = []
        for m, method in enumerate(RULE_METHODS):
            for k, way in enumerate(WAYS):
                y = m * (len(WAYS) + 1) + k
                ticks.append((y, f"{method}: {way}"))
                for rule, mark in RULES.items():
                    row = next((r for r in rows if (r["method"], r["setup"], r["wear"]) == (method, way, rule)), None)
                    if row is None or row["first_median_mean"] is None:
                        continue
                    x, y_at, ends = _span([row], "first", np.array([y + 0.22 * (list(RULES).index(rule) - 1)]))
                    label = rule if (m, k) == (0, 0) else None
                    axis.errorbar(
                        x, y_at, xerr=ends, fmt=mark, color=PALETTE[list(RULES).index(rule)], markersize=6, label=label
                    )
        axis.set_xscale("log")
        axis.set_yticks([y for y, _ in ticks], [text for _, text in ticks])
        axis.invert_yaxis()
        axis.set_xlabel("tasks to the first failed cell (5 %, half, 95 % of chips)")
        axis.set_title("The same writes under three wear rules; default cell, digits, 3 seeds")
        axis.grid(axis="y", visible=False)
        figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3)
        return figure


def _bands(axis: "Axes", methods: Sequence[str], at: Mapping[str, Mapping[str, Any]], k: int, way: str) -> None:
    known = [name for name in methods if name in at and at[name]["first_median_mean"] is not None]
    if not known:
        return
    rows = [at[name] for name in known]
    y = np.array([methods.index(name) for name in known]) + 0.2 * (k - 1.5)
    life, y, ends = _span(rows, "first", y)
    axis.errorbar(life, y, xerr=ends, fmt="o", color=COLOURS[way], markersize=4.5, label=way)
    axis.plot([row["guaranteed_tasks_mean"] for row in rows], y, "x", color=COLOURS[way], markersize=5)


def _span(rows: Rows, name: str, y: Any) -> tuple[Any, Any, Any]:
    """Median, y and the distances to the early and late ends, means over seeds."""
    early, median, late = (np.array([row[f"{name}_{end}_mean"] for row in rows]) for end in ("early", "median", "late"))
    return median, y, np.stack([median - early, late - median])


def _ordered(rows: Rows) -> list[str]:
    """Learners by their life when written at each step, shortest first."""
    life = {row["method"]: row["first_median_mean"] or np.inf for row in rows if row["setup"] == STEP}
    return sorted(life, key=lambda name: life[name])


def _grid(rows: Rows, subject: str) -> Any:
    found = {(row["shape"], row["scale_cycles"]): row["tasks"] for row in rows if row["subject"] == subject}
    return np.array([[found[shape, scale] for scale in SCALES] for shape in SHAPES])


def _at_preset(tasks: Any) -> float:
    """Tasks at the grid point next to the default cell."""
    row, column = (
        int(np.argmin(np.abs(np.log(np.array(axis) / at))))
        for axis, at in zip((SHAPES, SCALES), PRESET[::-1], strict=True)
    )
    return float(tasks[row, column])


def _with_price(rows: Rows, lever: str) -> str:
    """The lever's name, with the area that its spares take, or the accuracy of er where it is one of learning."""
    mine = {row["lever"]: row for row in rows if (row["method"], row["setup"]) == ("er", STEP)}
    if lever not in mine:
        return lever
    area, accuracy = mine[lever]["area_m2_mean"], mine[lever]["class_il_mean"]
    costs = [f"+{area * 1e12:,.0f} µm²"] if area else []
    if accuracy is not None and (lever == NONE or lever in _LEARNERS):
        costs.append(f"er {100 * accuracy:.1f} %")
    return f"{lever} ({', '.join(costs)})" if costs else lever


_LEARNERS = {lever.label for lever in LEVERS if lever.learner}
