"""``imcsim life``: how long a chip lives that keeps learning as in a stored trace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imcsim.cli.accuracy_life import AccuracyAsked
from imcsim.cli.options import ChipOption, JsonOption, SetOption, echo_json, overrides

_POLICY = (
    "rotate[=TASKS], spare-columns=N, spare-rows=N, coalesce=step|epoch|task, selective-verify[=SHARE]; repeatable."
)
_LIMIT = "Years until accuracy falls to this share of the fresh chip's, as 0.9; repeatable."
_AGAIN = "Also learn the stream again on each aged chip; takes as long as learning it 6 times a chip."


def life_command(  # noqa: PLR0913 - one for each option
    trace: Annotated[Path, typer.Argument(help="A trace file.")],
    chip: ChipOption,
    set_: SetOption = None,
    tasks_per_day: Annotated[float | None, typer.Option(help="Rate of tasks; else the chip's horizon.")] = None,
    policy: Annotated[list[str] | None, typer.Option(metavar="NAME[=VALUE]", help=_POLICY)] = None,
    wear: Annotated[str, typer.Option(help="What an event wears: events, pulses or window.")] = "events",
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw PEs by remaining life, PNG or PDF.")] = None,
    accuracy_limit: Annotated[list[float] | None, typer.Option(metavar="SHARE", help=_LIMIT)] = None,
    chips_drawn: Annotated[int | None, typer.Option(min=1, help="Chips drawn for accuracy; left out: 8.")] = None,
    learn_again: Annotated[bool, typer.Option("--learn-again", help=_AGAIN)] = False,
    accuracy_png: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw accuracy against years.")] = None,
    json_: JsonOption = False,
) -> None:
    """Repeat the tasks of TRACE on a chip until its RRAM cells fail: when, where first, and at what energy per task.

    Example: imcsim life trace.safetensors --chip hybrid-28nm --policy spare-columns=2 --png life.png
    """
    from imcsim.chip.config import load_chip
    from imcsim.chip.life import outlook, parse_policies
    from imcsim.report.life import life_record, life_text
    from imcsim.trace.store import load

    accuracy = AccuracyAsked(tuple(accuracy_limit or ()), chips_drawn, learn_again, accuracy_png)
    accuracy.check()
    options = parse_policies(policy or [], wear)
    changed = {**overrides(set_), **options.overrides}
    if tasks_per_day is not None:
        changed["horizon.tasks_per_day"] = tasks_per_day
    learned, priced_on = load(trace), load_chip(chip, changed)
    found = outlook(learned, priced_on, options)
    curves = accuracy.curves(learned, priced_on.config, found)
    if png is not None:
        from imcsim.report.life_picture import draw_life
        from imcsim.report.style import save_as

        save_as(draw_life(found), png)
    accuracy.draw(found, curves)
    if json_:
        echo_json(accuracy.add_to(life_record(found), found, curves))
    else:
        typer.echo(life_text(found) + accuracy.text(found, curves), nl=False)
