"""Two thousand spoilt files: no raw exception, no hang, no flood of memory, nothing accepted that breaks a law."""

from pathlib import Path

import numpy as np
import pytest

from tests.fuzz.run import FuzzError, fuzz
from tests.fuzz.targets import targets

COUNTS = {"toml": 500, "trace": 600, "ledger": 500, "checkpoint": 400}


def test_spoilt_files_are_refused_in_one_sentence_or_keep_the_laws(tmp_path: Path) -> None:
    outcomes = fuzz(COUNTS, tmp_path)
    assert sum(outcomes.values()) == sum(COUNTS.values()) == 2000
    for kind in COUNTS:
        assert outcomes[kind, "refused"] > 0.5 * COUNTS[kind]
    assert all(outcomes[kind, "accepted"] > 0 for kind in ("toml", "trace", "ledger"))  # not only noise was tried


@pytest.mark.parametrize("number", range(4))
def test_whole_files_are_accepted(tmp_path: Path, number: int) -> None:
    target = targets(tmp_path)[number]
    whole = [path for path in tmp_path.glob("whole*") if path.suffix == f".{target.name}"]
    assert all(target.use(path) == [] for path in whole)
    assert whole or target.name == "toml"


def test_a_fault_that_is_planted_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imcsim.trace.conservation.LAWS", ())  # whatever is whole is accepted
    with pytest.raises(FuzzError, match=r"^trace [0-9]+, seed 0: "):
        fuzz({"trace": 200}, tmp_path)


def test_the_same_number_is_the_same_file(tmp_path: Path) -> None:
    target = targets(tmp_path)[1]
    for name in ("one", "two"):
        target.spoil(tmp_path / name, np.random.default_rng([0, 1, 5]))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
