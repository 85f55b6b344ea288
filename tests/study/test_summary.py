import math

from imcsim.study.summary import Stat, flat, statistics, summarise

ROWS = [
    {"method": "er", "chip": "a", "seed": 1, "energy_j": 3.0, "lifetime_tasks": None, "note": "x"},
    {"method": "er", "chip": "a", "seed": 0, "energy_j": 1.0, "lifetime_tasks": 10.0, "note": "y"},
    {"method": "er", "chip": "b", "seed": 0, "energy_j": 5.0, "lifetime_tasks": None, "note": "z"},
]


def test_mean_and_sample_deviation_by_hand() -> None:
    assert statistics([1.0, 3.0]) == Stat(2.0, math.sqrt(2.0), 2)
    assert statistics([4.0]) == Stat(4.0, 0.0, 1)
    assert statistics([None, 4.0]) == Stat(4.0, 0.0, 1)
    assert statistics([None]) == Stat(None, 0.0, 0)


def test_groups_follow_method_and_chip() -> None:
    first, second = summarise(ROWS)
    assert (first.method, first.chip, first.seeds) == ("er", "a", (0, 1))
    assert first.mean("energy_j") == 2.0
    assert first.stats["lifetime_tasks"] == Stat(10.0, 0.0, 1)
    assert second.mean("lifetime_tasks") is None
    assert "note" not in first.stats
    assert first.mean("no such column") is None


def test_flat_rows_name_mean_sd_and_n() -> None:
    row = flat(summarise(ROWS)[0])
    assert row["energy_j_mean"] == 2.0
    assert row["energy_j_sd"] == math.sqrt(2.0)
    assert row["energy_j_n"] == 2
    assert row["seeds"] == 2
