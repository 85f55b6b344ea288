"""``imcsim new``: a commented skeleton to fill in, which runs as it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from imcsim.cli.skeletons import COPIED, COPIED_HEADER, KINDS, WRITTEN

_PACKAGE = Path(__file__).resolve().parents[1]
_SCANNED = {"method": _PACKAGE / "learn" / "methods", "rule": _PACKAGE / "mapping" / "rules"}
_TRY = {
    "device": "imcsim show device {0}; then --set rram.cell={0} on any verb that takes a chip",
    "component": "imcsim show component {0}; then --set rram.adc={0} on any verb that takes a chip",
    "chip": "imcsim show chip {0}; then --chip {0}",
    "study": "imcsim run {0}",
    "method": "imcsim learn --method {0} --out run.safetensors",
    "network": "imcsim learn --network {0} --out run.safetensors",
    "dataset": "imcsim learn --dataset {0} --out run.safetensors",
    "memory": 'imcsim show memory {0}; then [memory.NAME] with sort = "{0}" in the file of a chip',
    "part": 'imcsim show part {0}; then [part.NAME] with sort = "{0}" in the file of a chip',
    "converter": "imcsim show converter {0}; then an entry point of a package, as its head says",
    "rule": "imcsim map mlp --chip hybrid-28nm --rule {0}",
}


def new_command(
    kind: Annotated[str, typer.Argument(help=", ".join(KINDS) + ".")],
    name: Annotated[str, typer.Argument(help="Name of the new entry: letters, digits, - and _.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write; else this folder, or its place in the content around it."),
    ] = None,
) -> None:
    """Write a commented skeleton of a new entry that runs as it is; no file is overwritten.

    Example: imcsim new device rram-mine
    """
    from imcsim.core.errors import ContentError
    from imcsim.core.files import write_atomic

    check(kind, name)
    path = place(kind, name) if out is None else out
    if path.exists():
        raise ContentError(f"{path} exists already; choose another name, or --out FILE")
    pick = picked(kind, name, path)
    write_atomic(path, skeleton(kind, name, pick))
    typer.echo(f"{path} written; try it: {_TRY[kind].format(pick)}")


def check(kind: str, name: str) -> None:
    """Raise ContentError for an unknown kind, or a name that cannot be a file's."""
    from imcsim.core.errors import ContentError, nearest

    if kind not in KINDS:
        raise ContentError(f"no skeleton for kind '{kind}'{nearest(kind, KINDS)}")
    if not name.replace("-", "").replace("_", "").isalnum():
        raise ContentError(f"a name has letters, digits, - and _ only, got '{name}'")
    if kind not in COPIED and not _identifier(name).isidentifier():
        raise ContentError(f"the name of a new {kind} must begin with a letter, got '{name}'")


def skeleton(kind: str, name: str, pick: str | None = None) -> str:
    """Return the text of a new entry; ``pick`` is how the command line picks it (None: by its name).

    Raises
    ------
    ContentError
        As :func:`check`.
    """
    check(kind, name)
    template = WRITTEN[kind] if kind in WRITTEN else _copied(kind)
    words = {"@NAME@": name, "@CLASS@": _camel(name), "@FUNCTION@": _identifier(name), "@PICK@": pick or name}
    for word, text in words.items():
        template = template.replace(word, text)
    return template


def _copied(kind: str) -> str:
    from imcsim.core.content import path_of

    original = path_of(kind, COPIED[kind]).read_text(encoding="utf-8")
    body = original.split("\n", 1)[1] if original.startswith("#") else original
    header = COPIED_HEADER.replace("@FROM@", COPIED[kind]).replace("@KIND@", kind)
    return header + body.replace(f'name = "{COPIED[kind]}"', 'name = "@NAME@"', 1)


def place(kind: str, name: str) -> Path:
    """Return where the new entry goes: into the folder where the user stands, or its own place in the content there.

    That content is the root that was named, or the one that the folder lies in. Methods and rules go into this package
    if the user stands in its checkout.
    """
    from imcsim.core.content import KINDS as CONTENT
    from imcsim.core.content import content_folder, named_root, root_around

    here = Path.cwd()
    around = root_around(here)
    root = named_root() or around
    if kind in CONTENT:
        folder = here if root is None else content_folder(kind, root)
    else:
        folder = _SCANNED[kind] if kind in _SCANNED and around == _PACKAGE.parent else here
    return folder / _file(kind, name)


def picked(kind: str, name: str, path: Path) -> str:
    """Return how a command line picks the entry in ``path``: its name where imcsim looks, else the file."""
    from imcsim.core.content import KINDS as CONTENT
    from imcsim.core.content import content_folder

    looked = content_folder(kind) if kind in CONTENT else _SCANNED.get(kind)
    if looked is not None and path.absolute() == looked / _file(kind, name):
        return name
    relative = Path(os.path.relpath(path)).as_posix()
    return relative if relative.startswith("../") else f"./{relative}"


def _file(kind: str, name: str) -> str:
    if kind == "study":
        return f"{name}/study.toml"
    return f"{name}.toml" if kind in COPIED else f"{_identifier(name)}.py"


def _identifier(name: str) -> str:
    return name.replace("-", "_").lower()


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in _identifier(name).split("_"))
