"""The tables that the benchmarks of this folder write beside themselves: a CSV each, a set of rows for each machine.

A ratio is the best CPU time over the best of what it is compared with, in one process; low and high are quartiles.
Rows of other machines, and rows that a run did not measure, stay.
"""

import csv
import datetime
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

_FOLDER = Path(__file__).parent
_KEY = ("case", "shape", "way", "machine")
_FIELDS = (
    "case", "shape", "way", "ms", "base_ms", "ratio", "ratio_low", "ratio_high", "machine", "threads", "versions",
    "date",
)  # fmt: skip
_TELLING = ("avx2", "avx512_vnni", "avx512_vpopcntdq", "amx_int8")  # what the crossbar's fast paths turn on


def times_in_turn_s(calls: list[Callable[[], object]], rounds: int) -> Any:
    """CPU time of each call in each round, (rounds, calls), after one round that does not count."""
    _keep_freed_memory()
    for call in calls:
        call()
    times = np.empty((rounds, len(calls)))
    for row in times:
        for k, call in enumerate(calls):
            start = time.process_time()
            call()
            row[k] = time.process_time() - start
    return times


def row_of(case: str, shape: str, way: str, times_s: Any, base_s: Any, *, paired: bool = True) -> dict[str, Any]:
    """A row from CPU times and those of the base, round by round if paired."""
    times, base = np.asarray(times_s), np.asarray(base_s)
    low, high = np.percentile(times / (base if paired else np.median(base)), (25, 75))
    numbers = {
        "ms": times.min() * 1e3, "base_ms": base.min() * 1e3, "ratio": times.min() / base.min(),
        "ratio_low": low, "ratio_high": high,
    }  # fmt: skip
    return {"case": case, "shape": shape, "way": way} | {name: f"{value:.4g}" for name, value in numbers.items()}


def record(table: str, rows: list[dict[str, Any]], versions: str = "") -> None:
    """Put rows into a table, in place of those of the same name and machine."""
    stamp = {
        "machine": machine(), "threads": torch.get_num_threads(), "versions": f"torch {torch.__version__}{versions}",
        "date": datetime.date.today().isoformat(),
    }  # fmt: skip
    path = _FOLDER / f"{table}.csv"
    kept = list(csv.DictReader(path.read_text().splitlines())) if path.exists() else []
    merged = {tuple(row[name] for name in _KEY): row for row in kept}
    merged |= {tuple((row | stamp)[name] for name in _KEY): row | stamp for row in rows}
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, _FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(merged.values())


def machine() -> str:
    """The processor, and which of the telling instructions it has."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    about = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines) if value}
    has = " ".join(flag for flag in _TELLING if flag in about.get("flags", "").split())
    name = f"{about.get('model name', 'unknown')} family {about.get('cpu family')} model {about.get('model')}"
    return f"{name}; {has}; {os.cpu_count()} cores"


def _keep_freed_memory() -> None:
    """Let the allocator keep what is freed: it does so below the size of the largest block freed, 32 MiB at most.

    Otherwise large tensors, those of the plain product too, pay for page faults at every call.
    """
    torch.ones(31 << 20, dtype=torch.uint8)
