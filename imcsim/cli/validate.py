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
    assume_activity: Annotated[
        float | None,
        typer.Option(
            "--assume-activity",
            metavar="SHARE",
            help="Also predict digital arrays that state no activity: this share of gates switches (0 to 1).",
        ),
    ] = None,
    training: Annotated[
        bool,
        typer.Option(
            "--training",
            help="Chips that learned on their arrays: energy, read directions, update counts and lives, none fitted.",
        ),
    ] = False,
) -> None:
    """Predict energy per MAC, clock and area of published chips from their public description, beside reported ones.

    Example: imcsim validate
    """
    if training:
        return _training(csv, json_=json_, assume_activity=assume_activity)
    from imcsim.published import load_units, read_points, shipped_points, validate
    from imcsim.published.text import text

    references = shipped_points()
    points = references if csv is None else read_points(csv)
    found = validate(points, references, load_units().config, assumed_activity=assume_activity)
    if json_:
        echo_json([comparison.record() for comparison in found.comparisons])
    else:
        typer.echo(text(found, "models/published/chips.csv" if csv is None else csv.name), nl=False)


def _training(csv: Path | None, *, json_: bool, assume_activity: float | None) -> None:
    from imcsim.core.errors import ConfigError
    from imcsim.published.training import read_training_chips, shipped_training_chips, validate_training
    from imcsim.published.training_text import text

    if assume_activity is not None:
        raise ConfigError(
            "--assume-activity is of arrays that infer; with --training the file states the range of activity"
        )
    found = validate_training(shipped_training_chips() if csv is None else read_training_chips(csv))
    if json_:
        echo_json([record for chip in found for record in chip.records()])
    else:
        typer.echo(text(found, "models/published/training_chips.csv" if csv is None else csv.name), nl=False)
