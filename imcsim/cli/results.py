"""``imcsim results``: the table of a study that was run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imcsim.cli.options import JsonOption, SetOption, echo_json, overrides
from imcsim.core.json_text import Json

if TYPE_CHECKING:
    from imcsim.report.tables import TextTable


def results_command(
    study: Annotated[str, typer.Argument(help="Name of a study, or its TOML file.")],
    set_: SetOption = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where results lie: DIR/STUDY/DATASET.")] = Path("results"),
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    json_: JsonOption = False,
) -> None:
    """Print the stored results of STUDY; nothing is trained or priced.

    Example: imcsim results hybrid_vs_all --set stream.dataset=fashion-mnist
    """
    from imcsim.report.study_report import study_table
    from imcsim.report.tables import to_markdown
    from imcsim.study.run import study_folder
    from imcsim.study.spec import load_study
    from imcsim.study.store import ResultStore
    from imcsim.study.summary import flat, summarise

    spec = load_study(study, overrides(set_)).spec
    groups = summarise(in_order(ResultStore(study_folder(spec, out)).read_rows(), [m.label for m in spec.methods]))
    if json_:
        echo_json([flat(group) for group in groups])
    elif markdown:
        typer.echo(to_markdown(study_table(spec, groups)), nl=False)
    else:
        print_table(study_table(spec, groups))


def in_order(rows: list[Json], labels: list[str]) -> list[Json]:
    """Return ``rows`` in the study's order of methods; methods that it no longer names come last."""
    rank = {label: index for index, label in enumerate(labels)}
    return sorted(rows, key=lambda row: rank.get(row["method"], len(rank)))


def print_table(table: TextTable) -> None:
    """Print the table and its notes, at most 100 columns wide where the output is no terminal."""
    from rich.console import Console

    from imcsim.report.tables import WIDTH, to_rich

    console = Console()
    console = console if console.is_terminal and console.width >= WIDTH else Console(width=WIDTH)
    console.print(to_rich(table))
    for note in table.notes:
        console.print(note, highlight=False, markup=False)
