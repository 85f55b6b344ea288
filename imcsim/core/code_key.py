"""A name for the code that a result depends on: one digest over the files that a module runs."""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from imcsim.core.content import content_root
from imcsim.core.import_graph import SourceTree


def code_key(tree: SourceTree, files: Iterable[Path]) -> str:
    """Return a digest over names and code of ``files``; comments, docstrings and layout do not count."""
    digest = hashlib.sha256()
    for name, path in sorted((tree.label(path), path) for path in files):
        digest.update(f"{name}\0{tree.source(path).digest}\0".encode())
    return digest.hexdigest()[:16]


def running_tree() -> SourceTree:
    """Return the code of this process: the package, and the networks and studies of the content in use."""
    return _tree(content_root())


@cache
def _tree(content: Path) -> SourceTree:
    of_content = {name: content / name for name in ("models", "studies")}
    return SourceTree({"imcsim": Path(__file__).resolve().parents[1], **of_content})
