"""Runners that stand in for training, and a small spec: plain functions, so that worker processes can import them."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from imcsim.chip.report import HORIZON_COLUMNS, Lifetime, Report, Writes
from imcsim.core.cost import Breakdown
from imcsim.core.errors import DataError, StorageError
from imcsim.core.sources import Origin
from imcsim.study.engine import Payload
from imcsim.trace.store import save
from tests.chip.hand import random_trace

LABELS = ("finetune", "hyb 0.5")
STUDY = """
name = "tiny"
title = "Tiny"
question = "Does it run?"
seeds = [0, 1]
reference_chip = "hybrid-28nm"
[stream]
dataset = "digits"
tasks = 2
[network]
name = "mlp"
params = { hidden = [8] }
[training]
epochs = 1
[[methods]]
label = "plain"
method = "finetune"
[[methods]]
label = "replay"
method = "er"
[[chips]]
name = "all-sram-28nm"
set = { "sram.pe_count" = 64 }
[[chips]]
name = "hybrid-28nm"
set = { "rram.pe_count" = 64, "sram.pe_count" = 32 }
"""
CHIPS = ("all-rram-28nm", "all-sram-28nm", "hybrid-28nm")


def echo(payload: Payload) -> str:
    return f"{payload['n']}:{os.environ['OMP_NUM_THREADS']}"


def slow_echo(payload: Payload) -> str:
    time.sleep(float(payload.get("sleep", 0.2)))
    return str(payload["n"])


def tell_pid(payload: Payload) -> str:
    Path(payload["file"]).write_text(str(os.getpid()))
    time.sleep(100_000)
    return ""


def die_on_two(payload: Payload) -> str:
    if payload["n"] == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return str(payload["n"])


def raise_on_two(payload: Payload) -> str:
    if payload["n"] == 2:
        raise ValueError("no good")
    return str(payload["n"])


def refuse(payload: Payload) -> str:
    raise DataError(f"data set {payload['n']} is missing")


def fake_training(payload: Payload) -> str:
    """Save a small random trace where the point's trace belongs; the same point gives the same trace."""
    config, path = payload["config"], Path(payload["trace"])
    trace = random_trace(config["seed"])
    meta = trace.meta.model_copy(update={"seed": config["seed"], "method": config["method"]})
    save(replace(trace, meta=meta), path)
    return str(path)


def die_while_marked(payload: Payload) -> str:
    """Die while seed 1 trains, as long as the marker file exists."""
    if payload["config"]["seed"] == 1 and Path(os.environ["IMCSIM_TEST_MARKER"]).exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return fake_training(payload)


def slow_training(payload: Payload) -> str:
    """Train seed 0 at once; wait for a stop request in all others."""
    while payload["config"]["seed"] and not Path(payload["stop"]).exists():
        time.sleep(0.05)
    return fake_training(payload) if not payload["config"]["seed"] else ""


def no_training(payload: Payload) -> str:
    raise AssertionError("nothing was to be trained")


def full_disk(payload: Payload) -> str:
    raise StorageError(f"cannot write {Path(payload['trace']).name}: No space left on device")


def make_report(method: str, chip: str, seed: int = 0, **changes: Any) -> Report:
    """Return a report with round numbers: energy grows with the seed, RRAM is written unless the chip is all SRAM."""
    scale = (1.0 + 0.1 * seed) * {"all-rram-28nm": 4.0, "all-sram-28nm": 1.0}.get(chip, 2.0)
    by_task = tuple(Breakdown.of({"forward": {"adc": 1e-3 * scale}, "update": {"cells": 5e-4 * scale}}) for _ in "ab")
    rram, sram = "sram" not in chip, "all-rram" not in chip
    writes = {"rram": Writes(100, 5000, (2500, 2500), 80, 50.0, 100)} if rram else {}
    writes |= {"sram": Writes(100, 9000, (4500, 4500), 120, 90.0, 0)} if sram else {}
    life = {"rram": Lifetime(40.0, 25.0, 2500.0, 900.0, 6.8, 2.5, 1.0)} if rram else {}
    accuracy = 0.5 + 0.1 * seed
    values: dict[str, Any] = {
        "chip": chip, "method": method, "dataset": "digits", "network": "convnet", "seed": seed,
        "energy": by_task[0].plus(by_task[1]), "energy_by_task": by_task,
        "deployment": Breakdown.of({"rram": 1e-6}), "task_switch": Breakdown.of({"masks": 1e-7}),
        "power_up": Breakdown.of({"reload": 1e-7}), "inference": Breakdown.of({"adc": 2e-7}),
        "latency": Breakdown.of({"forward": 2.0}), "latency_by_task": (Breakdown.of({"forward": 1.0}),) * 2,
        "inference_latency": Breakdown.of({"forward": 1e-6}),
        "area": Breakdown.of({"array": 1e-7, "unused": 2e-8}), "writes": writes, "lifetime": life,
        "horizon": dict.fromkeys(HORIZON_COLUMNS, 1e-3) | {"inferences_per_task": 1000.0},
        "placement": {"sram_trainable": np.array([3, 3])},
        "accuracy": {
            "class_il_final": accuracy, "task_il_final": accuracy + 0.2, "forgetting_class_il_max": 0.1,
            "class_il_matrix": [[0.9, 0.0], [accuracy, 0.8]], "task_il_matrix": [[0.95, 0.5], [accuracy + 0.2, 0.9]],
        },
        "warnings": ("the SRAM PEs were too few for task 1",) if chip == "hybrid-28nm" else (),
        "origins": {"clock_hz": Origin("file", f"{chip}.toml", "Some 2020 paper, table 1", 1e8, 1e9)},
    }  # fmt: skip
    return Report(**(values | changes))
