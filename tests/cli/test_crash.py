"""``imcsim crash``: text that fits, strict JSON, a picture, and mistakes that change nothing."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imcsim.cli.app import app

ON = ("--chip", "hybrid-28nm", "--cuts", "9")


def crash(*arguments: str) -> str:
    return CliRunner().invoke(app, ["crash", *arguments], catch_exceptions=False).stdout


def test_the_text_fits_and_sets_the_schemes_side_by_side(trace_file: Path) -> None:
    text = crash(str(trace_file), *ON, "--cuts-per-year", "12", "--task", "1")
    assert max(map(len, text.splitlines())) <= 110
    assert max(len(line) for line in text.splitlines() if not line.startswith("note")) <= 100
    for part in ("commit of task 1", "in-place", "two-copy", "task 0", "to be trained again for", "12 power cuts"):
        assert part in text
    assert "give --cuts-per-year" in crash(str(trace_file), *ON)


def test_json_tells_what_each_scheme_loses(trace_file: Path) -> None:
    found = json.loads(crash(str(trace_file), *ON, "--json", "--at", "0.5", "--cuts-per-year", "1e6"))
    one, two = found["schemes"]["in-place"], found["schemes"]["two-copy"]
    assert found["task"] == 2
    assert (two["neither_share"], two["cut"]["whole"], two["cut"]["tasks_lost"]) == (0, "old", [])
    assert one["neither_share"] > 0.5
    assert (one["cut"]["whole"], one["cut"]["tasks_lost"]) == ("neither", [0, 1])
    for scheme in (one, two):
        assert scheme["old_share"] + scheme["new_share"] + scheme["neither_share"] == pytest.approx(1)
        assert sum(scheme["energy_by_phase_j"].values()) == pytest.approx(scheme["energy_j"])
        assert sum(scheme["cut"]["pes"].values()) == 2  # 10 x 5 and 5 x 3 weights in PEs of 64 x 8
    assert two["yearly"]["committed_lost_chance"] == 0 < one["yearly"]["committed_lost_chance"]
    assert two["records"]["slots"] == 4
    assert one["records"] is None


def test_one_scheme_and_drawn_pulses(trace_file: Path) -> None:
    def times(*more: str) -> list[float]:
        found = json.loads(crash(str(trace_file), *ON, "--scheme", "two-copy", "--json", *more))
        assert list(found["schemes"]) == ["two-copy"]
        return [found["schemes"]["two-copy"]["time_s"]]

    assert times("--seed", "1") == times("--seed", "1") != times("--seed", "2")


def test_the_picture_is_the_same_each_time(trace_file: Path, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        crash(str(trace_file), *ON, "--png", str(tmp_path / name))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_a_mistake_is_one_sentence_and_changes_nothing(
    imcsim: Callable[..., subprocess.CompletedProcess[str]], trace_file: Path, tmp_path: Path
) -> None:
    for arguments, sentence in (
        (("--scheme", "three-copy"), "'name': Input should be 'in-place' or 'two-copy'"),
        (("--record-slots", "1"), "'record_slots': Input should be greater than or equal to 2"),
        (("--at", "2"), "the cut must be at a share of 0 to 1 of the consolidation, got 2"),
        (("--task", "7"), "the trace has tasks 0 to 2, got 7"),
        (("--chip", "all-sram-28nm"), "'all-sram-28nm' has no RRAM: nothing is committed"),
        (("--set", "commit=lazy"), "commit = 'lazy' leaves the"),
    ):
        done = imcsim("crash", str(trace_file), *ON, *arguments, "--png", "crash.png")
        assert done.returncode == 2
        assert sentence in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert not (tmp_path / "crash.png").exists()
