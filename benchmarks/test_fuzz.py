"""A hundred thousand spoilt files, as the two thousand of ``tests/fuzz``: some half an hour on one core.

``IMCSIM_FUZZ=1000`` tries as many of each hundred thousand; the files after the suite's own come first.
"""

import os
from pathlib import Path

from tests.fuzz.run import fuzz

SHARES = {"toml": 0.35, "trace": 0.35, "ledger": 0.15, "checkpoint": 0.15}


def test_a_hundred_thousand_spoilt_files(tmp_path: Path) -> None:
    wanted = int(os.environ.get("IMCSIM_FUZZ", "100000"))
    counts = {kind: round(share * wanted) for kind, share in SHARES.items()}
    outcomes = fuzz(counts, tmp_path, seed=1)
    assert sum(outcomes.values()) == sum(counts.values())
