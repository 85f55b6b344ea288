"""Headline claims of chips that learned on their arrays, recounted where no learner is needed.

From the checkout: ``python -m studies.silicon_that_trains.analyse results/silicon_that_trains``. It writes claims.csv
(the table), predictions.csv (what ``imcsim validate --training`` predicts), life.csv, wear.csv, first_failure.csv,
pulses.csv, regions.png and stamp.json there.
"""

import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from imcsim.core.config import config_hash
from imcsim.core.csv_text import to_csv
from imcsim.core.files import write_atomic
from imcsim.learn.processor import processor
from imcsim.published.training import ChipFound, shipped_training_chips, validate_training
from imcsim.published.training_macro import base_chip, rram_cells
from imcsim.report.style import save_as
from imcsim.study.code import code_version
from imcsim.study.stamp import git_commit, versions
from studies.silicon_that_trains import regions, wear
from studies.silicon_that_trains.drawings import draw
from studies.silicon_that_trains.findings import ENDER, findings

HERE = Path(__file__).resolve().parent
Row = dict[str, Any]


def tables(found: Sequence[ChipFound]) -> dict[str, list[Row]]:
    """Return file name -> rows."""
    chips, worn = {one.chip.chip_id: one.chip for one in found}, wear.measured()
    worn_rows, first = list(wear.wear_rows(chips[ENDER], worn)), list(wear.first_rows(chips[ENDER], worn))
    return {
        "claims": [finding.row() for finding in findings(found, worn, worn_rows, first)],
        "predictions": [prediction_row(record) for one in found for record in one.records()],
        "life": list(regions.life_rows(chips["chimera_vlsi21_40nm"])),
        "wear": worn_rows,
        "first_failure": first,
        "pulses": list(regions.pulse_rows(chips["fwdonly_arxiv2601_09903"])),
    }


def prediction_row(record: Row) -> Row:
    """Return a record of the command for a table: lists as text."""
    return {key: ", ".join(value) if isinstance(value, list) else value for key, value in record.items()}


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write rows as CSV, four digits of each number, blanks for None."""
    shown = [{k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    write_atomic(path, to_csv(shown))


def stamp(found: Sequence[ChipFound]) -> Row:
    """Return what made the results: commit, code, versions, kind of processor, and a hash of facts and chips."""
    facts = [list(map(str, (one.chip.chip_id, fact))) for one in found for fact in one.chip.facts.values()]
    chips = [one.chip for one in found if one.chip.has("priced_as")]
    with (HERE / "endurer_d2nn.csv").open(encoding="utf-8", newline="") as file:
        measured = list(csv.reader(file))
    settings = {
        "facts": facts, "measured": measured,
        "chips": {chip.chip_id: base_chip(chip).config.model_dump(mode="json") for chip in chips},
        "cells": [
            cell.model_dump(mode="json")
            for chip in chips
            if chip.has("rram_cells")
            for _, _, cell, _ in rram_cells(chip)
        ],
    }  # fmt: skip
    return {
        "commit": git_commit(HERE),
        "code_version": code_version([HERE / "analyse.py"]),
        "config_hash": config_hash(settings),
        "processor": processor(torch.device("cpu")),
        "versions": versions(),
    }


def main(folder: Path) -> None:
    """Write all results below ``folder``."""
    found = validate_training(shipped_training_chips())
    for name, rows in tables(found).items():
        write_rows(rows, folder / f"{name}.csv")
    write_atomic(folder / "stamp.json", json.dumps(stamp(found), indent=1) + "\n")
    save_as(draw({one.chip.chip_id: one.chip for one in found}, wear.measured()), folder / "regions.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
