"""The analysis of the study hybrid_vs_all: what it changes exists, and what it reads is what the study writes."""

import pytest

from imcsim.analog import AnalogConfig
from imcsim.chip.config import load_chip
from imcsim.core.config import parse
from imcsim.study.points import load_chips, training_points
from imcsim.study.spec import load_study
from studies.hybrid_vs_all.analyse import CALIBRATION, CHANGES, METHODS, SEEDS


@pytest.mark.parametrize("name", CHANGES)
def test_every_change_is_one_that_the_chip_or_the_switches_know(name: str) -> None:
    change = CHANGES[name]
    changed = load_chip("all-rram-28nm", {"rram.pe_count": 128, **change.chip}).config
    stated = load_chip("all-rram-28nm", {"rram.pe_count": 128}).config
    assert (changed != stated) == bool(change.chip)
    assert (parse(AnalogConfig, change.switches, name) != AnalogConfig()) == bool(change.switches)
    assert (changed.geometry.weight_rows, changed.geometry.weight_cols) == (64, 8)  # the traces' PE


def test_it_reads_the_traces_of_the_study() -> None:
    loaded = load_study("hybrid_vs_all")
    points = training_points(loaded.spec, load_chips(loaded.spec), loaded.source)
    for label, beginning in METHODS.items():
        names = [point.name for point in points if point.label == label]
        assert len(names) == len(SEEDS)
        assert all(name.startswith(f"{beginning}-s{seed}-") for name, seed in zip(names, SEEDS, strict=True))
    assert loaded.spec.on_chip is not None
    assert loaded.spec.on_chip.calibration == CALIBRATION  # or their figures could not be compared
