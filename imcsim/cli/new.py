"""``imcsim new``: a commented skeleton to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imcsim.cli.skeletons import COPIED, COPIED_HEADER, KINDS, WRITTEN


def new_command(
    kind: Annotated[str, typer.Argument(help=", ".join(KINDS) + ".")],
    name: Annotated[str, typer.Argument(help="Name of the new entry: letters, digits, - and _.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write; else where imcsim looks.")] = None,
) -> None:
    """Write a commented skeleton of a new device, chip, study, method, rule or network; no file is overwritten.

    Example: imcsim new device rram-mine
    """
    from imcsim.core.errors import ContentError
    from imcsim.core.files import write_atomic

    content = skeleton(kind, name)
    path = place(kind, name) if out is None else out
    if path.exists():
        raise ContentError(f"{path} exists already; choose another name, or --out FILE")
    write_atomic(path, content)
    typer.echo(f"{path} written")


def skeleton(kind: str, name: str) -> str:
    """Return the text of a new entry.

    Raises
    ------
    ContentError
        For an unknown kind or a name that cannot be a file's.
    """
    from imcsim.core.errors import ContentError, nearest

    if kind not in KINDS:
        raise ContentError(f"no skeleton for kind '{kind}'{nearest(kind, KINDS)}")
    if not name.replace("-", "").replace("_", "").isalnum():
        raise ContentError(f"a name has letters, digits, - and _ only, got '{name}'")
    template = WRITTEN[kind] if kind in WRITTEN else _copied(kind)
    return template.replace("@NAME@", name).replace("@CLASS@", _camel(name)).replace("@FUNCTION@", _identifier(name))


def _copied(kind: str) -> str:
    from imcsim.core.content import path_of

    original = path_of(kind, COPIED[kind]).read_text(encoding="utf-8")
    body = original.split("\n", 1)[1] if original.startswith("#") else original
    header = COPIED_HEADER.replace("@FROM@", COPIED[kind]).replace("@KIND@", kind)
    return header + body.replace(f'name = "{COPIED[kind]}"', 'name = "@NAME@"', 1)


def place(kind: str, name: str) -> Path:
    """Return where imcsim looks for the new entry: the content root, or the package for methods and rules."""
    from imcsim.core.content import content_root

    package = Path(__file__).resolve().parents[1]
    return {
        "device": content_root() / "models" / "devices" / f"{name}.toml",
        "chip": content_root() / "models" / "chips" / f"{name}.toml",
        "study": content_root() / "studies" / name / "study.toml",
        "network": content_root() / "models" / "networks" / f"{_identifier(name)}.py",
        "method": package / "learn" / "methods" / f"{_identifier(name)}.py",
        "rule": package / "mapping" / "rules" / f"{_identifier(name)}.py",
    }[kind]


def _identifier(name: str) -> str:
    return name.replace("-", "_").lower()


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in _identifier(name).split("_"))
