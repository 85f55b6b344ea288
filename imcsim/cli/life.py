"""``imcsim life``: how long a chip lives that keeps learning as in a stored trace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imcsim.cli.options import ChipOption, JsonOption, SetOption, echo_json, overrides

_POLICY = (
    "rotate[=TASKS], spare-columns=N, spare-rows=N, coalesce=step|epoch|task, selective-verify[=SHARE]; repeatable."
)


def life_command(
    trace: Annotated[Path, typer.Argument(help="A trace file.")],
    chip: ChipOption,
    set_: SetOption = None,
    tasks_per_day: Annotated[float | None, typer.Option(help="Rate of tasks; else the chip's horizon.")] = None,
    policy: Annotated[list[str] | None, typer.Option(metavar="NAME[=VALUE]", help=_POLICY)] = None,
    wear: Annotated[str, typer.Option(help="What an event wears: events, pulses or window.")] = "events",
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw PEs by remaining life, PNG or PDF.")] = None,
    json_: JsonOption = False,
) -> None:
    """Repeat the tasks of TRACE on a chip until its RRAM cells fail: when, where first, and at what energy per task.

    Example: imcsim life trace.safetensors --chip hybrid-28nm --policy spare-columns=2 --png life.png
    """
    from imcsim.chip.config import load_chip
    from imcsim.chip.life import outlook, parse_policies
    from imcsim.report.life import life_record, life_text
    from imcsim.trace.store import load

    options = parse_policies(policy or [], wear)
    changed = {**overrides(set_), **options.overrides}
    if tasks_per_day is not None:
        changed["horizon.tasks_per_day"] = tasks_per_day
    found = outlook(load(trace), load_chip(chip, changed), options)
    if png is not None:
        from imcsim.report.life_picture import draw_life
        from imcsim.report.style import save_as

        save_as(draw_life(found), png)
    if json_:
        echo_json(life_record(found))
    else:
        typer.echo(life_text(found), nl=False)
