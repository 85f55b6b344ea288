"""``imcsim run STUDY --check`` on a tiny study with committed tables that were made, and tampered with, here."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imcsim.cli.app import app
from imcsim.core.errors import StudyError
from imcsim.study.run import RunOptions, run_study
from imcsim.study.spec import load_study
from tests.study import fakes


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study whose results are stored and, the same, committed."""
    path = tmp_path / "tiny" / "study.toml"
    path.parent.mkdir()
    path.write_text(fakes.STUDY)
    folder = run_study(load_study(str(path)), RunOptions(out=tmp_path / "results", runner=fakes.fake_training)).folder
    (path.parent / "digits").mkdir()
    for name in ("rows.csv", "summary.csv", "stamp.json"):
        shutil.copy(folder / name, path.parent / "digits" / name)
    return path


def check(study: Path, *more: str) -> tuple[int, str]:
    out = str(study.parents[1] / "results")
    done = CliRunner().invoke(app, ["run", str(study), "--out", out, "--check", *more], env={"COLUMNS": "100"})
    return done.exit_code, done.stdout


def doctor(study: Path, column: str, factor: float, method: str = "replay") -> int:
    """Multiply a column of one method in the committed rows; return how many figures that changes."""
    path = study.parent / "digits" / "rows.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if row["method"] == method:
            row[column] = repr(float(row[column]) * factor)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return len({row["chip"] for row in rows})


def test_the_same_results_are_equal_and_nothing_else_is_written(study: Path) -> None:
    status, printed = check(study)
    assert status == 0
    (line,) = printed.splitlines()
    assert ", 0 within seed noise, 0 drifted; committed: " in line
    assert not (study.parents[1] / "results" / "tiny" / "digits" / "report.html").exists()


def test_a_drifted_figure_is_named_with_its_change(study: Path) -> None:
    chips = doctor(study, "energy_forward_j", 1 / 1e5)
    status, printed = check(study)
    assert status == 1
    assert f"{chips} drifted" in printed.splitlines()[-1]
    assert all(len(line) <= 100 for line in printed.splitlines()[:-1])
    assert printed.count("energy_forward_j") == 1 + chips
    assert "1e+05 x" in printed
    assert "replay on all-sram-28nm" in printed


def test_json_has_every_figure(study: Path) -> None:
    doctor(study, "area_m2", 0.5)  # the same for all seeds: no spread, so no noise
    doctor(study, "energy_update_j", 1 + 1e-6)
    status, printed = check(study, "--json")
    assert status == 1
    told = json.loads(printed)
    assert set(told) == {"folder", "committed", "notes", "summary", "figures"}
    verdicts = {(f["method"], f["chip"], f["figure"]): f["verdict"] for f in told["figures"]}
    for chip in ("all-sram-28nm", "hybrid-28nm"):
        assert verdicts["replay", chip, "area_m2"] == "drifted"
        assert verdicts["plain", chip, "area_m2"] == "equal"
        assert verdicts["replay", chip, "energy_update_j"] == "noise"
    assert sum(verdict != "equal" for verdict in verdicts.values()) == 4
    changes = [f["change"] for f in told["figures"] if f["figure"] == "area_m2" and f["verdict"] == "drifted"]
    assert changes == pytest.approx([1.0, 1.0])


def test_within_seed_noise_is_no_drift(study: Path) -> None:
    doctor(study, "energy_update_j", 1 + 1e-6)
    status, printed = check(study)
    assert status == 0
    assert "2 within seed noise, 0 drifted" in printed


def test_other_settings_are_told(study: Path) -> None:
    status, printed = check(study, "--set", "chips.hybrid-28nm.sram.pe_count=40")
    assert status == 1
    assert "other settings than the committed results: chips.hybrid-28nm.set.sram.pe_count" in printed


def test_without_committed_results_there_is_one_sentence_and_nothing_runs(study: Path) -> None:
    shutil.rmtree(study.parent / "digits")
    with pytest.raises(Exception, match="no results of tiny on digits are committed in") as caught:
        CliRunner().invoke(app, ["run", str(study), "--check"], catch_exceptions=False)
    assert getattr(caught.value, "exit_status", None) == 2


def lines_of(study: Path) -> tuple[Path, list[str]]:
    path = study.parent / "digits" / "rows.csv"
    return path, path.read_text().splitlines(keepends=True)


def refused(study: Path) -> str:
    with pytest.raises(StudyError) as caught:
        CliRunner().invoke(app, ["run", str(study), "--check"], catch_exceptions=False)
    assert caught.value.exit_status == 2
    return str(caught.value)


def test_damaged_tables_are_refused_before_anything_runs(study: Path) -> None:
    path, lines = lines_of(study)
    path.write_text(lines[0])
    assert "rows.csv is no table of results (it has no rows" in refused(study)
    path.write_text("".join([*lines, lines[1]]))
    assert f"(line {len(lines) + 1} repeats line 2: method 'plain', chip 'all-sram-28nm', seed '0')" in refused(study)
    for text in ("abc", "nan", "inf"):
        column = lines[0].strip().split(",").index("energy_forward_j")
        cells = lines[3].split(",")
        path.write_text("".join([*lines[:3], ",".join([*cells[:column], text, *cells[column + 1 :]]), *lines[4:]]))
        assert f"(line 4, column 'energy_forward_j': '{text}' is no finite number)" in refused(study)


def test_a_seed_or_a_method_that_the_table_lost_is_said_and_fails(study: Path) -> None:
    path, lines = lines_of(study)
    path.write_text("".join([*lines[:2], *lines[3:]]))
    status, printed = check(study)
    assert status == 1
    assert "the committed table is incomplete: it lacks plain on all-sram-28nm seed 1" in printed.splitlines()
    path.write_text("".join(line for line in lines if not line.startswith("replay,")))
    status, printed = check(study, "--json")
    assert status == 1
    notes = json.loads(printed)["notes"]
    assert "the committed table is incomplete: it lacks replay on all-sram-28nm, replay on hybrid-28nm" in notes


def test_some_of_the_seeds_are_no_drift_and_the_others_are_named(study: Path) -> None:
    status, printed = check(study, "--set", "seeds=[0]")
    assert status == 0
    assert "committed, not run: seed 1" in printed.splitlines()
