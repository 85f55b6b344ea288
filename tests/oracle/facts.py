"""What the oracle reads: the plain arrays of a trace and the plain values of a chip, without any of their methods.

The one place that knows the names of a trace's fields. Shape letters: F placement phases (a stretch of steps with one
placement; one a task as traces are now), T tasks, L mapped layers, K cells per weight, G groups, D fan-in, N outputs,
b bits.
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Layer:
    """One weight matrix (G, D, N), and the input vectors of one image."""

    name: str
    groups: int
    fan_in: int
    outputs: int
    positions: int

    @property
    def inputs_all(self) -> int:
        """Rows of all groups: elements of one input vector."""
        return self.groups * self.fan_in

    @property
    def outputs_all(self) -> int:
        """Columns of all groups: elements of one output vector."""
        return self.groups * self.outputs

    @property
    def weights(self) -> int:
        """Weights, and so multiply-accumulates of one vector."""
        return self.groups * self.fan_in * self.outputs


@dataclass(frozen=True)
class Facts:
    """A trace as plain arrays.

    ``count`` name -> (F, L), ``total`` name -> (F,), ``codes`` layer -> (F + 1, G, D, N), ``changes`` and
    ``transitions`` by (policy, encoding, layer) -> (F, K, G, D, N) and (F, levels, levels), ``placement`` layer ->
    (F, G, row tiles, column tiles), ``failed_writes`` (F, L) or None, densities (F, L, b).
    """

    layers: tuple[Layer, ...]
    task_of: tuple[int, ...]
    count: dict[str, Array]
    total: dict[str, Array]
    codes: dict[str, Array]
    changes: dict[tuple[str, str, str], Array]
    transitions: dict[tuple[str, str, str], Array]
    placement: dict[str, Array]
    failed_writes: Array | None
    worn_as: tuple[str, str] | None
    input_density: Array
    error_density: Array
    told_task: bool
    switched: tuple[str, ...]
    resident: tuple[str, ...]

    @property
    def phases(self) -> int:
        """F."""
        return len(self.task_of)

    @property
    def tasks(self) -> int:
        """T."""
        return len(set(self.task_of))

    @property
    def learned(self) -> list[int]:
        """For each task, which entry of ``codes`` holds the weights once it is learned."""
        return [max(f for f in range(self.phases) if self.task_of[f] == task) + 1 for task in range(self.tasks)]


def facts_of(trace: Any) -> Facts:
    """Return the plain arrays of ``trace``."""
    meta = trace.meta
    return Facts(
        layers=tuple(_layer(spec) for spec in meta.layers),
        task_of=tuple(range(len(meta.task_classes))),
        count={name: np.asarray(value, dtype=np.float64) for name, value in trace.counts.items()},
        total={name: np.asarray(value, dtype=np.float64) for name, value in trace.task_counts.items()},
        codes={name: np.asarray(value, dtype=np.int64) for name, value in trace.codes.items()},
        changes=dict(trace.changes),
        transitions=dict(trace.transitions),
        placement=dict(trace.placement),
        failed_writes=trace.wear_counts["failed_writes"] if trace.wear_counts else None,
        worn_as=_worn_as(meta),
        input_density=trace.input_density,
        error_density=trace.error_density,
        told_task="class-il" not in meta.scenarios,
        switched=meta.switched_layers,
        resident=meta.resident_layers,
    )


def plain(values: Any) -> Any:
    """Return a mapping of values, as a chip dumps itself, as fields without any method."""
    if isinstance(values, dict):
        return SimpleNamespace(**{name: plain(value) for name, value in values.items()})
    return values


def _layer(spec: Any) -> Layer:
    kernel = spec.kernel[0] * spec.kernel[1]
    fan_in, outputs = spec.in_features * kernel // spec.groups, spec.out_features // spec.groups
    return Layer(spec.name, spec.groups, fan_in, outputs, spec.positions)


def _worn_as(meta: Any) -> tuple[str, str] | None:
    """Return the encoding and the write policy under which the cells of a trace wore out, None if none did."""
    wear = meta.config.get("wear")
    if not wear:
        return None
    first = meta.encodings[0]
    return wear["encoding"] or encoding_name(first.sign, first.weight_bits, first.cell_bits), wear["policy"]


def encoding_name(sign: str, weight_bits: int, cell_bits: int) -> str:
    """Return the key under which a trace counts level changes."""
    return f"{sign}-{weight_bits}w-{cell_bits}c"
