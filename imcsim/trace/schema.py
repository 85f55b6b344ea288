"""What a trace holds, field by field; the prose version is ``docs/trace.md``.

Shape letters: T tasks, F placement phases, L mapped layers, K cells per weight, G groups, D fan-in, N outputs per
group, b bits.
"""

from typing import Any, Literal

from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.crossbar.encoding import Encoding
from imcsim.mapping.layer import LayerSpec
from imcsim.trace.phase import Phase, fault_of, last_phases
from imcsim.trace.work_term import WorkTerm

SCHEMA_VERSION: Literal[4] = 4

Policy = Literal["step", "epoch", "task"]
Scenario = Literal["class-il", "task-il"]
POLICIES: tuple[Policy, ...] = ("step", "epoch", "task")
RECORDED_POLICIES: tuple[Policy, ...] = ("step", "epoch")  # "task" follows from the codes

COUNTS: dict[str, str] = {
    "forward_vectors": "input vectors through the array in training forward passes, replay included",
    "input_gradient_vectors": "error vectors through the transposed array in training backward passes",
    "weight_gradient_vectors": "input/error vector pairs that enter the weight gradient",
    "weight_gradient_macs": "multiply-accumulates of the weight gradient, trainable PEs and unmasked weights only",
    "dense_gradient_macs": "multiply-accumulates of gradients computed beyond the update mask (importance, regrowth)",
    "scoring_forward_vectors": "input vectors while PEs or samples are scored",
    "scoring_input_gradient_vectors": "error vectors while PEs are scored",
    "scoring_weight_gradient_macs": "multiply-accumulates of the weight gradient while PEs are scored",
    "kept_elements": "activation elements of this layer's input kept for backward, summed over all training samples",
    "trainable_weights": "weights of the layer that may change in this task",
    "active_weights": "weights inside the sparsity mask at the end of the task (all, if there is none)",
    "peak_active_weights": "weights inside the sparsity mask at once, largest over the task: cells that must exist",
    "closed_segments": "column segments (rows of one PE of one output) that the task's mask closes: they add 0",
    "updated_weights": "master-copy updates, summed over steps: weights written by the optimiser",
    "skipped_writes": "weights not written at a step although the nearest code of the master copy changed",
}
LATER_COUNTS = ("skipped_writes", "forward_only_samples")  # a trace written before they were counted has none: 0
TASK_COUNTS: dict[str, str] = {
    "optimizer_steps": "optimiser steps",
    "epochs": "epochs, and so commits under the epoch policy; one that a phase ends within is one of either phase",
    "samples": "samples passed forward and backward in training, replay included",
    "forward_only_samples": "samples passed forward within a training step and never backward, beyond samples",
    "replay_samples_read": "samples drawn from the replay buffer",
    "replay_samples_written": "samples stored into the replay buffer",
    "replay_bytes_read": "bytes read from the replay buffer (image, label, logits)",
    "replay_bytes_written": "bytes written to the replay buffer",
    "relu_elements": "elements of which one bit (sign, dropout) is kept for backward, summed over all training samples",
    "other_kept_elements": "elements kept by norms and other unmapped operations alone, summed over samples",
    "peak_kept_elements": "activation elements kept at once, by passes whose graphs live together: largest over steps",
    "peak_kept_bits": "single bits kept at once: largest over steps",
    "digital_parameters": "trainable parameters held in digital logic (bias, batch-norm)",
    "optimizer_state_values": "values of optimiser state of all that trains, weights and digital parameters",
    "mask_bits": "bits of masks that the task needs when it is served",
    "scoring_bytes": "bytes that scoring must remember between tasks (bases, importances, old masks)",
    "scoring_macs": "multiply-accumulates of scoring beyond the network's own passes (SVD, projections)",
}
SINGLE_ARRAYS = ("input_density", "error_density", "input_zero_share", "error_zero_share")
ACCURACIES: dict[Scenario, str] = {"class-il": "class_il", "task-il": "task_il"}  # the matrix of each scenario
WEAR_COUNTS: dict[str, str] = {  # recorded only where cells wear while learning
    "dead_cells": "cells of the layer that are stuck at the end of the task",
    "failed_writes": "writes to dead cells that verify found to have failed",
}


class TraceMeta(FrozenConfig):
    """The JSON side of a trace.

    ``image_shape`` is (C, H, W) of the stream's images. ``pe_tile`` is (weight rows, weight columns) of a PE where the
    method's masks depend on it, else None: then any geometry can be priced. ``encodings`` are those for which level
    changes were counted. ``scenarios`` are those that the method can serve: without "class-il", ``Trace.class_il`` is 0
    and means nothing. ``switched_layers`` hold other weights for each task: the codes after task t are those that serve
    it, and a switch from one task to another rewrites the cells that differ. ``resident_layers`` are small and a task's
    own, stored with its masks (``mask_bits``): a chip that has SRAM keeps them there and commits nothing of them.
    ``producers`` names for each layer the earlier layers whose outputs its input is made from, none for a layer on the
    image alone; empty, as in older traces: a chain. ``set_layers`` holds for each task layer -> why its levels may
    change without a weight gradient, in the method's words; empty: no layer's may. ``acts`` counts, by task, what makes
    the method what it is (mask changes, prunings, freezes), each one that it declares; empty in older traces.
    ``placement_phases`` are the stretches of steps between which PEs may change their places; empty: one a task.
    ``work_terms`` are the work that the method declares beyond the counts of the schema.
    """

    schema_version: Literal[4] = SCHEMA_VERSION
    imcsim_version: str
    config: dict[str, Any] = Field(default_factory=dict)
    config_hash: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    seed: int = 0
    method: str
    network: str
    dataset: str
    image_shape: tuple[int, int, int] | None = None
    task_classes: tuple[tuple[int, ...], ...]
    task_sizes: tuple[int, ...]
    layers: tuple[LayerSpec, ...] = Field(min_length=1)
    producers: tuple[tuple[str, ...], ...] = ()
    weight_bits: int = Field(8, ge=2, le=16)
    weight_scales: tuple[float, ...] = ()
    input_bits: int = Field(8, ge=1, le=16)
    error_bits: int = Field(8, ge=2, le=16)
    batch_size: int = Field(1, ge=1)
    encodings: tuple[Encoding, ...] = Field(min_length=1)
    pe_tile: tuple[int, int] | None = None
    flops: dict[str, float] = Field(default_factory=dict)
    clipped_weight_share: float = Field(0.0, ge=0, le=1)
    notes: tuple[str, ...] = ()
    scenarios: tuple[Scenario, ...] = Field(("class-il", "task-il"), min_length=1)
    switched_layers: tuple[str, ...] = ()
    resident_layers: tuple[str, ...] = ()
    set_layers: tuple[dict[str, str], ...] = ()
    acts: dict[str, tuple[int, ...]] = Field(default_factory=dict)
    placement_phases: tuple[Phase, ...] = ()
    work_terms: tuple[WorkTerm, ...] = ()

    @model_validator(mode="after")
    def _one_width(self) -> "TraceMeta":
        for encoding in self.encodings:
            if encoding.weight_bits != self.weight_bits:
                raise ValueError(f"encoding {encoding.name} is not for {self.weight_bits}-bit weights")
        if len({layer.name for layer in self.layers}) != len(self.layers):
            raise ValueError("layer names must differ")
        return self

    @model_validator(mode="after")
    def _producers_run_before(self) -> "TraceMeta":
        names = [layer.name for layer in self.layers]
        if self.producers and len(self.producers) != len(names):
            raise ValueError(f"producers must be given for each of {len(names)} layers, got {len(self.producers)}")
        for index, given in enumerate(self.producers):
            for name in given:
                if name not in names[:index]:
                    raise ValueError(f"layer '{names[index]}' cannot read from '{name}', which does not run before it")
        return self

    @model_validator(mode="after")
    def _set_layers_fit(self) -> "TraceMeta":
        if self.set_layers and self.tasks and len(self.set_layers) != self.tasks:
            raise ValueError(f"set_layers must be given for each of {self.tasks} tasks, got {len(self.set_layers)}")
        names = {layer.name for layer in self.layers}
        for name in (name for reasons in self.set_layers for name in reasons):
            if name not in names:
                raise ValueError(f"set_layers names '{name}', which is no layer")
        return self

    @model_validator(mode="after")
    def _phases_tile_the_tasks(self) -> "TraceMeta":
        fault = fault_of(self.placement_phases, self.tasks) if self.placement_phases else ""
        if fault:
            raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _work_terms_differ(self) -> "TraceMeta":
        names = [term.name for term in self.work_terms]
        twice = next((name for name in names if names.count(name) > 1 or name in COUNTS or name in TASK_COUNTS), None)
        if twice is not None:
            raise ValueError(f"work_terms must differ from one another and from the schema's counts: '{twice}'")
        return self

    @property
    def told_task(self) -> bool:
        """Whether the method must be told the task that it serves, and the chip load that task's part at a switch."""
        return "class-il" not in self.scenarios

    @property
    def feeds(self) -> tuple[tuple[int, ...], ...]:
        """For each layer the places of its producers; of a trace that does not tell, the layer before."""
        if not self.producers:
            return tuple((index - 1,) if index else () for index in range(len(self.layers)))
        places = {layer.name: index for index, layer in enumerate(self.layers)}
        return tuple(tuple(places[name] for name in given) for given in self.producers)

    def reason_to_set(self, task: int, layer: str) -> str:
        """Return why levels of ``layer`` may change in ``task`` without a weight gradient; "": they may not."""
        return self.set_layers[task].get(layer, "") if self.set_layers else ""

    @property
    def tasks(self) -> int:
        """T."""
        return len(self.task_classes)

    @property
    def phase_tasks(self) -> tuple[int, ...]:
        """(F,): the task of each placement phase, in order; the leading axis of what a trace records has F entries."""
        return tuple(phase.task for phase in self.placement_phases) or tuple(range(self.tasks))

    @property
    def phase_count(self) -> int:
        """F."""
        return len(self.placement_phases) or self.tasks

    @property
    def last_phases(self) -> tuple[int, ...]:
        """(T,): the number of each task's last phase."""
        return last_phases(self.phase_tasks)
