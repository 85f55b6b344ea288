"""``imcsim life``: text that fits, strict JSON, a picture, and mistakes that change nothing."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imcsim.cli.app import app

ON = ("--chip", "all-rram-28nm")


def life(*arguments: str) -> str:
    return CliRunner().invoke(app, ["life", *arguments], catch_exceptions=False).stdout


def test_the_text_fits_and_says_that_tasks_repeat(trace_file: Path) -> None:
    text = life(str(trace_file), *ON, "--policy", "spare-columns=1", "--policy", "rotate=5")
    lines = [line for line in text.splitlines() if not line.startswith("note")]
    assert max(map(len, lines)) <= 100
    for part in ("3 measured tasks, repeated", "first PE without a spare left", "rotation: ", "spares: ",
                 "Writes stay as measured when cells fail", "PEs most likely to die first"):  # fmt: skip
        assert part in text


def test_json_scales_with_the_rate_of_tasks(trace_file: Path) -> None:
    slow, fast = (json.loads(life(str(trace_file), *ON, "--tasks-per-day", rate, "--json")) for rate in ("1", "24"))
    assert slow["first_failure"]["tasks"] == fast["first_failure"]["tasks"]
    assert slow["first_failure"]["years"]["median"] == pytest.approx(24 * fast["first_failure"]["years"]["median"])
    assert sum(layer["dies_first_share"] for layer in slow["layers"]) == pytest.approx(1)
    assert sum(pe["dies_first_share"] for pe in slow["pes"]) == pytest.approx(1)
    assert slow["repeated"] is True
    one = slow["one_percent_failed"]["tasks"]
    assert one["early"] < one["median"] < one["late"]


def test_the_picture_is_the_same_each_time(trace_file: Path, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        life(str(trace_file), *ON, "--png", str(tmp_path / name))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_mistake_is_one_sentence_and_changes_nothing(
    imcsim: Callable[..., subprocess.CompletedProcess[str]], trace_file: Path, tmp_path: Path
) -> None:
    for arguments, sentence in (
        (("--tasks-per-day", "0"), "'horizon.tasks_per_day': Input should be greater than 0 (given: 0.0)"),
        (("--set", "rram.cell.endurance_scale_cycles=-1e6"), "'rram.cell.endurance_scale_cycles': Input should be"),
        (("--set", "rram.cell.endurance_shape=0"), "'rram.cell.endurance_shape': Input should be greater than 0"),
        (("--chip", "all-sram-28nm"), "'all-sram-28nm' has no RRAM"),
    ):
        done = imcsim("life", str(trace_file), *ON, *arguments, "--png", "life.png")
        assert done.returncode == 2
        assert sentence in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert not (tmp_path / "life.png").exists()
