"""Accuracy against a chip's years: limits as text and plain data, curves as a picture."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypedDict

from imcsim.core.units import DAYS_PER_YEAR
from imcsim.learn.wear.curve import AccuracyCurve, LimitReached, limit_reached
from imcsim.life import Outlook
from imcsim.report.style import PALETTE, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SCENARIOS = {"class-il": "Class-IL", "task-il": "Task-IL"}
_KINDS = {
    "served": "served: learned on a fresh chip",
    "learned": "learned again on the aged chip",
}


class LimitRecord(TypedDict):
    """Tasks and years until accuracy falls to a limit; None: not within the ages looked at."""

    limit: float
    tasks: dict[str, float | None]
    years: dict[str, float | None]


class AccuracyRecord(TypedDict):
    """A curve of accuracy against age, for JSON."""

    kind: str
    scenario: str
    fresh: float
    chips: int
    tasks: list[float]
    years: list[float]
    accuracy: list[list[float]]
    accuracy_band: dict[str, list[float]]
    dead_share: list[float]
    limits: list[LimitRecord]


def accuracy_record(found: Outlook, curves: Sequence[AccuracyCurve], limits: Sequence[float]) -> list[AccuracyRecord]:
    """Return each curve and when it falls to each limit, for JSON; None: not within the ages looked at."""
    days = found.tasks_per_day * DAYS_PER_YEAR
    return [
        {
            "kind": curve.kind, "scenario": curve.scenario, "fresh": curve.fresh, "chips": len(curve.accuracy),
            "tasks": curve.ages_tasks.tolist(), "years": (curve.ages_tasks / days).tolist(),
            "accuracy": curve.accuracy.tolist(),
            "accuracy_band": dict(zip(("early", "median", "late"), curve.band().tolist(), strict=True)),
            "dead_share": curve.dead_share.mean(axis=0).tolist(),
            "limits": [_limit(limit_reached(curve, limit), days) for limit in limits],
        }
        for curve in curves
    ]  # fmt: skip


def accuracy_text(found: Outlook, curves: Sequence[AccuracyCurve], limits: Sequence[float]) -> str:
    """Return years to each accuracy limit, and each curve's medians, as text of at most 100 columns."""
    lines = [""]
    for record in accuracy_record(found, curves, limits):
        fresh, chips = 100 * record["fresh"], record["chips"]
        head = f"accuracy ({_SCENARIOS[record['scenario']]}, fresh {fresh:.1f} %)"
        lines.append(f"{head}, {_KINDS[record['kind']]}, {_chips(chips)}")
        for limit in record["limits"]:
            name = f"  falls to {limit['limit']:.3g} of the fresh chip's"
            lines.append(f"{name:40}{_years(limit['years'], record['years'][-1])}")
        lines += _table(record)
    said = "note: Bands of accuracy are those of drawn chips: 5 % - 95 %, each value that of a chip."
    return "\n".join([*lines, said]) + "\n"


def draw_accuracy(found: Outlook, curves: Sequence[AccuracyCurve], limits: Sequence[float]) -> "Figure":
    """Return accuracy against years, median and band of the drawn chips, with the limits, 7 x 4.5 inches."""
    with panels(1, 1, (7.0, 4.5)) as (figure, axes):
        axis = axes[0]
        for curve, colour in zip(curves, PALETTE, strict=False):
            _draw_curve(axis, found, curve, colour)
        for limit in limits:
            axis.axhline(100 * limit * curves[0].fresh, color="0.5", linestyle=":", linewidth=1)
            axis.annotate(
                f"{limit:.3g} of fresh", (0.01, 100 * limit * curves[0].fresh), xycoords=("axes fraction", "data"),
                va="bottom", fontsize=8, color="0.35",
            )  # fmt: skip
        axis.set_xscale("log")
        axis.set_ylim(bottom=0)
        axis.set_xlabel(f"age of the chip (years at {found.tasks_per_day:g} tasks a day)")
        axis.set_ylabel(f"accuracy after the last task, {_SCENARIOS[curves[0].scenario]} (%)")
        axis.set_title(f"{found.method} on {found.chip}: {found.network}, {found.dataset}")
        axis.legend(loc="lower left")
        return figure


def _draw_curve(axis: "Axes", found: Outlook, curve: AccuracyCurve, colour: str) -> None:
    years = curve.ages_tasks / (found.tasks_per_day * DAYS_PER_YEAR)
    low, middle, high = 100 * curve.band()
    axis.fill_between(years, low, high, color=colour, alpha=0.2, linewidth=0)
    axis.plot(
        years, middle, "o-", color=colour, markersize=3, label=f"{_KINDS[curve.kind]}, {_chips(len(curve.accuracy))}"
    )


def _limit(reached: LimitReached, days: float) -> LimitRecord:
    tasks = {"early": reached.early, "median": reached.median, "late": reached.late}
    years = {name: None if value is None else value / days for name, value in tasks.items()}
    return {"limit": reached.limit, "tasks": tasks, "years": years}


def _chips(count: int) -> str:
    return "1 drawn chip" if count == 1 else f"{count} drawn chips"


def _years(years: dict[str, float | None], last: float) -> str:
    early, median, late = (f"over {last:.3g}" if value is None else f"{value:.3g}" for value in years.values())
    return f"{median} years ({early} - {late})"


def _table(record: AccuracyRecord) -> list[str]:
    lines = [f"  {'years':>12}{'accuracy':>12}{'band':>18}{'dead cells':>14}"]
    band = record["accuracy_band"]
    rows = zip(record["years"], band["early"], band["median"], band["late"], record["dead_share"], strict=True)
    for years, early, median, late, dead in rows:
        spread = f"{100 * early:.1f} - {100 * late:.1f}"
        lines.append(f"  {years:>12.3g}{100 * median:>10.1f} %{spread:>18}{100 * dead:>12.3g} %")
    return lines
