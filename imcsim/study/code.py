"""The code that a study's results depend on, as keys: a stored result is used again as long as its own code is.

A training depends on what its worker runs with the point's method and network, an accuracy on a chip on what that
worker runs. Prices are made anew each time and need no key.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from imcsim.core.code_key import code_key, running_tree
from imcsim.core.content import content_root
from imcsim.core.reference import names_file, texts
from imcsim.learn.run_code import Picks, run_key

_TRAINING, _MEASURING = "imcsim.study.worker", "imcsim.study.on_chip_worker"


def training_code(config: Mapping[str, object]) -> str:
    """Return the key of the code that trains ``config`` (fields of the learner's configuration)."""
    return _code(_TRAINING, config)


def measuring_code(config: Mapping[str, object]) -> str:
    """Return the key of the code that measures, on a chip, what ``config`` trained."""
    return _code(_MEASURING, config)


def code_version(files: Iterable[Path]) -> str:
    """Return the key of everything that scripts of this content run, for the stamp of an analysis."""
    return code_key(running_tree(), running_tree().closure(files))


_PICKED = ("network", "method", "method_config", "dataset", "domains", "backbone")


def _code(root: str, config: Mapping[str, object]) -> str:
    picked = {name: config[name] for name in _PICKED if config.get(name) is not None}
    key = _key.__wrapped__ if any(names_file(text) for text in texts(picked)) else _key  # a file may change meanwhile
    return key(content_root(), tuple(sys.path), root, json.dumps(picked))


@cache
def _key(content: Path, path: tuple[str, ...], root: str, picked: str) -> str:
    """Return the key; ``content`` and the search ``path`` are where names lead."""
    return run_key(running_tree(), root, Picks.of(json.loads(picked)))
