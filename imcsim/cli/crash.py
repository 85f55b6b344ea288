"""``imcsim crash``: power goes in the middle of a commit of a stored trace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imcsim.cli.options import ChipOption, JsonOption, PhaseOption, RuleOption, SetOption, echo_json, overrides


def crash_command(  # noqa: PLR0913 - each option of the command line is a parameter
    trace: Annotated[Path, typer.Argument(help="A trace file.")],
    chip: ChipOption,
    set_: SetOption = None,
    rule: RuleOption = "im2col",
    task: Annotated[int, typer.Option(help="Task whose commit is cut, from 0; -1 is the last.")] = -1,
    phase: PhaseOption = None,
    scheme: Annotated[str | None, typer.Option(help="in-place or two-copy; else both.")] = None,
    record_slots: Annotated[int, typer.Option(help="Slots of the ring of records of two-copy.")] = 4,
    at: Annotated[float, typer.Option(metavar="SHARE", help="One cut told in full, 0 to 1 of the commit.")] = 0.5,
    cuts: Annotated[int, typer.Option(help="Cuts spread evenly over the commit.")] = 101,
    cuts_per_year: Annotated[float | None, typer.Option(help="Power cuts a year, for chances per year.")] = None,
    seed: Annotated[int | None, typer.Option(help="Draw the pulses of row writes; else their mean.")] = None,
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw the cut, PNG or PDF.")] = None,
    json_: JsonOption = False,
) -> None:
    """Cut the power in the middle of a commit to RRAM: what is lost with one copy and with two, and what two cost.

    Example: imcsim crash trace.safetensors --chip hybrid-28nm --cuts-per-year 12 --png crash.png
    """
    from imcsim.chip.config import load_chip
    from imcsim.chip.price import price
    from imcsim.core.config import parse
    from imcsim.core.seeds import numpy_generator
    from imcsim.events import work_of
    from imcsim.events.consolidate import SCHEMES, CommitScheme, crash
    from imcsim.report.crash import crash_record, crash_text
    from imcsim.trace.store import load

    names = SCHEMES if scheme is None else (scheme,)
    schemes = [parse(CommitScheme, {"name": name, "record_slots": record_slots}, "the options") for name in names]
    stored, resolved = load(trace), load_chip(chip, overrides(set_))
    work = work_of(stored, resolved.config, task, phase=phase, rule=rule)
    found = [
        crash(work, one, cuts=cuts, at_share=at, cuts_per_year=cuts_per_year,
              generator=None if seed is None else numpy_generator(seed, "consolidation", work.task))
        for one in schemes
    ]  # fmt: skip
    priced = price(stored, resolved, rule=rule)
    if png is not None:
        from imcsim.report.crash_picture import draw_crash
        from imcsim.report.style import save_as

        save_as(draw_crash(found), png)
    if json_:
        echo_json(crash_record(found, priced))
    else:
        typer.echo(crash_text(found, priced), nl=False)
