"""How far each ratio of training energies moves when the chips' values move over what is published."""

from collections.abc import Sequence

from imcsim.report.tables import TextTable
from imcsim.study.sensitivity import Spread


def sensitivity_table(spreads: Sequence[Spread], reference: str) -> TextTable:
    """Return one row per method and chip: energy relative to ``reference`` as stated, and its extremes by variant."""
    rows = tuple(
        (
            spread.method,
            spread.chip,
            f"{spread.stated:.2f}",
            f"{spread.lowest:.2f}",
            spread.lowest_variant,
            f"{spread.highest:.2f}",
            spread.highest_variant,
        )
        for spread in spreads
    )
    columns = ("Method", "Chip", "Stated", "Lowest", "where", "Highest", "where")
    notes = (
        f"Training energy over that of {reference}, means over seeds: above 1, {reference} takes less.",
        "Lowest and highest over the study's variants, each of which sets published or stated values on every chip.",
    )
    title = f"Sensitivity: training energy relative to {reference}"
    return TextTable(title, tuple((name, "") for name in columns), rows, notes)
