"""Training FLOPs of continual learning, in two conventions that must not share a column.

"paper": SparCL's counting as its published table implies it: a replay draw costs one forward unit only. The rule is
fitted here to the 3 : 4 : 5 ratio of that table (8.3, 11.1, 13.9); the authors released no code (neu-spiral/SparCL,
issues 2 and 3). "backpropagated": what training really runs; replayed samples go backward too.

A unit is one pass of every sample of the stream through the network in every epoch. Batch-norm, bias, pooling, loss
and optimiser are not counted; one multiply-accumulate is 2 FLOPs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imcsim.mapping.layer import LayerSpec

Convention = Literal["paper", "backpropagated"]


def forward_flops(layers: Sequence[LayerSpec]) -> int:
    """Return FLOPs of one sample's forward pass: 2 per multiply-accumulate."""
    return 2 * sum(layer.macs for layer in layers)


def dense_share(layers: Sequence[LayerSpec], masked: Sequence[str]) -> float:
    """Return the share of multiply-accumulates in layers that are never masked."""
    kept = sum(layer.macs for layer in layers if layer.name not in masked)
    return kept / sum(layer.macs for layer in layers)


def compute_share(dense: float, sparsity: float) -> float:
    """Return F(s) = dense + (1 - s) (1 - dense): the network's work at weight sparsity s, as a share of dense work."""
    return dense + (1 - sparsity) * (1 - dense)


def training_units(
    replay_draws: int,
    forward_share: float = 1.0,
    gradient_share: float | None = None,
    convention: Convention = "paper",
) -> float:
    """Return the training work per sample in units of one dense forward pass.

    Parameters
    ----------
    replay_draws
        K: replayed batches per step (0 none, 1 ER, 2 DER++), each as large as the current batch.
    forward_share
        F(s), see :func:`compute_share`.
    gradient_share
        F(q) with gradient sparsity q; F(s) if None.
    convention
        "paper": (1 + K) F(s) + 2 F(q), so both backward halves at q and none for replay.
        "backpropagated": (1 + K) (2 F(s) + F(q)); an input gradient needs every active weight whatever q is.
    """
    gradient = forward_share if gradient_share is None else gradient_share
    passes = 1 + replay_draws
    if convention == "paper":
        return passes * forward_share + 2 * gradient
    return passes * (2 * forward_share + gradient)


def rigl_units(forward_share: float, delta_steps: int) -> float:
    """Return RigL's training work per sample in units of one dense forward pass, averaged over its steps.

    (3 f_S Delta T + 2 f_S + f_D) / (Delta T + 1): of Delta T + 1 steps one takes the dense gradient (Evci et al., ICML
    2020, appendix on FLOPs; google-research/rigl). ``forward_share`` is F(s). Drop and grow themselves are not counted.
    """
    return (3 * forward_share * delta_steps + 2 * forward_share + 1) / (delta_steps + 1)


def frozen_prefix_units(forward_share: float, prefix_share: float) -> float:
    """Return the training work per sample, in dense forward passes, when the front of a chain is frozen.

    F (1 + 2 (1 - phi)): the whole forward pass, and both backward halves behind the prefix only. ``prefix_share`` is
    phi, the prefix's share of the forward work. (The first layer behind it needs no input gradient either:
    :func:`training_flops` counts that.)
    """
    return forward_share * (1 + 2 * (1 - prefix_share))


def run_flops(layers: Sequence[LayerSpec], samples: int, epochs: int, units: float, kept_share: float = 1.0) -> float:
    """Return training FLOPs of a whole stream.

    Parameters
    ----------
    layers
        Mapped layers.
    samples
        Training samples of all tasks together.
    epochs
        Epochs per task.
    units
        From :func:`training_units`.
    kept_share
        Mean share of samples that data removal leaves.
    """
    return forward_flops(layers) * samples * epochs * units * kept_share


@dataclass(frozen=True)
class TrainingFlops:
    """FLOPs of one sample's training pass, by part."""

    forward: int
    input_gradient: int
    weight_gradient: int

    @property
    def backward(self) -> int:
        """Input gradients and weight gradients."""
        return self.input_gradient + self.weight_gradient

    @property
    def total(self) -> int:
        """Forward and backward."""
        return self.forward + self.backward


def training_flops(
    layers: Sequence[LayerSpec],
    trainable: Mapping[str, bool],
    needs_input_gradient: Mapping[str, bool] | None = None,
) -> TrainingFlops:
    """Return FLOPs of one sample's training pass when some layers are frozen, following the graph.

    A frozen layer computes no weight gradient; it passes the error on as long as anything before it trains. So freezing
    scattered layers saves less than half of the backward work.

    Parameters
    ----------
    layers
        Mapped layers in order of execution.
    trainable
        Layer -> whether any of its weights trains.
    needs_input_gradient
        Layer -> whether something before it trains. None: a layer earlier in ``layers`` does (exact for a chain; for
        branches, or trainable parameters outside mapped layers, give it).
    """
    needed = _trains_before(layers, trainable) if needs_input_gradient is None else needs_input_gradient
    return TrainingFlops(
        forward=forward_flops(layers),
        input_gradient=forward_flops([layer for layer in layers if needed[layer.name]]),
        weight_gradient=forward_flops([layer for layer in layers if trainable[layer.name]]),
    )


def _trains_before(layers: Sequence[LayerSpec], trainable: Mapping[str, bool]) -> dict[str, bool]:
    needed: dict[str, bool] = {}
    above = False
    for layer in layers:
        needed[layer.name] = above
        above = above or trainable[layer.name]
    return needed


def recorded_flops(
    counts: Mapping[str, NDArray[np.int64]], task_counts: Mapping[str, NDArray[np.int64]]
) -> dict[str, float]:
    """Return the FLOPs of a recorded run: the parts that ran, and both conventions.

    Every vector meets the layer's active weights (as they are at the end of the task), a weight gradient only the
    weights that may change. "backpropagated" is what ran in training steps; "paper" leaves out the replayed samples'
    share of the backward work; gradients beyond the update mask and scoring are listed apart and in neither.

    Parameters
    ----------
    counts, task_counts
        Of a trace: names of ``trace.schema.COUNTS`` -> (T, L) and of ``TASK_COUNTS`` -> (T,).
    """
    active = counts["active_weights"]
    forward = 2.0 * (counts["forward_vectors"] * active).sum(1)
    input_gradient = 2.0 * (counts["input_gradient_vectors"] * active).sum(1)
    weight_gradient = 2.0 * counts["weight_gradient_macs"].sum(1)
    backward = input_gradient + weight_gradient
    new_share = 1 - task_counts["replay_samples_read"] / np.maximum(task_counts["samples"], 1)
    scored = counts["scoring_forward_vectors"] + counts["scoring_input_gradient_vectors"]
    scoring = 2.0 * ((scored * active).sum(1) + counts["scoring_weight_gradient_macs"].sum(1))
    parts = {
        "forward": forward,
        "input_gradient": input_gradient,
        "weight_gradient": weight_gradient,
        "beyond_update_mask": 2.0 * counts["dense_gradient_macs"].sum(1),
        "scoring": scoring + 2.0 * task_counts["scoring_macs"],
        "backpropagated": forward + backward,
        "paper": forward + backward * new_share,
    }
    return {name: float(values.sum()) for name, values in parts.items()}
