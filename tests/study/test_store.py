from pathlib import Path

import pytest

from imcsim.core.errors import StudyError
from imcsim.core.files import scratch, write_atomic
from imcsim.core.json_text import to_json
from imcsim.study.store import ResultStore


def test_results_that_are_not_there_or_broken_are_named(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    with pytest.raises(StudyError, match=r"no results in .*; run the study first"):
        store.read_rows()
    write_atomic(tmp_path / "rows.json", "{")
    with pytest.raises(StudyError, match=r"rows.json is corrupt"):
        store.read_rows()


def test_json_has_no_nan() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        to_json([float("nan")])


def test_rows_that_are_not_those_of_the_stamp_are_named(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.write_table("rows", [{"method": "a", "chip": "b", "seed": 0, "energy_j": 1.25}])
    store.write_stamp({"study": {}})
    assert store.read_rows()[0]["energy_j"] == 1.25
    path = tmp_path / "rows.json"
    path.write_text(path.read_text().replace("1.25", "1.75"))  # one bit
    with pytest.raises(StudyError, match=r"rows.json is corrupt; run the study again, its traces are kept"):
        store.read_rows()


def test_tidy_leaves_what_a_live_writer_writes(tmp_path: Path) -> None:
    store, path = ResultStore(tmp_path), tmp_path / "traces" / "t.safetensors"
    path.parent.mkdir()
    (path.parent / ".t.safetensors.0123abcd.part").write_text("of a killed worker")
    with scratch(path.with_name("u.safetensors")) as (temporary, _):
        store.tidy()
        assert list(path.parent.iterdir()) == [temporary]
