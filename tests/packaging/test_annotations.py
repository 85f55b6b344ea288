"""Names to annotate with: mypy knows what they are, and so does whoever resolves hints at run time."""

import subprocess
import sys
import typing
from pathlib import Path

import pytest

import imcsim
from imcsim.chip.config import ChipConfig
from imcsim.chip.report import Report
from imcsim.core.sources import Resolved
from imcsim.learn.method import Method
from imcsim.learn.stream import Stream
from imcsim.trace.trace import Trace

SNIPPET = """\
import imcsim
from imcsim.learn.method import MethodConfig, method


class MineConfig(MethodConfig):
    factor: float = 1.0


@method("mypy-mine")
class Mine(imcsim.Method[MineConfig]):
    def doubled(self) -> float:
        return 2 * self.config.factor


class Plain(imcsim.Method):
    pass


def whole(stream: imcsim.Stream, chip: imcsim.Chip) -> imcsim.Report:
    trace: imcsim.Trace = imcsim.learn("mlp", stream)
    return imcsim.price(trace, chip)


def names(entry: imcsim.Method) -> str:
    return type(entry).source


mine = Mine(MineConfig())
names(mine)
names(Plain(MethodConfig()))
chip: imcsim.Chip = imcsim.load("chip", "hybrid-28nm")
reveal_type(mine.config)
reveal_type(chip.config.clock_hz)
whole(1, chip)
mine.config.facter
"""


def test_mypy_knows_them(tmp_path: Path) -> None:
    (tmp_path / "snippet.py").write_text(SNIPPET)
    root = Path(imcsim.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", str(root / "pyproject.toml"), str(tmp_path)],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = [line.partition("snippet.py:")[2] for line in done.stdout.splitlines() if "snippet.py" in line]
    assert told == [
        '32: note: Revealed type is "snippet.MineConfig"',
        '33: note: Revealed type is "float"',
        '34: error: Argument 1 to "whole" has incompatible type "int"; expected "Stream"  [arg-type]',
        '35: error: "MineConfig" has no attribute "facter"; maybe "factor"?  [attr-defined]',
    ], done.stdout + done.stderr


def test_they_can_be_resolved() -> None:
    def whole(stream: "imcsim.Stream", chip: "imcsim.Chip", entry: "imcsim.Method") -> "imcsim.Report | imcsim.Trace":
        raise NotImplementedError

    hints = typing.get_type_hints(whole)
    assert hints == {"stream": Stream, "chip": Resolved[ChipConfig], "entry": Method, "return": Report | Trace}
    assert isinstance(imcsim.load("chip", "hybrid-28nm"), Resolved)


@pytest.mark.parametrize("name", ["Chip", "Method", "Report", "Stream", "Trace"])
def test_they_are_among_the_public_names(name: str) -> None:
    assert name in dir(imcsim)
