"""``imcsim life``: how long a chip lives that keeps learning as in a stored trace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imcsim.cli.accuracy_life import AccuracyAsked
from imcsim.cli.options import ChipOption, JsonOption, RuleOption, SetOption, echo_json, overrides
from imcsim.core.errors import ConfigError

if TYPE_CHECKING:
    from imcsim.chip.config import ChipConfig
    from imcsim.chip.placed import Placed
    from imcsim.life import Outlook, WearLedger
    from imcsim.trace.trace import Trace

_POLICY = (
    "rotate[=TASKS], swap[=TASKS], spare-columns=N, spare-rows=N, coalesce=step|epoch|task, selective-verify[=SHARE], "
    "refresh=DAYS|auto[:CELSIUS], sram-cache=PES[:lru|life]; repeatable."
)
_LIMIT = "Years until accuracy falls to this share of the fresh chip's, as 0.9; repeatable."
_AGAIN = "Also learn the stream again on each aged chip; takes as long as learning it 6 times a chip."


def life_command(  # noqa: PLR0913 - each option of the command line is a parameter
    trace: Annotated[Path, typer.Argument(help="A trace file.")],
    chip: ChipOption,
    set_: SetOption = None,
    rule: RuleOption = "im2col",
    tasks_per_day: Annotated[float | None, typer.Option(help="Rate of tasks; else the chip's horizon.")] = None,
    policy: Annotated[list[str] | None, typer.Option(metavar="NAME[=VALUE]", help=_POLICY)] = None,
    wear: Annotated[str, typer.Option(help="What an event wears: events, pulses or window.")] = "events",
    ledger: Annotated[Path | None, typer.Option(metavar="FILE", help="Earlier wear, to which the trace adds.")] = None,
    ledger_out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the wear ledger, earlier wear in it.")
    ] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Print what each standard lever buys instead.")] = False,
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
    from imcsim.chip.placed import place
    from imcsim.life import chip_for, outlook_of, parse_policies
    from imcsim.report.life import life_record, life_text
    from imcsim.trace.store import load

    accuracy = AccuracyAsked(tuple(accuracy_limit or ()), chips_drawn, learn_again, accuracy_png)
    accuracy.check()
    options = parse_policies(policy or [], wear)
    changed = dict(overrides(set_))
    if tasks_per_day is not None:
        changed["horizon.tasks_per_day"] = tasks_per_day
    if compare:
        _check_alone(policy, accuracy.limits, ledger, ledger_out, png)
        _compare(load(trace), chip, changed, wear, rule, json_)
        return
    recorded, resolved = load(trace), chip_for(chip, options, changed)
    if ledger_out is not None and options.sram_cache_pes is not None:
        raise ConfigError("sram-cache repeats the stream, and a ledger holds measured tasks: leave out --ledger-out")
    placed = place(recorded, resolved.config, rule)
    worn = _worn(placed, ledger, keep=ledger_out is not None)
    found = outlook_of(placed, resolved.origins, options, worn)
    curves = accuracy.curves(recorded, resolved.config, found)
    _write(found, resolved.config, png, worn, ledger_out)
    accuracy.draw(found, curves)
    if json_:
        echo_json(accuracy.add_to(life_record(found), found, curves))
    else:
        typer.echo(life_text(found) + accuracy.text(found, curves), nl=False)


def _write(found: Outlook, chip: ChipConfig, png: Path | None, worn: WearLedger | None, ledger: Path | None) -> None:
    """Write the picture and the ledger, where files are named for them."""
    if png is not None:
        from imcsim.report.life_picture import draw_life
        from imcsim.report.style import save_as

        save_as(draw_life(found, chip), png)
    if ledger is not None and worn is not None:
        from imcsim.life import save_ledger

        save_ledger(worn, ledger)


def _worn(placed: Placed, earlier: Path | None, *, keep: bool) -> WearLedger | None:
    """Return the wear of the trace on top of an earlier ledger; None where neither is given nor to be kept."""
    if earlier is None and not keep:
        return None
    from imcsim.life import load_ledger, wear_ledger

    before = None if earlier is None else load_ledger(earlier)
    own = wear_ledger(placed)
    if before is None:
        return own
    own.add(before)
    return own


def _check_alone(policy: list[str] | None, limits: tuple[float, ...], *files: Path | None) -> None:
    if policy or limits or any(file is not None for file in files):
        raise ConfigError(
            "--compare has policies of its own and writes no file: leave out --policy, --ledger, --png and "
            "--accuracy-limit"
        )


def _compare(trace: Trace, chip: str, changed: Mapping[str, object], wear: str, rule: str, json_: bool) -> None:
    from imcsim.life import compare_levers
    from imcsim.report.life_compare import compare_records, compare_text

    rows = compare_levers(trace, chip, None, changed, wear, rule=rule)
    if json_:
        echo_json(compare_records(rows))
    else:
        meta = trace.meta
        typer.echo(compare_text(rows, f"{meta.method} on {chip}: {meta.network}, {meta.dataset}"), nl=False)
