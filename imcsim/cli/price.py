"""``imcsim price``: what a stored trace costs on a chip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imcsim.cli.options import ChipOption, JsonOption, RuleOption, SetOption, echo_json, overrides


def price_command(
    trace: Annotated[Path, typer.Argument(help="A trace file.")],
    chip: ChipOption,
    set_: SetOption = None,
    rule: RuleOption = "im2col",
    json_: JsonOption = False,
) -> None:
    """Price TRACE on a chip: energy, time, area, writes, lifetime, and what they are spread over.

    Example: imcsim price trace.safetensors --chip hybrid-28nm --set rram.write_policy=task
    """
    from imcsim.chip.config import load_chip
    from imcsim.chip.price import price
    from imcsim.chip.text import text
    from imcsim.report.record import record
    from imcsim.trace.store import load

    report = price(load(trace), load_chip(chip, overrides(set_)), rule=rule)
    if json_:
        echo_json(record(report))
    else:
        typer.echo(text(report), nl=False)
