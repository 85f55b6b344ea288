"""Rows that say less and less: whatever is blank, a row is predicted within a band or named with a reason."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from imcsim.core.content import content_root
from imcsim.published import load_units, read_points, shipped_points, validate
from imcsim.published.calibration import QUANTITIES

UNITS = load_units().config


def rows() -> list[dict[str, str]]:
    with (content_root() / "models" / "published" / "chips.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("seed", "share"), [(0, 0.1), (1, 0.4), (2, 0.8)])
def test_any_cells_may_be_silent(tmp_path: Path, seed: int, share: float) -> None:
    drawn = np.random.default_rng(seed)
    shipped, words = rows(), ("", "unknown", "n/a")
    for number, row in enumerate(shipped):
        for name in row:
            if name != "chip_id" and drawn.random() < share:
                row[name] = words[int(drawn.integers(3))]
        row["chip_id"] += f"-{number}"
    path = tmp_path / "silent.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(shipped[0]))
        writer.writeheader()
        writer.writerows(shipped)
    for comparison in validate(read_points(path), shipped_points(), UNITS).comparisons:
        for quantity in QUANTITIES:
            figure = comparison.figures[quantity]
            if figure.predicted is None:
                assert figure.reason
                continue
            assert figure.low is not None and figure.high is not None
            assert 0 < figure.low < figure.predicted < figure.high < math.inf
