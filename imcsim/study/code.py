"""The code that a study's results depend on, as keys: a stored result is used again as long as its own code is.

A training depends on what its worker runs with the point's method and network, an accuracy on a chip on what that
worker runs. Prices are made anew each time and need no key.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from imcsim.core.code_key import code_key, running_tree
from imcsim.core.content import content_root
from imcsim.learn.run_code import run_files

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


def _code(root: str, config: Mapping[str, object]) -> str:
    return _key(content_root(), root, config["network"], config["method"], json.dumps(config["method_config"]))


@cache
def _key(content: Path, root: str, network: str, method: str, method_config: str) -> str:
    tree = running_tree()  # of ``content``
    return code_key(tree, run_files(tree, root, network, method, json.loads(method_config)))
