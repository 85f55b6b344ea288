"""A sort of memory or part lies in a file, which a chip names by its path: skeletons of `imcsim new`."""

import os
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imcsim.chip.config import load_chip
from imcsim.chip.price import price
from imcsim.cli.app import app
from imcsim.cli.skeletons import KINDS
from imcsim.core.content import path_of
from imcsim.core.errors import ConfigError, ImcsimError
from tests.registries import forgetting
from tests.toy_package.two_layers import two_layers

MEMORY = """[memory.mine]
sort = "./mine.py"
cell = "sram-28nm"
pe_count = 400
cell_bits = 1
sign = "offset"
adder_tree = "adder-tree-28nm"
weights_per_tree = 1
write_policy = "step"

[part.pump]
sort = "./parts/pump.py:pump"
efficiency = 0.8
"""


def call(*arguments: str) -> str:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=False).stdout


@pytest.fixture
def chip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a chip of two skeletons into a folder, and stand in another one."""
    folder = tmp_path / "lab"
    (folder / "parts").mkdir(parents=True)
    monkeypatch.chdir(folder)
    call("new", "memory", "mine")
    call("new", "part", "pump", "--out", "parts/pump.py")
    text = path_of("chip", "all-rram-28nm").read_text()
    head, tail = text.split("[sources]")
    head = re.sub(r"\[rram\].*?\n(?=\[)", MEMORY, head, flags=re.DOTALL)
    tail = re.sub(r'^"?rram[^\n]*\n', "", tail, flags=re.MULTILINE)
    (folder / "chip.toml").write_text(
        f'{head}[sources]\nmemory = "design choice: x"\npart = "design choice: x"\n{tail}'
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return str(folder / "chip.toml")


def test_paths_count_from_the_chips_file(chip: str) -> None:
    with forgetting():
        report = price(two_layers(), load_chip(chip))
        assert set(report.writes) == {"mine"}
        assert "leakage" in report.energy.by(0)
        assert ("leakage", "mine") not in report.energy.leaves
        lost, rest = report.energy.part("part").total, report.energy.total
        assert lost == pytest.approx(0.2 * rest, rel=1e-12)  # of what goes in, 0.8 come out


def test_paths_of_overrides_count_from_where_one_stands(chip: str) -> None:
    relative = os.path.relpath(Path(chip).parent / "mine.py")
    with forgetting():
        assert load_chip(chip, {"memory.mine.sort": f"./{relative}"}).config.memory["mine"].sort == "mine"
        with pytest.raises(ConfigError, match=r"'memory.mine.sort': cannot read memory sort file gone.py: there is no"):
            load_chip(chip, {"memory.mine.sort": "./gone.py"})
        said = "pump.py registers no part sort 'pomp'; did you mean 'pump'"
        path = Path(chip).parent / "parts" / "pump.py"
        with pytest.raises(ImcsimError, match=said):
            load_chip(chip, {"part.pump.sort": f"{path}:pomp"})


@pytest.mark.parametrize("kind", ["memory", "part", "converter"])
def test_a_skeleton_can_be_shown(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert kind in KINDS
    monkeypatch.chdir(tmp_path)
    with forgetting():
        told = call("new", kind, "my-own")
        assert f"imcsim show {kind} ./my_own.py" in told
        assert call("show", kind, "./my_own.py").strip()
