"""Which files a training run executes: those behind a module, the run's own method and network, and no other.

Methods and networks are imported by scanning their folders, so that each run loads all; only what it names counts.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from imcsim.core.import_graph import SourceTree

_METHODS, _NETWORKS = "imcsim.learn.methods", "models.networks"
_OF_THE_RUN = "method"  # the field that picks the run's method, whose default is another one's affair


def run_files(
    tree: SourceTree, root: str, network: str, method: str | None = None, config: Mapping[str, object] | None = None
) -> list[Path]:
    """Return every file that module ``root`` runs for one network and one method.

    Parameters
    ----------
    network, method
        Registered names; None: no method runs. All files of the folder count for a name that none of them registers
        in plain words.
    config
        The method's configuration: a method that it names, as ``base``, runs too.
    """
    methods = [] if method is None else _methods(tree, method, dict(config or {}))
    networks = _registered(tree, _NETWORKS, "network", network)
    return tree.closure([root, *networks, *methods], {_METHODS: methods, _NETWORKS: networks})


def _methods(tree: SourceTree, method: str, config: dict[str, object]) -> list[Path]:
    """Return the files of a method, of those that its configuration names, and of those that it has by default."""
    known = {name for path in tree.members(_METHODS) for kind, name in tree.source(path).registered if kind == "method"}
    left, names, files = [method, *(text for text in _texts(config) if text in known)], set[str](), set[Path]()
    while left:
        name = left.pop()
        if name in names:
            continue
        names.add(name)
        mine = _registered(tree, _METHODS, "method", name)
        files.update(mine)
        for path in tree.closure(mine, {_METHODS: ()}):
            defaults = tree.source(path).default_texts.items() if path.suffix == ".py" else ()
            left += [text for field, text in defaults if text in known and field not in {*config, _OF_THE_RUN}]
    return sorted(files)


def _registered(tree: SourceTree, package: str, decorator: str, name: str) -> list[Path]:
    members = tree.members(package)
    return [path for path in members if (decorator, name) in tree.source(path).registered] or members


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _each(value.values())
    elif isinstance(value, list | tuple):
        yield from _each(value)


def _each(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        yield from _texts(value)
