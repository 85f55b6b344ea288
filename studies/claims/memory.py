"""Training memory of one step of ResNet-18 by Rep-Net's byte model, from what a run records; seconds, no data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from imcsim.learn.api import learn
from imcsim.learn.config import LearnConfig
from imcsim.trace.trace import Trace

FLOAT_BYTES = 4.0
BATCH = 32
# Digits, padded to the size of a CIFAR image: memory depends on shapes, not on pixels. Width 16 of 64: activations
# scale with the width in both terms of a ratio, but for column masks, which keep partial sums.
RUN: dict[str, Any] = {
    "domains": ["digits", "digits"], "image_shape": [3, 32, 32], "train_limit": 40, "test_limit": 10,
    "network": "resnet18", "network_params": {"width": 16}, "epochs": 1, "batch_size": BATCH,
}  # fmt: skip


@dataclass(frozen=True)
class Learner:
    """One method of the table; ``label`` names its row."""

    label: str
    method: str
    config: Mapping[str, Any]


ADDITIVE = tuple(
    Learner(
        f"da3 additive, pool {pool}, squeeze {squeeze}", "da3", {"norm": "frozen", "pool": pool, "squeeze": squeeze}
    )
    for pool in (2, 4, 8, 16)
    for squeeze in (4, 16)
)
LEARNERS: tuple[Learner, ...] = (
    Learner("finetune", "finetune", {}),
    Learner("er", "er", {"buffer_size": 200}),
    Learner("derpp", "derpp", {"buffer_size": 200}),
    *ADDITIVE,
    Learner("da3 additive, pool 4, squeeze 4, norm trained", "da3", {"norm": "per-task", "pool": 4, "squeeze": 4}),
    Learner("da3 multiplicative, pool 4, squeeze 4", "da3", {"form": "multiplicative", "norm": "frozen", "pool": 4}),
    Learner("piggyback", "piggyback", {}),
    Learner("xbm", "xbm", {"norm": "frozen"}),
    Learner("lora", "lora", {}),
    Learner("repnet", "repnet", {}),
    Learner("lightcl", "lightcl", {}),
    Learner("first-k, 15 of 21 layers", "first-k", {"base": "finetune", "frozen_layers": 15}),
)


def activation_bytes(trace: Trace, phase: int = -1) -> float:
    """Return the bytes kept at once for the backward pass of a step: 4 an element, 1/8 a sign."""
    counts = trace.task_counts
    return FLOAT_BYTES * float(counts["peak_kept_elements"][phase]) + float(counts["peak_kept_bits"][phase]) / 8


def parameter_bytes(trace: Trace, phase: int = -1, *, state: bool = False) -> float:
    """Return 4 B for each parameter that trains and the code's bytes for each frozen weight."""
    counts = trace.task_counts
    weights = sum(spec.weight_count for spec in trace.meta.layers)
    trained = float(trace.counts["trainable_weights"][phase].sum())
    values = trained + float(counts["digital_parameters"][phase])
    values += float(counts["optimizer_state_values"][phase]) if state else 0.0
    return FLOAT_BYTES * values + max(0.0, weights - trained) * trace.meta.weight_bits / 8


def memory_rows(learners: tuple[Learner, ...] = LEARNERS) -> Iterator[dict[str, Any]]:
    """Yield one row for each learner: bytes while the second task trains, and how many times less than ``finetune``.

    ``activations_less`` compares kept activations alone (a batch without end), ``total_less`` all of Rep-Net's model at
    the batch that ran, without gradients and optimiser state, as there.
    """
    rows: list[dict[str, Any]] = []
    for learner in learners:
        trace = learn(LearnConfig(method=learner.method, method_config=dict(learner.config), **RUN))
        kept, parameters = activation_bytes(trace), parameter_bytes(trace)
        rows.append(
            {
                "learner": learner.label,
                "batch": BATCH,
                "kept_elements": int(trace.task_counts["peak_kept_elements"][-1]),
                "kept_signs": int(trace.task_counts["peak_kept_bits"][-1]),
                "activation_bytes": kept,
                "parameter_bytes": parameters,
                "optimizer_state_bytes": parameter_bytes(trace, state=True) - parameters,
            }
        )
    base = rows[0]
    for row in rows:
        total = row["activation_bytes"] + row["parameter_bytes"]
        yield row | {
            "activations_less": base["activation_bytes"] / row["activation_bytes"],
            "total_less": (base["activation_bytes"] + base["parameter_bytes"]) / total,
        }
