"""Which non-ideality costs the accuracy on the arrays, and which cell or converter would change it.

Run the study first (``imcsim run hybrid_vs_all``), then this file from the checkout with the folder of its results:
``python -m studies.hybrid_vs_all.analyse results/hybrid_vs_all/digits``. It measures the traces of two methods again,
a day after each commit, with one thing changed at a time, and writes on_chip_changes.csv there (means and standard
deviations over seeds, Class-IL in %).
"""

import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from imcsim.chip.config import load_chip
from imcsim.core.csv_text import to_csv
from imcsim.core.files import write_atomic
from imcsim.study.on_chip_choice import OnChipChoice
from imcsim.study.on_chip_worker import accuracy_on_chip
from imcsim.study.summary import statistics
from imcsim.trace.store import load

METHODS = {"er": "er", "er aware": "er-aware"}  # label -> beginning of the trace files
SEEDS = (0, 1, 2)
AGE_S = 86_400.0
CALIBRATION = 64  # as in study.toml
POOLED = {"rram.cell.programming_model": "fraction", "rram.cell.relaxation_model": "pooled"}
# 14 cells of one bit for each weight: 112 columns hold the 64 x 8 weights of the study's PE
ONE_BIT = {"rram.cell_bits": 1, "array.cols": 112}


@dataclass(frozen=True)
class Change:
    """One thing changed: switches of ``AnalogConfig``, or values of the chip."""

    switches: Mapping[str, Any] = field(default_factory=dict)
    chip: Mapping[str, Any] = field(default_factory=dict)


CHANGES = {
    "as stated": Change(),
    "no stuck cells": Change({"stuck": False}),
    "no programming error": Change({"programming": False}),
    "no relaxation": Change({"relaxation": False}),
    "no wires": Change({"wires": False}),
    "no read noise": Change({"read_noise": False}),
    "ideal converter": Change({"converter": False}),
    "7-bit converter": Change(chip={"rram.adc_bits": 7}),
    "6-bit converter": Change(chip={"rram.adc_bits": 6}),
    "1-bit cells": Change(chip=ONE_BIT),
    "one spread for all levels": Change(chip=POOLED),
    "40 nm cell": Change(chip={"rram.cell": "rram-40nm-pessimistic"}),
    "CMO/HfOx cell": Change(chip={"rram.cell": "rram-cmo-hfox-28nm"}),
}


def main(folder: Path, jobs: int = 2) -> Path:
    """Measure every change for every method and seed; return the table's path."""
    keys = [(method, change, seed) for method in METHODS for change in CHANGES for seed in SEEDS]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        found = dict(zip(keys, pool.map(measure, *zip(*((folder, *key) for key in keys), strict=True)), strict=True))
    rows = [
        _row(method, change, [found[method, change, seed] for seed in SEEDS])
        for method in METHODS
        for change in CHANGES
    ]
    path = folder / "on_chip_changes.csv"
    write_atomic(path, to_csv(rows))
    return path


def measure(folder: Path, method: str, change: str, seed: int) -> float:
    """Return Class-IL in % after the last task, a day after its commit; the chip is all RRAM, as the hybrid serves."""
    (path,) = (folder / "traces").glob(f"{METHODS[method]}-s{seed}-*.safetensors")
    what = CHANGES[change]
    chip = load_chip("all-rram-28nm", {"rram.pe_count": 128, **what.chip}).config
    choice = OnChipChoice(ages_s=(AGE_S,), calibration=CALIBRATION, config=dict(what.switches))
    return 100 * float(np.mean(accuracy_on_chip(load(path), chip, choice, seed)["class_il"][0][-1]))


def _row(method: str, change: str, values: list[float]) -> dict[str, Any]:
    stat = statistics(list(values))
    return {"method": method, "change": change, "class_il_mean": stat.mean, "class_il_sd": stat.sd, "seeds": stat.n}


if __name__ == "__main__":
    sys.stdout.write(f"{main(Path(sys.argv[1]))}\n")
