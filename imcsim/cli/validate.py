"""``imcsim validate``: published macros, predicted and reported; a chip's own memories among them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imcsim.cli.options import JsonOption, echo_json


def validate_command(
    csv: Annotated[
        Path | None,
        typer.Argument(metavar="[CSV]", help="Operating points of macros; else those that come with imcsim."),
    ] = None,
    json_: JsonOption = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the page docs/validation.md.")] = False,
    chip: Annotated[
        str | None, typer.Option("--chip", metavar="CHIP", help="Show this chip's own memories as macros instead.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw the chip's memories among published macros.")
    ] = None,
    training: Annotated[
        bool,
        typer.Option(
            "--training",
            help="Chips that learned on their arrays: energy, read directions, update counts and lives, none fitted.",
        ),
    ] = False,
) -> None:
    """Predict energy per MAC, clock and area of published macros by the functions that price a chip.

    Example: imcsim validate
    """
    from imcsim.core.errors import ConfigError

    if training:
        if chip is not None or markdown or plot is not None:
            raise ConfigError("--training is of chips that learned; leave out --chip, --plot and --markdown")
        return _training(csv, json_=json_)
    from imcsim.published import load_units, read_points, shipped_points, validate

    if plot is not None and chip is None:
        raise ConfigError("--plot draws a chip's memories among published macros; name the chip with --chip")
    if chip is not None:
        if csv is not None or markdown:
            raise ConfigError("--chip shows a chip's own memories; leave out the file of macros and --markdown")
        return _chip(chip, json_, plot)
    if markdown and csv is not None:
        raise ConfigError("--markdown prints the page of the macros that come with imcsim; leave out the file")
    points = shipped_points()
    found = validate(points if csv is None else read_points(csv), points, load_units().config)
    if json_:
        echo_json([comparison.record() for comparison in found.comparisons])
    elif markdown:
        from imcsim.published.page import fixed_text, page

        typer.echo(page(found, fixed_text()), nl=False)
    else:
        from imcsim.published.text import text

        typer.echo(text(found, "models/published/chips.csv" if csv is None else csv.name), nl=False)


def _chip(name: str, json_: bool, plot: Path | None) -> None:
    from imcsim.chip.config import load_chip
    from imcsim.published import load_units, shipped_points
    from imcsim.published.chip_macros import chip_macros, chip_text

    points = shipped_points()
    macros = chip_macros(load_chip(name).config, points, load_units().config)
    if json_:
        echo_json([macro.record() for macro in macros])
    else:
        typer.echo(chip_text(name, macros), nl=False)
    if plot is not None:
        from imcsim.report.macro_picture import draw_macros
        from imcsim.report.style import save_as

        save_as(draw_macros(name, macros, points), plot)


def _training(csv: Path | None, *, json_: bool) -> None:
    from imcsim.published.training import read_training_chips, shipped_training_chips, validate_training
    from imcsim.published.training_text import text

    found = validate_training(shipped_training_chips() if csv is None else read_training_chips(csv))
    if json_:
        echo_json([record for chip in found for record in chip.records()])
    else:
        typer.echo(text(found, "models/published/training_chips.csv" if csv is None else csv.name), nl=False)
