"""``imcsim validate`` on the command line."""

import json
import math
from pathlib import Path

from tests.chip.published.rows import ANALOG, DIGITAL, RRAM, write
from tests.cli.conftest import Run

FIELDS = ["chip_id", "predicted_fj_per_mac", "reported_fj_per_mac", "ratio", "excluded", "reason"]


def test_without_a_file_it_prints_the_shipped_chips(imcsim: Run) -> None:
    done = imcsim("validate")
    assert done.returncode == 0
    assert "each chip predicted without its own figures" in done.stdout
    assert "Not predicted" in done.stdout


def test_json_is_one_object_a_row_in_order(imcsim: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "mine.csv", RRAM, ANALOG | {"level": "processor"}, DIGITAL)
    done = imcsim("validate", str(path), "--json")
    assert done.returncode == 0
    records = json.loads(done.stdout)
    assert [list(record) for record in records] == [FIELDS] * 3
    assert [record["chip_id"] for record in records] == ["r", "a", "d"]
    assert [record["excluded"] for record in records] == [False, True, False]
    for record in (records[0], records[2]):
        assert math.isclose(record["ratio"], record["predicted_fj_per_mac"] / record["reported_fj_per_mac"])
        assert math.isclose(record["reported_fj_per_mac"], 35)
    assert records[1]["predicted_fj_per_mac"] is None
    assert "processor" in records[1]["reason"]


def test_a_bad_file_is_one_sentence_and_status_two(imcsim: Run, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    for path, words in (
        (empty, "is empty"),
        (tmp_path / "none.csv", "cannot read"),
        (write(tmp_path / "bad.csv", RRAM | {"vdd_V": "x"}), "vdd_V must be a number"),
    ):
        done = imcsim("validate", str(path))
        assert done.returncode == 2
        assert done.stdout == ""
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1
