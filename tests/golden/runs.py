"""The stored traces: a tiny run of every method and of what methods have in common, and traces made by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from imcsim.chip import ChipConfig
from imcsim.core.seeds import child_seed
from imcsim.learn.api import learn, learn_on
from imcsim.learn.config import LearnConfig
from imcsim.learn.global_draws import lent_globals
from imcsim.learn.method import METHODS
from imcsim.learn.start import make_stream
from imcsim.mapping.masks import expand_pe_mask
from imcsim.trace import Trace
from imcsim.trace.store import load
from tests.chip.hand import random_trace, small_chip
from tests.chip.leaves.reach import HYBRID, charged_trace

FOLDER = Path(__file__).with_name("traces")
TINY: dict[str, Any] = {
    "dataset": "digits", "tasks": 2, "classes_per_task": 2, "train_limit": 24, "test_limit": 8,
    "network": "convnet", "network_params": {"channels": [2, 3, 3]}, "epochs": 2, "batch_size": 16,
    "momentum": 0.9, "weight_decay": 1e-3, "pe_tile": [8, 4],
}  # fmt: skip
"""PEs of 8 x 4 weights: 8 x 32 cells."""
LINEAR: dict[str, Any] = {"network": "mlp", "network_params": {"hidden": [3]}}
WORN = {"endurance_scale_cycles": 3.0, "endurance_shape": 1.5, "encoding": "differential-8w-2c"}
SHALLOW: dict[str, Any] = {"network_params": {"channels": [2, 3]}}
RUNS: dict[str, dict[str, Any]] = {
    **{name: {"method": name} for name in METHODS.names()},
    "vera": {"method": "vera", "method_config": {"rank": 3}, **SHALLOW},
    **{name: {"method": name, **SHALLOW} for name in ("da3", "lora", "repnet")},
    "three-tasks-placed": {"method": "hyb-learn", "tasks": 3, "method_config": {"frozen_fraction": 0.5}},
    "three-tasks-switched": {"method": "lora", "tasks": 3, **SHALLOW},
    "three-tasks-masks": {"method": "packnet", "tasks": 3},
    "reprogrammed": {
        "method": "xma2", "tasks": 3, "method_config": {"budget": 0.3, "weight_learning_rate": 0.05},
    },
    "closed-columns": {"method": "xbm", "tasks": 3, "method_config": {"threshold": 0.02}},
    "worn-at-steps": {"method": "er", "wear": {**WORN, "policy": "step"}},
    "worn-at-epochs": {"method": "finetune", "wear": {**WORN, "policy": "epoch"}, **LINEAR},
    "worn-at-commits": {"method": "hyb-learn", "wear": {**WORN, "policy": "commit"}},
    "sparse-replay": {"method": "sparcl", "method_config": {"base": "derpp", "sparsity": 0.75}},
    "sparse-frozen": {"method": "spfde", "method_config": {"base": "er", "freeze_from": 0.0, "frozen_share": 0.75}},
    "threshold": {"method": "finetune", "writing": {"threshold": 1.5, "row_share": 0.5, "keep_rest": True}, **LINEAR},
    "stochastic": {"method": "er", "writing": {"rounding": "stochastic", "master": "codes"}, **LINEAR},
    "adam": {"method": "er", "optimizer": "adam", "learning_rate": 0.01, **LINEAR},
    "narrow": {"method": "er", "weight_bits": 5, "input_bits": 6, "error_bits": 7, **LINEAR},
    "narrow-bits": {
        "method": "er", "weight_bits": 5, **LINEAR,
        "encodings": [{"sign": "offset", "weight_bits": 5, "cell_bits": 1}],
    },
    "cell-bits": {
        "method": "derpp", **SHALLOW,
        "encodings": [
            *({"sign": "differential", "weight_bits": 8, "cell_bits": bits} for bits in (1, 2, 3)),
            {"sign": "offset", "weight_bits": 8, "cell_bits": 1},
        ],
    },
}  # fmt: skip


class Joined(nn.Module):
    """Convolution, grouped convolution beside a 1 x 1 one whose sum meets a shortcut, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1, stride=2)
        self.grouped = nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.beside = nn.Conv2d(4, 4, 1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.last = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x).relu()
        x = self.norm(self.grouped(x) + self.beside(x) + x).relu()
        logits: Tensor = self.last(nn.functional.max_pool2d(x, 2).flatten(1))
        return logits


def names() -> tuple[str, ...]:
    """Return the names of all traces."""
    return (*RUNS, *(f"joined-{method}" for method in _JOINED), *MADE)


def make(name: str) -> Trace:
    """Learn trace ``name``, or make it by hand."""
    if name in MADE:
        return MADE[name]()
    if name not in RUNS:
        return _joined(name.removeprefix("joined-"))
    return learn(LearnConfig.model_validate(TINY | RUNS[name]))


def file_of(name: str) -> Path:
    """Return where trace ``name`` is stored."""
    return FOLDER / f"{name}.safetensors"


def stored(name: str) -> Trace:
    """Return trace ``name`` as it was stored."""
    return load(file_of(name))


_JOINED = ("er", "hyb-learn", "rigl")


def _joined(method: str) -> Trace:
    config = LearnConfig.model_validate({**TINY, "method": method, "network": "joined", "network_params": {}})
    with lent_globals(child_seed(config.seed, "golden")):
        return learn_on(config, Joined(), make_stream(config))


def _chip() -> ChipConfig:
    return small_chip(HYBRID).config


def _placed() -> Trace:
    """Return three tasks in PEs of 4 x 2 weights, of which others rest in each and the first in all."""
    rng, tile, steps, vectors = np.random.default_rng(7), (4, 2), 6, (64, 16)
    placement = {"a": rng.random((3, 1, 3, 3)) < 0.6, "b": rng.random((3, 1, 2, 2)) < 0.6}
    placement["a"][:, 0, 0, 0] = False
    shapes = {"a": (1, 10, 5), "b": (1, 5, 3)}
    trained = [[expand_pe_mask(placement[name][t], shapes[name], tile).sum() for name in shapes] for t in range(3)]
    counts = {"weight_gradient_macs": np.multiply(trained, vectors), "updated_weights": np.multiply(trained, steps)}
    return random_trace(3, placement=placement, pe_tile=tile, counts=counts)


MADE: dict[str, Callable[[], Trace]] = {
    "charged": lambda: charged_trace(_chip()),
    "charged-switched": lambda: charged_trace(_chip(), own="switched"),
    "charged-resident": lambda: charged_trace(_chip(), own="resident", wear=True),
    "charged-worn": lambda: charged_trace(small_chip("all-rram-28nm").config, own="switched", wear=True),
    "walk": lambda: random_trace(1, still=(1,)),
    "placed": _placed,
}


def small_pes(name: str) -> bool:
    """Tell whether trace ``name`` is of PEs of 4 x 2 weights instead of 8 x 4."""
    return name in MADE
