"""Every script of examples/ as a user runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
SCRIPTS = sorted(path for path in (CHECKOUT / "examples").glob("*.py") if path.name != "__init__.py")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_it_runs_alone_and_draws_where_it_is_told(script: Path, tmp_path: Path) -> None:
    out = tmp_path / "picture.png"
    command = [sys.executable, str(script), "--out", str(out)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == ""
    assert str(out) in done.stdout
    assert out.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert [path.name for path in tmp_path.iterdir()] == ["picture.png"]


def test_all_are_in_the_list() -> None:
    assert len(SCRIPTS) >= 2
    text = (CHECKOUT / "examples" / "README.md").read_text(encoding="utf-8")
    assert [script.name for script in SCRIPTS if f"({script.name})" not in text] == []
