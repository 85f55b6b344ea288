"""``imcsim life``: text that fits, strict JSON, a picture, and mistakes that change nothing."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imcsim.cli.app import app
from imcsim.core.errors import ImcsimError

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


def test_on_a_floor_plan_the_picture_differs(trace_file: Path, tmp_path: Path) -> None:
    plan = ("--set", 'floor_plan={topology="mesh",pes_per_router=4}')
    for name, more in (("a.png", ()), ("b.png", plan), ("c.png", plan)):
        life(str(trace_file), *ON, *more, "--png", str(tmp_path / name))
    assert (tmp_path / "a.png").read_bytes() != (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "b.png").read_bytes() == (tmp_path / "c.png").read_bytes()


def test_ledgers_add_up_from_run_to_run(trace_file: Path, tmp_path: Path) -> None:
    first, both = str(tmp_path / "first.safetensors"), str(tmp_path / "both.safetensors")
    once = json.loads(life(str(trace_file), *ON, "--ledger-out", first, "--json"))
    more = (*ON, "--set", "rram.write_policy=task", "--json")
    twice = json.loads(life(str(trace_file), *more, "--ledger", first, "--ledger-out", both))
    alone = json.loads(life(str(trace_file), *more))
    assert (once["measured_tasks"], twice["measured_tasks"]) == (3, 6)
    events = [sum(layer["events_per_task"] for layer in found["layers"]) for found in (once, alone, twice)]
    assert events[2] == pytest.approx((events[0] + events[1]) / 2)
    life(str(trace_file), *ON, "--ledger", both, "--ledger-out", both)  # in place
    assert json.loads(life(str(trace_file), *ON, "--ledger", both, "--json"))["measured_tasks"] == 12


def test_comparing_levers_fits_and_names_them_all(trace_file: Path) -> None:
    text = life(str(trace_file), *ON, "--compare", "--tasks-per-day", "2")
    assert max(map(len, text.splitlines())) <= 100
    for lever in ("none", "rotate=10", "swap=100", "spare-columns=4", "coalesce=task", "refresh=auto:125"):
        assert f"\n{lever} " in text
    rows = json.loads(life(str(trace_file), *ON, "--compare", "--json"))
    assert rows[0]["policies"] == []
    assert {"life", "years_gained", "years_per_j", "years_per_m2"} <= rows[0].keys()


def test_a_mistake_is_one_sentence_and_changes_nothing(
    imcsim: Callable[..., subprocess.CompletedProcess[str]], trace_file: Path, tmp_path: Path
) -> None:
    other, out = tmp_path / "other.safetensors", tmp_path / "out.safetensors"
    life(str(trace_file), *ON, "--set", "array.rows=32", "--ledger-out", str(other))
    before = other.read_bytes()
    for arguments, sentence in (
        (("--ledger", str(other)), "the ledger is of another mapping: its PEs have 32 x 64 cells, here 64 x 64 cells"),
        (("--policy", "swop=3"), "unknown policy 'swop'; did you mean 'swap'?"),
        (("--tasks-per-day", "0"), "'horizon.tasks_per_day': Input should be greater than 0 (given: 0.0)"),
        (("--set", "rram.cell.endurance_scale_cycles=-1e6"), "'rram.cell.endurance_scale_cycles': Input should be"),
        (("--set", "rram.cell.endurance_shape=0"), "'rram.cell.endurance_shape': Input should be greater than 0"),
        (("--chip", "all-sram-28nm"), "'all-sram-28nm' has no RRAM"),
    ):
        done = imcsim("life", str(trace_file), *ON, *arguments, "--png", "life.png", "--ledger-out", str(out))
        assert done.returncode == 2
        assert sentence in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
        assert sorted(path.name for path in tmp_path.iterdir()) == ["other.safetensors"]
    assert other.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--ledger", "none"), "cannot read wear ledger none: No such file"),
        (("--policy", "swap", "--policy", "rotate"), "rotate and swap both move rows: choose one"),
        (("--policy", "refresh=-1"), "'refresh_days': Input should be greater than 0"),
        (("--policy", "sram-cache=4"), r"sram-cache needs SRAM PEs, and 'all-rram-28nm' has no \[sram\]"),
        (
            ("--chip", "hybrid-28nm", "--policy", "sram-cache=4"),
            "a ledger holds measured tasks: leave out --ledger-out",
        ),
        (("--compare",), "--compare has policies of its own and writes no file"),
        (("--wear", "none"), "'wear': Input should be 'events', 'pulses' or 'window'"),
        (("--tasks-per-day", "-1"), "'horizon.tasks_per_day': Input should be greater than 0"),
        (("--tasks-per-day", "nan"), "'horizon.tasks_per_day': Input should be"),
        (("--set", "rram.cell.endurance_shape=nan"), "'rram.cell.endurance_shape': "),
    ],
)
def test_what_is_refused_before_anything_is_written(
    trace_file: Path, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    files = ("--png", str(tmp_path / "life.png"), "--ledger-out", str(tmp_path / "out"))
    with pytest.raises(ImcsimError, match=sentence):
        life(str(trace_file), *ON, *arguments, *files)
    assert not list(tmp_path.iterdir())
