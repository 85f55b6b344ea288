"""``imcsim run``: a study from its question to tables, figures and a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from imcsim.cli.options import JsonOption, SetOption, echo_json, overrides

if TYPE_CHECKING:
    from imcsim.report.study_report import Written
    from imcsim.study.committed import Committed
    from imcsim.study.engine import Executor
    from imcsim.study.run import StudyResult
    from imcsim.study.spec import StudySpec
    from imcsim.study.watch import Watcher


def run_command(  # noqa: PLR0913 - each option of the command line is a parameter
    study: Annotated[str, typer.Argument(help="Name of a study, or its TOML file.")],
    set_: SetOption = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where results go: DIR/STUDY/DATASET.")] = Path("results"),
    jobs: Annotated[int, typer.Option(min=1, help="Training points at once, one core each.")] = 2,
    fresh: Annotated[bool, typer.Option("--fresh", help="Train again what is stored.")] = False,
    engine: Annotated[Literal["process", "dask"], typer.Option(help="Where points are trained.")] = "process",
    address: Annotated[str | None, typer.Option(help="Address of the Dask scheduler.")] = None,
    parquet: Annotated[bool, typer.Option("--parquet", help="Write rows.parquet too.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Compare with the committed results; status 1 if one drifted or is missing.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Train what is missing of STUDY, price it on every chip, write tables, figures and one HTML page.

    Run again after Ctrl-C and it goes on where it stopped. With --check neither figures nor a page are written: every
    committed figure is equal, within seed noise, or drifted.

    Example: imcsim run hybrid_vs_all --set stream.dataset=fashion-mnist
    """
    from imcsim.report.study_report import write_report
    from imcsim.study.run import RunOptions, run_study
    from imcsim.study.spec import load_study
    from imcsim.study.store import ResultStore

    loaded = load_study(study, overrides(set_))
    committed = _committed(study, loaded.spec) if check else None
    executor = _executor(engine, address)
    with _watcher() as watcher:
        result = run_study(loaded, RunOptions(out=out, jobs=jobs, executor=executor, fresh=fresh, watcher=watcher))
    if parquet:
        ResultStore(result.folder).write_parquet("rows", result.rows)
    if committed is not None:
        raise typer.Exit(_checked(result, committed, json_))
    written = write_report(result)
    if json_:
        echo_json({"folder": str(result.folder), "trained": result.trained, "rows": result.rows})
    else:
        _show(result, written)


def _committed(study: str, spec: StudySpec) -> Committed:
    from imcsim.study.committed import load_committed

    return load_committed(study, spec)


def _checked(result: StudyResult, committed: Committed, json_: bool) -> int:
    """Print the fresh results beside the committed ones; return 1 if a figure drifted or the table lacks some."""
    from imcsim.cli.results import print_table
    from imcsim.report.check_table import check_notes, check_tables, verdict_sentence
    from imcsim.study.check import as_json, compare
    from imcsim.study.committed import figures_of

    fresh = figures_of(result.rows)
    found = compare(committed.figures, fresh)
    notes = check_notes(committed, result.spec, result.stamp, fresh)
    if json_:
        told = {"folder": str(result.folder), "committed": str(committed.path), "notes": notes}
        echo_json({**told, "summary": verdict_sentence(found), "figures": as_json(found)})
    else:
        for table in check_tables(found, f"{result.spec.name}, {result.spec.stream.title}"):
            print_table(table)
        for note in [*notes, f"{verdict_sentence(found)}; committed: {committed.path}"]:
            typer.echo(note)
    return int(any(entry.verdict == "drifted" for entry in found) or bool(committed.incomplete(fresh)))


def _executor(engine: str, address: str | None) -> Executor | None:
    from imcsim.core.errors import StudyError
    from imcsim.study.cluster import DaskExecutor

    if (engine == "dask") != (address is not None):
        raise StudyError("--engine dask and --address ADDRESS go together")
    return None if address is None else DaskExecutor(address)


@contextmanager
def _watcher() -> Iterator[Watcher]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from imcsim.cli.progress import BarWatcher, PlainWatcher

    console = Console(stderr=True)
    if not console.is_terminal:
        yield PlainWatcher(console)
        return
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        yield BarWatcher(progress)


def _show(result: StudyResult, written: Written) -> None:
    from imcsim.cli.results import print_table
    from imcsim.report.study_report import distinct_warnings

    for table in written.tables:
        print_table(table)
    for warning in distinct_warnings(result.reports):
        typer.echo(f"warning: {warning}")
    typer.echo(f"{result.trained} points trained; results in {result.folder}, page {written.files[-1]}")
