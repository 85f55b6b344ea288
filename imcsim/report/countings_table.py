"""Writes in the four ways in which papers count them, and training over inference, for each method and chip."""

from collections.abc import Sequence

from imcsim.report.numbers import short
from imcsim.report.tables import TextTable, method_name
from imcsim.study.summary import Group

COUNTINGS = {
    "Events": "rram_writes",
    "Pulses": "rram_pulses",
    "Worst cell": "rram_worst_writes",
    "Update steps": "rram_update_steps",
}
RATIO = "training_over_inference"


def countings_table(groups: Sequence[Group]) -> TextTable:
    """Return one row per method and chip, means over seeds; "-" for what results of an older version do not hold."""
    rows = tuple(
        (method_name(group), group.chip, *(_shown(group, column) for column in (*COUNTINGS.values(), RATIO)))
        for group in groups
    )
    notes = (
        "Events: level changes. Worst cell: its events. Update steps: times that learning writes the memory.",
        "Train / infer: training energy of one sample, replayed ones counted, over the energy of one inference.",
    )
    columns = (("Method", ""), ("Chip", ""), *((name, "") for name in COUNTINGS), ("Train / infer", ""))
    return TextTable(
        "RRAM writes counted four ways, and training over inference, mean over seeds", columns, rows, notes
    )


def _shown(group: Group, column: str) -> str:
    mean = group.mean(column)
    return "-" if mean is None else short(mean)
