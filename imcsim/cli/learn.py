"""``imcsim learn``: train one learner and keep its trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from imcsim.cli.options import JsonOption, SetOption, echo_json, overrides
from imcsim.core.json_text import Json


def learn_command(  # noqa: PLR0913 - each option of the command line is a parameter
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the trace goes.")],
    dataset: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Data set of the stream; left out: digits.")
    ] = None,
    domains: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="Data sets of a multi-domain stream, one task each.")
    ] = None,
    method: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Method; `imcsim list method` shows them.")
    ] = "finetune",
    network: Annotated[
        str, typer.Option(metavar="NAME|FILE", help="Network; `imcsim list network` shows them.")
    ] = "convnet",
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn.")] = 0,
    set_: SetOption = None,
    restart: Annotated[bool, typer.Option("--restart", help="Start anew where an earlier run was stopped.")] = False,
    json_: JsonOption = False,
) -> None:
    """Train one learner on one stream and save the trace; a stopped run goes on from its checkpoint.

    Example: imcsim learn --dataset digits --method er --out trace.safetensors --set method_config.buffer_size=500
    """
    from imcsim.core.config import parse
    from imcsim.core.files import remove
    from imcsim.learn.api import learn
    from imcsim.learn.config import LearnConfig
    from imcsim.trace.stream_name import stream_title

    fields: dict[str, object] = {"method": method, "network": network, "seed": seed}
    fields |= {} if dataset is None else {"dataset": dataset}
    fields |= {} if domains is None else {"domains": domains.split(",")}
    config = parse(LearnConfig, nested(fields, overrides(set_)), "imcsim learn")
    checkpoint = out.with_name(f"{out.name}.checkpoint")
    if restart:
        remove(checkpoint)
    with progress_bar() as advance:
        trace = learn(config, progress=advance, checkpoint=checkpoint, trace_file=out)
    remove(checkpoint)
    rows = {"class-il": trace.class_il[-1], "task-il": trace.task_il[-1]}
    accuracy = {
        f"{name.replace('-', '_')}_final": float(row.mean()) if name in trace.meta.scenarios else None
        for name, row in rows.items()
    }
    if json_:
        echo_json({"trace": str(out), "config_hash": trace.meta.config_hash, **accuracy})
        return
    class_il, task_il = ("-" if value is None else f"{100 * value:.1f} %" for value in accuracy.values())
    what = f"{trace.meta.method} on {stream_title(trace.meta.dataset)}"
    typer.echo(f"{out}: {what}, final accuracy Class-IL {class_il}, Task-IL {task_il}")


def nested(fields: Json, given: Mapping[str, object]) -> Json:
    """Return ``fields`` with dotted paths of ``given`` set in nested tables; ConfigError through a value."""
    from imcsim.core.errors import ConfigError

    for path, value in given.items():
        *tables, key = path.split(".")
        node = fields
        for table in tables:
            node = node.setdefault(table, {})
            if not isinstance(node, dict):
                raise ConfigError(f"--set {path}: '{table}' is a value, not a table")
        node[key] = value
    return fields


@contextmanager
def progress_bar() -> Iterator[Callable[[int, int, str], None]]:
    """Yield what the learner tells its progress to: a bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("training", total=None)
        yield lambda done, total, text: progress.update(task, completed=done, total=total, description=text)
