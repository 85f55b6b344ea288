"""What made a result: settings, the origin of every chip value, versions, the commit. Apart from the result rows."""

import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from imcsim.core.config import config_hash
from imcsim.core.json_text import Json
from imcsim.core.reference import in_texts, portable
from imcsim.core.sources import leaves
from imcsim.study.code import training_code
from imcsim.study.points import Chips, training_points
from imcsim.study.spec import LoadedStudy

_OF_TRAINING = ("processor", "cpu_capability", "blas", "threads", "gpu", "python", "torch", "numpy")
_PACKAGES = ("imcsim", "torch", "numpy", "scipy", "pydantic", "safetensors")


def stamp(loaded: LoadedStudy, chips: Chips, trained_on: Iterable[Mapping[str, str]] = ()) -> Json:
    """Return everything needed to make the results again, JSON-able.

    ``trained_on`` holds the versions that each trace carries: trainings may be older, and of other machines.
    """
    points = training_points(loaded.spec, chips, loaded.source)
    codes = {point.label: training_code(point.config) for point in points}
    return {
        "study": loaded.settings(),
        "study_hash": config_hash(loaded.settings()),
        "read_from": loaded.source,
        "overrides": in_texts(dict(loaded.overrides), lambda text: portable(text, loaded.folder)),
        "code_version": config_hash(codes),
        "code": codes,
        "commit": git_commit(Path(__file__).resolve().parent),
        "versions": versions(),
        "trained_on": _distinct(trained_on),
        "chips": {name: settings(name, chips) for name in chips},
    }


def settings(name: str, chips: Chips) -> list[Json]:
    """Return one record for each value of chip ``name``: path, value, and its origin's fields."""
    chip = chips[name]
    values = leaves(chip.config.model_dump(mode="json"))
    return [{"path": path, "value": value, **asdict(chip.origins[path])} for path, value in values]


def versions(packages: tuple[str, ...] = _PACKAGES) -> Mapping[str, str]:
    """Return the versions of Python and the packages that results depend on."""
    return {"python": platform.python_version(), **{package: _version(package) for package in packages}}


def git_commit(folder: Path) -> str:
    """Return the commit of the checkout that holds ``folder``, with ``-dirty`` if changed, else "unknown"."""
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return found.stdout.strip() if found.returncode == 0 and found.stdout.strip() else "unknown"


def _distinct(trained_on: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return each kind of machine and versions once, in order of appearance."""
    found = [{name: entry[name] for name in _OF_TRAINING if name in entry} for entry in trained_on]
    return [entry for index, entry in enumerate(found) if entry and entry not in found[:index]]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
