"""One wheel, built from an sdist of a copy of the checkout, and one installation of it, for the whole session."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
FOLDERS = ("imcsim", "models", "studies", "docs")
FILES = (
    "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md",
    "NOMENCLATURE.md", "Makefile", "constraints.txt",
)  # fmt: skip
RUBBISH = (
    "models/__pycache__/x.cpython-311.pyc", "models/networks/__pycache__/x.py", "models/chips/notes.html",
    "studies/hybrid_vs_all/results/table.csv", "studies/hybrid_vs_all/.table.csv.part", "imcsim/core/notes.html",
)  # fmt: skip

RunPython = Callable[..., subprocess.CompletedProcess[str]]


def run(*command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command without the settings that would lead it back to the checkout."""
    kept = {k: v for k, v in os.environ.items() if k not in ("IMCSIM_CONTENT", "PYTHONPATH", "PYTHONSAFEPATH")}
    return subprocess.run(command, cwd=cwd, env={**kept, **environment}, capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel that an sdist gives, so that the sdist is proven complete too."""
    source = tmp_path_factory.mktemp("source")
    # not the caches: other test processes write them meanwhile; rubbish is put there on purpose instead
    skip = shutil.ignore_patterns("__pycache__", "results")
    for folder in FOLDERS:
        shutil.copytree(CHECKOUT / folder, source / folder, ignore=skip)
    for name in FILES:
        shutil.copy(CHECKOUT / name, source / name)
    for rubbish in RUBBISH:
        (source / rubbish).parent.mkdir(parents=True, exist_ok=True)
        (source / rubbish).write_text("rubbish")
    done = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist", ".", cwd=source)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (built,) = (source / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds what ``pip install`` of the wheel gives."""
    target = tmp_path_factory.mktemp("site")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    done = run(*pip, "--target", str(target), str(wheel), cwd=target)
    assert done.returncode == 0, done.stderr[-2000:]
    return target


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Return a folder of someone else, with a ``models`` package and a ``studies`` folder of its own."""
    (tmp_path / "models" / "networks").mkdir(parents=True)
    (tmp_path / "models" / "__init__.py").write_text("OWNER = 'somebody else'\n")
    (tmp_path / "models" / "networks" / "__init__.py").write_text("raise RuntimeError('the foreign models ran')\n")
    (tmp_path / "studies").mkdir()
    return tmp_path


@pytest.fixture
def python_there(installed: Path, foreign: Path) -> RunPython:
    """Return a function that runs Python in the foreign folder, which comes first on the path, on the wheel's copy."""

    def run_there(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run(sys.executable, *arguments, cwd=foreign, PYTHONPATH=str(installed))

    return run_there
