"""``imcsim validate``: published chips, predicted and reported."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imcsim.cli.options import JsonOption, echo_json


def validate_command(
    csv: Annotated[
        Path | None,
        typer.Argument(metavar="[CSV]", help="Operating points of chips; else those that come with imcsim."),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Predict the energy per MAC of published chips from their public description, beside what was reported.

    Example: imcsim validate
    """
    from imcsim.chip.published import load_units, read_points, shipped_points, validate
    from imcsim.chip.published.text import text

    references = shipped_points()
    points = references if csv is None else read_points(csv)
    found = validate(points, references, load_units().config)
    if json_:
        echo_json([comparison.record() for comparison in found.comparisons])
    else:
        typer.echo(text(found, "models/published/chips.csv" if csv is None else csv.name), nl=False)
