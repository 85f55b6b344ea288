"""Which files a training run executes: those behind a module, what the run picked by name or path, and no other.

Methods and networks are imported by scanning their folders, so that each run loads all; only what it names counts. What
a run picks from another package or from a file counts with all local code behind it (:mod:`imcsim.core.local_code`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imcsim.core.code_key import code_key
from imcsim.core.import_graph import SourceTree
from imcsim.core.json_text import Json
from imcsim.core.local_code import code_behind, with_local_code
from imcsim.core.reference import texts

_METHODS, _NETWORKS = "imcsim.learn.methods", "models.networks"
_OF_THE_RUN = "method"  # the field that picks the run's method, whose default is another one's affair


@dataclass(frozen=True)
class Picks:
    """What a run picks by name or by path.

    Parameters
    ----------
    network, method
        All files of the folder count for a name that nobody registers in plain words. ``method`` None: none runs.
    config
        The method's configuration: a method that it names, as ``base``, runs too.
    datasets
        Data sets; those of imcsim count in any case.
    """

    network: str
    method: str | None = None
    config: Mapping[str, object] = field(default_factory=dict)
    datasets: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Json) -> "Picks":
        """Return the picks of a run, from the fields of its configuration."""
        data = [config.get("dataset"), (config.get("backbone") or {}).get("dataset"), *config.get("domains", ())]
        named = tuple(name for name in data if name is not None)
        return cls(config["network"], config["method"], config["method_config"], named)


def run_key(tree: SourceTree, root: str, picks: Picks, files: Iterable[Path] = ()) -> str:
    """Return the key of the code that module ``root`` runs for ``picks``, and of ``files``."""
    seen, found = _run(tree, root, picks)
    return code_key(seen, {*found, *files})


def run_files(tree: SourceTree, root: str, picks: Picks) -> list[Path]:
    """Return every file that module ``root`` runs for ``picks``, sorted."""
    return _run(tree, root, picks)[1]


def _run(tree: SourceTree, root: str, picks: Picks) -> tuple[SourceTree, list[Path]]:
    """Return the tree that knows all packages of the run, and the run's files."""
    tree.closure([root], {_METHODS: (), _NETWORKS: ()})  # read once for all runs: a tree of the user's own is read anew
    outside = [path for name in picks.datasets for path in code_behind("imcsim.dataset", name)]
    networks = _registered(tree, _NETWORKS, "network", picks.network)
    methods = [] if picks.method is None else _methods(tree, picks.method, dict(picks.config))
    tree = with_local_code(tree, [*outside, *networks, *methods])
    files = tree.closure([root, *outside, *networks, *methods], {_METHODS: methods, _NETWORKS: networks})
    return tree, files


def _methods(tree: SourceTree, method: str, config: dict[str, object]) -> list[Path]:
    """Return the files of a method, of those that its configuration names, and of those that it has by default."""
    known = {name for path in tree.members(_METHODS) for kind, name in tree.source(path).registered if kind == "method"}
    left, names, files = [method, *texts(config)], set[str](), set[Path]()
    while left:
        name = left.pop()
        is_method = name in known or name == method or bool(code_behind("imcsim.method", name))
        if name in names or not is_method:
            continue
        names.add(name)
        mine = _registered(tree, _METHODS, "method", name)
        files.update(mine)
        seen = with_local_code(tree, mine)
        for path in seen.closure(mine, {_METHODS: ()}):
            defaults = seen.source(path).default_texts.items() if path.suffix == ".py" else ()
            left += [text for field, text in defaults if field not in {*config, _OF_THE_RUN}]
    return sorted(files)


def _registered(tree: SourceTree, package: str, decorator: str, name: str) -> list[Path]:
    """Return the files that register ``name``: in ``package``, in another package, or its own file."""
    members = tree.members(package)
    found = [path for path in members if (decorator, name) in tree.source(path).registered]
    return found or code_behind(f"imcsim.{decorator}", name) or members
