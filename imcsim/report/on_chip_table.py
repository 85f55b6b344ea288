"""Accuracy on the chip that was priced: ideal codes beside what programmed and aged arrays compute."""

from collections.abc import Sequence

from imcsim.report.accuracy_energy import SCENARIOS
from imcsim.report.numbers import plus_minus
from imcsim.report.tables import TextTable
from imcsim.study.summary import Group

NOTES = (
    "Mean over all tasks after the last one, ± sample standard deviation over seeds (each with its own programming).",
    "Ideal: exact codes. Then: read from the arrays so long after the last commit; inputs and converters of the chip.",
)


def on_chip_ages(groups: Sequence[Group]) -> tuple[str, ...]:
    """Return the ages that were measured, as :func:`imcsim.study.on_chip.age_name` has them; none without any."""
    prefix, suffix = "on_chip_task_il_", "_final"
    found = (name for group in groups for name in group.stats if name.startswith(prefix) and name.endswith(suffix))
    return tuple(dict.fromkeys(name.removeprefix(prefix).removesuffix(suffix) for name in found))


def on_chip_column(scenario: str, age: str | None) -> str:
    """Return the column of a report's row: ``age`` None is the ideal accuracy."""
    return scenario if age is None else f"on_chip_{scenario}_{age}_final"


def on_chip_table(groups: Sequence[Group]) -> TextTable:
    """Return one row per method and chip: Class-IL and Task-IL in %, ideal and at each age."""
    ages = (None, *on_chip_ages(groups))
    rows = tuple(
        (group.method, group.chip, *(_percent(group, scenario, age) for scenario in SCENARIOS for age in ages))
        for group in groups
    )
    columns = [(name, "%, ideal" if age is None else f"%, {age}") for name in SCENARIOS.values() for age in ages]
    return TextTable("Accuracy on the arrays", (("Method", ""), ("Chip", ""), *columns), rows, NOTES)


def _percent(group: Group, scenario: str, age: str | None) -> str:
    stat = group.stats.get(on_chip_column(scenario, age))
    if stat is None or stat.mean is None:
        return "-"
    return plus_minus(100 * stat.mean, 100 * stat.sd, stat.n, decimals=1)
