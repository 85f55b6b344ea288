"""What of a training step is simulated, and what the chip's file does not say."""

from typing import Literal

from pydantic import Field

from imcsim.core.config import FrozenConfig

Order = Literal["reads-first", "writes-first", "arrival"]


class StepOptions(FrozenConfig):
    """Choices of a simulation.

    Parameters
    ----------
    steps
        Optimiser steps, from the first of the task on.
    once
        Also what a task does once: scoring and loading before its first step, the commit to RRAM after the last.
    vectors_per_task
        Vectors that pass together as one task; None chooses so that a step has some 10,000 tasks. One is exact; more
        make the pipeline fill in larger portions.
    layers_per_adc
        Neighbouring layers that share one set of column converters; 1 as the chip file has it, each PE with its own.
    queue_vectors
        Vectors that may lie between a layer and the next one before the former stops; None: as many as there are. At
        least what the next layer needs for one vector.
    priority
        Who goes first at the buffer port and the DRAM channel.
    overlap
        Weight gradients run beside the way of the errors back, and the next step begins while rows are written in
        layers that it does not need yet. False: one after the other, as the closed form has it.
    transport
        False: buffer, links, DRAM, activation functions and optimiser arithmetic take no time; what is left is what
        the closed form charges to arrays, weight gradients and row writes.
    """

    steps: int = Field(1, ge=1)
    once: bool = False
    vectors_per_task: int | None = Field(None, ge=1)
    layers_per_adc: int = Field(1, ge=1)
    queue_vectors: int | None = Field(None, ge=1)
    priority: Order = "reads-first"
    overlap: bool = True
    transport: bool = True
