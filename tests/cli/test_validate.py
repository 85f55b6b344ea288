"""``imcsim validate`` on the command line."""

import json
import math
from pathlib import Path

import pytest

from imcsim.published.training import shipped_training_chips
from imcsim.published.training_facts import COLUMNS
from tests.cli.conftest import Run
from tests.published.rows import ANALOG, DIGITAL, RRAM, write

FIELDS = ["chip_id", "predicted_fj_per_mac", "reported_fj_per_mac", "ratio", "excluded", "reason"]
MORE = [
    *("predicted_cycle_ns", "reported_cycle_ns", "cycle_ratio", "cycle_reason"),
    *("predicted_area_mm2", "reported_area_mm2", "area_ratio", "area_reason", "states_activity"),
]


def test_without_a_file_it_prints_the_shipped_chips(imcsim: Run) -> None:
    done = imcsim("validate")
    assert done.returncode == 0
    assert "leave one chip out" in " ".join(done.stdout.split())
    assert "Energy not predicted" in done.stdout
    assert "SRAM, clock (ns) and area (mm2)" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 100


def test_json_is_one_object_a_row_in_order(imcsim: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv", RRAM, ANALOG | {"level": "processor"}, DIGITAL)
    done = imcsim("validate", str(path), "--json")
    assert done.returncode == 0
    records = json.loads(done.stdout)
    assert [list(record) for record in records] == [[*FIELDS, *MORE]] * 3
    assert [record["chip_id"] for record in records] == ["r", "a", "d"]
    assert [record["excluded"] for record in records] == [False, True, False]
    for record in (records[0], records[2]):
        assert math.isclose(record["ratio"], record["predicted_fj_per_mac"] / record["reported_fj_per_mac"])
        assert math.isclose(record["reported_fj_per_mac"], 35)
    assert records[1]["predicted_fj_per_mac"] is None
    assert "processor" in records[1]["reason"]
    assert records[0]["predicted_cycle_ns"] is None
    assert records[2]["predicted_area_mm2"] > 0
    assert [record["states_activity"] for record in records] == [False, False, True]


def test_an_assumed_activity_fills_in(imcsim: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv", DIGITAL | {"condition": ""})
    (left_out,) = json.loads(imcsim("validate", str(path), "--json").stdout)
    (assumed,) = json.loads(imcsim("validate", str(path), "--json", "--assume-activity", "0.25").stdout)
    assert left_out["excluded"]
    assert "missing activity" in left_out["reason"]
    assert not assumed["excluded"]
    assert assumed["reason"] == "activity of 0.25 assumed"
    refused = imcsim("validate", str(path), "--assume-activity", "2")
    assert refused.returncode == 2
    assert "an assumed activity is a share" in refused.stderr


def test_a_bad_file_is_one_sentence_and_status_two(imcsim: Run, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    for path, words in (
        (empty, "is empty"),
        (tmp_path / "none.csv", "cannot read"),
        (write(tmp_path / "bad.csv", RRAM | {"vdd_V": "x"}), "vdd_V must be a number"),
        (write(tmp_path / "minus.csv", RRAM | {"t_cycle_ns": "-3"}), "t_cycle_ns must lie between"),
        (write(tmp_path / "header.csv"), "holds no rows of chips"),
        (write(tmp_path / "twice.csv", RRAM, RRAM), "row 2 repeats row 1"),
        (write(tmp_path / "less.csv", columns=("chip_id", "memory")), "column 'compute_style' is missing"),
    ):
        done = imcsim("validate", str(path))
        assert done.returncode == 2
        assert done.stdout == ""
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_training_chips_are_printed_and_given_as_json(imcsim: Run) -> None:
    said = imcsim("validate", "--training").stdout
    assert "claimed in the abstract" in said and "unknown: " in said
    assert all(chip.chip_id in said for chip in shipped_training_chips())
    assert max(len(line) for line in said.splitlines()) <= 98
    records = json.loads(imcsim("validate", "--training", "--json").stdout)
    assert {record["chip_id"] for record in records} == {chip.chip_id for chip in shipped_training_chips()}
    assert all(record["unknown"] for record in records)
    assert all(record["shown_as"] for record in records if record["reported"] is not None)


def test_validate_training_of_a_file_and_its_errors(imcsim: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(f"{','.join(COLUMNS)}\na,epoch_time,,2,,,s,exact,,s,[abs]\na,power,,3,,,mW,exact,,s,[abs]\n")
    (record,) = json.loads(imcsim("validate", str(path), "--training", "--json").stdout)
    assert record["predicted_low"] == record["predicted_high"] == pytest.approx(6e-3)
    wrong = imcsim("validate", "--training", "--assume-activity", "0.5")
    assert wrong.returncode == 2
    assert "--assume-activity is of arrays that infer" in wrong.stderr
