"""Options that several verbs share, and printing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

import typer

SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="PATH=VALUE", help="Override one value; may be repeated.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
PhaseOption = Annotated[
    int | None, typer.Option(help="Placement phase of the task, from 0, where PEs change places in it; else its last.")
]
RuleOption = Annotated[str, typer.Option(help="Mapping rule; `imcsim list rule` shows them.")]
ChipOption = Annotated[str, typer.Option("--chip", metavar="NAME|FILE", help="Name of a chip, or its TOML file.")]


def echo_json(data: object) -> None:
    """Print strict JSON: no nan, no inf."""
    typer.echo(json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False))


def overrides(texts: list[str] | None) -> Mapping[str, object]:
    """Return ``{path: value}`` for the texts of ``--set``."""
    from imcsim.core.toml import parse_overrides

    return parse_overrides(texts or [])
