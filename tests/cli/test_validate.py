"""``imcsim validate`` on the command line."""

import json
import math
from pathlib import Path

import pytest

from imcsim.published.training import shipped_training_chips
from imcsim.published.training_facts import COLUMNS
from tests.cli.conftest import Run
from tests.published.rows import ANALOG, DIGITAL, RRAM, write


def test_without_a_file_it_prints_the_shipped_macros(imcsim: Run) -> None:
    done = imcsim("validate")
    assert done.returncode == 0
    assert "leave one silicon out" in " ".join(done.stdout.split())
    assert "Energy not predicted" in done.stdout


def test_json_is_one_object_a_row_in_order(imcsim: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv", RRAM, ANALOG | {"what_energy_includes": "processor"}, DIGITAL)
    done = imcsim("validate", str(path), "--json")
    assert done.returncode == 0
    records = json.loads(done.stdout)
    assert [record["chip_id"] for record in records] == ["r", "a", "d"]
    assert [record["excluded"] for record in records] == [False, True, False]
    for record in (records[0], records[2]):
        assert math.isclose(record["ratio"], record["predicted_fj_per_mac"] / record["reported_fj_per_mac"])
        for name in ("fj_per_mac", "cycle_ns", "area_mm2"):
            low, middle, high = (record[f"predicted_{at}{name}"] for at in ("low_", "", "high_"))
            assert 0 < low < middle < high


def test_a_chip_s_own_memories_are_macros_and_are_drawn(imcsim: Run, tmp_path: Path) -> None:
    picture = tmp_path / "m.png"
    done = imcsim("validate", "--chip", "hybrid-28nm", "--json", "--plot", str(picture))
    assert done.returncode == 0
    rram, sram = json.loads(done.stdout)
    keys = ["memory", "fj_per_mac", "validated_fj_per_mac", "tops_per_w", "tops_per_mm2", "mb_per_mm2", "cycle_ns"]
    assert list(rram) == list(sram) == keys
    assert [rram["memory"], sram["memory"]] == ["rram", "sram"]
    assert math.isclose(rram["tops_per_w"], 2000 / rram["fj_per_mac"])
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("none.csv",), "cannot read"),
        (("--plot", "m.png"), "name the chip with --chip"),
        (("--chip", "hybrid-28nm", "--markdown"), "leave out the file of macros and --markdown"),
        (("none.csv", "--markdown"), "leave out the file"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_two(imcsim: Run, arguments: tuple[str, ...], words: str) -> None:
    done = imcsim("validate", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


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
    wrong = imcsim("validate", "--training", "--chip", "hybrid-28nm")
    assert wrong.returncode == 2
    assert "--training is of chips that learned" in wrong.stderr
