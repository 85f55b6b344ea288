import shutil
import sys
from pathlib import Path

from tests.packaging.conftest import CHECKOUT, run

ILLEGAL = {
    "core/units.py": ("import imcsim.chip.config", "A layer imports only the layers below it"),
    "study/spec.py": ("import models.networks", "The engine names no content"),
    "chip/report.py": ("import torch", "torch stays in learn, analog and crossbar"),
    "mapping/layer.py": ("import matplotlib.pyplot", "Plots are drawn in report only"),
    "trace/schema.py": ("import rich", "The terminal belongs to cli and report"),
    "periphery/adc.py": ("import optuna", "The cluster and the search belong to study"),
    "devices/rram.py": ("import simpy", "simpy stays in events"),
    "crossbar/encoding.py": ("import imcsim.testing", "The engine does not use its test suites"),
    "learn/methods/er.py": ("import imcsim.learn.methods.joint", "Methods know nothing of each other"),
}


def lint_imports(folder: Path) -> str:
    command = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    return run(sys.executable, "-c", command, "--no-cache", "--no-logo", cwd=folder, COLUMNS="200").stdout


def test_every_layer_rule_notices_an_illegal_import(tmp_path: Path) -> None:
    for name in ("imcsim", "models"):
        shutil.copytree(CHECKOUT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    for name, (line, _) in ILLEGAL.items():
        path = tmp_path / "imcsim" / name
        path.write_text(f"{line}\n{path.read_text()}")
    lines = lint_imports(tmp_path).splitlines()
    kept = [line for line in lines if line.endswith("KEPT")]
    broken = [line for line in lines if line.endswith("BROKEN")]
    assert kept == []
    assert [rule for _, rule in ILLEGAL.values() if not any(line.startswith(rule) for line in broken)] == []
