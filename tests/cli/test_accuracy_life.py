"""``imcsim life --accuracy-limit``: text, strict JSON, a picture, and mistakes that change nothing."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imcsim.cli.app import app
from imcsim.core.config import parse
from imcsim.learn.api import learn
from imcsim.learn.config import LearnConfig
from imcsim.testing.methods import TINY
from imcsim.trace.store import save

ON = ("--chip", "all-rram-28nm")


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trace") / "t.safetensors"
    save(learn(parse(LearnConfig, {**TINY, "method": "er", "learning_rate": 0.1}, "test")), path)
    return path


def life(*arguments: str) -> str:
    return CliRunner().invoke(app, ["life", *arguments], catch_exceptions=False).stdout


def test_accuracy_stands_below_the_outlook_and_in_the_picture(learned: Path, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    options = ("--accuracy-limit", "0.8", "--chips-drawn", "1", "--learn-again", "--accuracy-png", str(picture))
    text = life(str(learned), *ON, *options)
    assert text.startswith("er on all-rram-28nm")
    for part in ("served: learned on a fresh chip, 1 drawn chip", "learned again on the aged chip", "falls to 0.8 of"):
        assert part in text
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_json_has_curves_only_when_asked(learned: Path) -> None:
    plain = json.loads(life(str(learned), *ON, "--json"))
    asked = json.loads(life(str(learned), *ON, "--json", "--accuracy-limit", "0.9", "--chips-drawn", "2"))
    assert "accuracy" not in plain
    (curve,) = asked.pop("accuracy")
    assert asked == plain
    assert (curve["kind"], curve["chips"], len(curve["years"])) == ("served", 2, 16)
    assert curve["years"] == pytest.approx([tasks / 365.25 for tasks in curve["tasks"]])


def test_a_mistake_is_one_sentence_and_changes_nothing(
    imcsim: Callable[..., subprocess.CompletedProcess[str]], trace_file: Path, tmp_path: Path
) -> None:
    for arguments, sentence in (
        (("--accuracy-limit", "90"), "a share of the fresh chip's accuracy, between 0 and 1, got 90"),
        (("--learn-again",), "--learn-again needs an accuracy to look for: give --accuracy-limit, such as 0.9"),
        (("--accuracy-png", "a.png"), "--accuracy-png needs an accuracy to look for"),
        (("--accuracy-limit", "0.9", "--accuracy-png", "a.png"), "the trace holds no configuration of its run"),
    ):
        done = imcsim("life", str(trace_file), *ON, *arguments)
        assert done.returncode == 2
        assert sentence in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert not (tmp_path / "a.png").exists()
