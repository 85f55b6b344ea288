"""``imcsim``: the verbs and the options before them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imcsim.cli.content import explain_command, list_command, show_command
from imcsim.cli.crash import crash_command
from imcsim.cli.learn import learn_command
from imcsim.cli.life import life_command
from imcsim.cli.map import map_command
from imcsim.cli.new import new_command
from imcsim.cli.price import price_command
from imcsim.cli.results import results_command
from imcsim.cli.run import run_command
from imcsim.cli.timeline import timeline_command
from imcsim.cli.validate import validate_command

# No rich in help texts: `imcsim --help` must answer at once.
app = typer.Typer(
    name="imcsim", rich_markup_mode=None, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)
for _name, _command in (
    ("run", run_command),
    ("results", results_command),
    ("learn", learn_command),
    ("price", price_command),
    ("timeline", timeline_command),
    ("life", life_command),
    ("crash", crash_command),
    ("map", map_command),
    ("validate", validate_command),
    ("list", list_command),
    ("show", show_command),
    ("explain", explain_command),
    ("new", new_command),
):
    app.command(_name)(_command)


def _version(wanted: bool) -> None:
    if wanted:
        import imcsim

        typer.echo(f"imcsim {imcsim.__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    content: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder that holds models/ and studies/; else IMCSIM_CONTENT.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_version)
    ] = False,
) -> None:
    """Cost and benefit of continual learning on RRAM and SRAM in-memory arrays.

    Example: imcsim run hybrid_vs_all
    """
    if content is not None:
        from imcsim.core.content import use_content

        context.with_resource(use_content(content))
