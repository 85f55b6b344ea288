from pathlib import Path

import pytest

from imcsim.core.errors import StudyError
from imcsim.core.files import write_atomic
from imcsim.core.strict_json import to_json
from imcsim.study.store import ResultStore, to_csv


def test_results_that_are_not_there_or_broken_are_named(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    with pytest.raises(StudyError, match=r"no results in .*; run the study first"):
        store.read_rows()
    write_atomic(tmp_path / "rows.json", "{")
    with pytest.raises(StudyError, match=r"rows.json is corrupt"):
        store.read_rows()


def test_csv_keeps_all_columns_and_full_precision() -> None:
    rows: list[dict[str, object]] = [{"method": "a", "x": 0.1 + 0.2}, {"method": "b", "y": None}]
    assert to_csv(rows) == "method,x,y\na,0.30000000000000004,\nb,,\n"
    with pytest.raises(ValueError, match="Out of range float"):
        to_json([float("nan")])
