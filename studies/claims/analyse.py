"""Headline claims of the field, recounted: one row a claim, and where each energy claim is true.

Run the study first (``imcsim run claims``), then this file from the checkout with the folder of its results:
``python -m studies.claims.analyse results/claims/digits``. It writes claims.csv (the table), runs.csv, masks.csv,
energy_claims.csv, flops.csv, memory.csv, zeroing.csv, freezing.csv, figures/regions.png and figures/memory.png there.
"""

import csv
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from imcsim.chip.config import load_chip
from imcsim.core.csv_text import to_csv
from imcsim.core.files import write_atomic
from imcsim.learn.networks import build_network
from imcsim.learn.shapes import trace_layers
from imcsim.mapping.layer import LayerSpec
from imcsim.report.style import save_as
from imcsim.study.points import load_chips
from imcsim.study.spec import load_study
from imcsim.study.stamp import git_commit
from studies.claims.compare import GATED, RRAM, comparison_rows
from studies.claims.drawings import draw_memory, draw_regions
from studies.claims.findings import Finding, energy_findings, mask_findings
from studies.claims.freezing import freezing_rows
from studies.claims.geometry import NETWORKS, mask_rows
from studies.claims.memory import memory_rows
from studies.claims.runs import Book, Chips, priced, run_rows, traces_of
from studies.claims.sparse_flops import measured_rows, part_rows, rule_rows
from studies.claims.training_findings import (
    accuracy_finding,
    flops_finding,
    freezing_finding,
    memory_findings,
    zeroing_finding,
)
from studies.claims.zeroing import zeroing_rows

HERE = Path(__file__).resolve().parent
Row = dict[str, Any]
OWNED = ("cpg", "packnet")  # methods that zero weight by weight


def published(path: Path = HERE / "published.csv") -> list[Row]:
    """Return the claims: key, paper, claim, value (None where none is known), unit, mark, source."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {**row, "published": float(row["published"]) if row["published"] else None} for row in csv.DictReader(file)
        ]


def claim_rows(claims: Iterable[Row], findings: Iterable[Finding]) -> list[Row]:
    """Return one row for each claim, blank where nothing was measured."""
    found = {finding.key: finding for finding in findings}
    return [found[row["key"]].row(row) if row["key"] in found else row for row in claims]


def tables(book: Book, chips: Chips, gated: Chips) -> dict[str, list[Row]]:
    """Return file name -> rows of everything that findings are read from."""
    layers = _resnet18()
    return {
        "masks": list(mask_rows()),
        "runs": run_rows(book),
        "energy_claims": list(comparison_rows(book, {**chips, **gated})),
        "flops": [*rule_rows(layers), *measured_rows(book, list(chips))],
        "flops_parts": [row for chip in chips for row in part_rows(book, chip)],
        "memory": list(memory_rows()),
        "zeroing": [
            row
            for label in OWNED
            if (label, RRAM) in book
            for row in zeroing_rows(label, [run.trace for run in book[label, RRAM]], chips[RRAM].config)
        ],
        "freezing": list(freezing_rows(layers)),
    }


def findings(book: Book, found: Mapping[str, list[Row]]) -> list[Finding]:
    """Return every finding."""
    return [
        *mask_findings(book, found["masks"]),
        *energy_findings(book, found["energy_claims"]),
        accuracy_finding(book),
        flops_finding(found["flops"]),
        *memory_findings(found["memory"]),
        *zeroing_finding(found["zeroing"]),
        freezing_finding(found["freezing"]),
    ]


def write_rows(rows: list[Row], path: Path) -> None:
    """Write rows as CSV, four digits of each number, blanks for None."""
    shown = [{k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    write_atomic(path, to_csv(shown))


def _resnet18() -> tuple[LayerSpec, ...]:
    name, parameters, image = NETWORKS["resnet18"]
    return trace_layers(build_network(name, 10, image, parameters, 0), image)


def main(folder: Path) -> None:
    """Read the traces below ``folder`` and write what they say."""
    spec, traces = load_study("claims").spec, traces_of(folder / "traces")
    chips = load_chips(spec)
    rram = next(choice for choice in spec.chips if choice.name == RRAM)
    gated = {GATED: load_chip(RRAM, {**rram.set, "gate_columns": True})}
    book = priced(traces, chips) | priced({label: traces[label] for label in ("piggyback", "xbm", "xma")}, gated)
    found = tables(book, chips, gated)
    for name, rows in found.items():
        if rows:
            write_rows(rows, folder / f"{name}.csv")
    write_rows(claim_rows(published(), findings(book, found)), folder / "claims.csv")
    write_atomic(folder / "analysis_stamp.json", json.dumps({"commit": git_commit(HERE)}, indent=1) + "\n")
    save_as(draw_regions(found["energy_claims"]), folder / "figures" / "regions.png")
    save_as(draw_memory(found["memory"]), folder / "figures" / "memory.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
