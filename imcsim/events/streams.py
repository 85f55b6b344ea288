"""Vectors on their way through the layers: buffer, link, arrays, converters, digital unit, link, buffer.

Shape letter: L mapped layers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from imcsim.events.branches import Links, links_of
from imcsim.events.graph import Buffer, GraphBuilder, Task
from imcsim.events.options import StepOptions
from imcsim.events.passes import Pass, Stage
from imcsim.events.work import Work

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
After = tuple[int, ...]


@dataclass(frozen=True)
class Stream:
    """What one layer has sent: its last tasks, one a portion, and how many vectors they are."""

    tasks: tuple[int, ...]
    vectors: int
    portion: int

    def edge(self, part: int, count: int) -> int:
        """Return how many of its vectors ``part`` of ``count`` vectors of the next layer need: the same share, up."""
        return -(-part * self.vectors // count)

    def needed(self, begin: int, end: int, count: int) -> After:
        """Return the tasks that bring what vectors ``begin`` to ``end`` of ``count`` need beyond those before them."""
        first = -(-self.edge(begin, count) // self.portion)
        return self.tasks[max(first - 1, 0) : -(-self.edge(end, count) // self.portion)]


@dataclass(frozen=True)
class Flow:
    """One pass of one step: ``vectors`` (L,) whole ones of this step, and what rides on each beyond the pass."""

    work: Pass
    vectors: Ints
    phase: str
    more_reads: Floats
    more_writes: Floats
    more_dram: Floats
    backward: bool = False


@dataclass(frozen=True)
class Moves:
    """What moving one bit is charged (J) and takes (s), and how long the digital unit works on one element (s)."""

    read_j: float
    write_j: float
    hop_j: float
    dram_j: float
    buffer_s: float
    link_s: float
    dram_s: float
    mac_s: float

    @classmethod
    def of(cls, work: Work) -> "Moves":
        """Return the unit values of the charges of ``work``; the closed form charges links no time."""
        read_j, write_j = work.each_j("buffer.read_forward"), work.each_j("buffer.write_forward")
        hop_j, dram_j = work.each_j("link.forward"), work.each_j("dram.activations")
        link_s, mac_s = (float(part.time_price().value) for part in (work.chip.link, work.chip.mac))
        return cls(read_j, write_j, hop_j, dram_j, work.each_s("buffer"), link_s, work.each_s("dram"), mac_s)


@dataclass
class Lines:
    """Adds streams to a graph under construction."""

    build: GraphBuilder
    work: Work
    options: StepOptions
    portion: int
    priorities: tuple[int, int] = field(init=False)  # of reads and of writes
    moves: Moves = field(init=False)
    spills: list[int] = field(default_factory=list)  # writes to DRAM of the last pass, which no vector waits for

    def __post_init__(self) -> None:
        self.priorities = {"reads-first": (0, 1), "writes-first": (1, 0), "arrival": (0, 0)}[self.options.priority]
        self.moves = Moves.of(self.work)

    def flow(self, flow: Flow, start: After, fresh: Mapping[int, After]) -> dict[int, Stream]:
        """Send a pass through; a layer waits for ``start``, for what ``fresh`` says, and for the layers before it."""
        links = links_of(self.work.trace.meta.feeds, flow.vectors > 0, backward=flow.backward)
        sent: dict[int, Stream] = {}
        self.spills.clear()
        for layer, before in links.sources.items():
            gate = self.build.meet((*start, *fresh.get(layer, ())))
            sent[layer] = self._layer(flow, layer, gate, {other: sent[other] for other in before}, links)
        return sent

    def _layer(self, flow: Flow, layer: int, gate: After, sources: Mapping[int, Stream], links: Links) -> Stream:
        count, tasks = int(flow.vectors[layer]), list[int]()
        belt = self._belt(flow, layer, links)
        behind = self._belt(flow, next(iter(sources)), links) if len(sources) == 1 else None
        for begin in range(0, count, self.portion):
            size = min(self.portion, count - begin)
            end, after, places = begin + size, gate, (size, 0)
            for source in sources.values():
                after = (*after, *source.needed(begin, end, count))
                places = (size, source.edge(end, count) - source.edge(begin, count))
            tasks.append(self._vectors(flow, layer, size, after, (belt, behind, places)))
        return Stream(tuple(tasks), count, self.portion)

    def _vectors(
        self, flow: Flow, layer: int, size: int, after: After, belts: tuple[str | None, str | None, tuple[int, int]]
    ) -> int:
        """Add one portion of ``size`` vectors and return its last task."""
        (belt, behind, places), name, phase = belts, f"{self.work.names[layer]} {flow.phase}", flow.phase
        share = size / int(flow.work.vectors[layer])
        read = float(flow.work.read_bits[layer] + flow.more_reads[layer]) * size
        fetch = self.buffer(name, read, 0.0, after, phase, belt, places)
        spilled = float(flow.more_dram[layer]) * size
        if spilled:
            self.spills.append(self.dram(f"{name} spill", spilled, (fetch,), phase, self.priorities[1]))
        hops = float(flow.work.hops[layer])
        moved = self.link(name, layer, (float(flow.work.sent_bits[layer]) * size, hops), (fetch,), phase)
        joules = float(flow.work.array_j[layer]) * share
        stages = flow.work.stages[layer]
        served = [
            self._stage(stage, layer, size, joules if i == 0 else 0.0, (moved,), phase)
            for i, stage in enumerate(stages)
        ]
        elements = float(flow.work.elements[layer]) * size
        joules = float(flow.work.activation_j[layer]) * share
        done = self.digital(name, elements, joules, tuple(served) or (moved,), phase)
        back = self.link(name, layer, (float(flow.work.write_bits[layer]) * size, hops), (done,), phase)
        write = float(flow.work.write_bits[layer] + flow.more_writes[layer]) * size
        return self.buffer(name, 0.0, write, (back,), phase, behind, (0, places[1]), drains=True)

    def _stage(self, stage: Stage, layer: int, size: int, joules: float, after: After, phase: str) -> int:
        name = self.work.names[layer]
        where = "digital" if stage.memory == "digital" else f"{stage.memory} {self.work.arrays[layer]}"
        if stage.convert_s == 0:
            return self.build.add(Task(f"{name} {phase}", where, stage.settle_s * size, joules, after, phase=phase))
        at = len(self.build.tasks)
        settle = Task(f"{name} {phase}", where, stage.settle_s * size, 0.0, after, phase=phase, until=at + 1)
        read = self.build.add(settle)
        adc = self._adc(stage.memory, layer)
        return self.build.add(Task(f"{name} {phase}", adc, stage.convert_s * size, joules, (read,), phase=phase))

    def _adc(self, memory: str, layer: int) -> str:
        shared = self.options.layers_per_adc
        if shared == 1:
            return f"adc {memory} {self.work.arrays[layer]}"
        return f"adc {memory} group {layer // shared}"

    def _belt(self, flow: Flow, layer: int, links: Links) -> str | None:
        """Declare the queue behind ``layer`` in this pass; None if it is not limited, or not between two layers."""
        after = links.only_next(layer)
        if self.options.queue_vectors is None or after is None:
            return None
        mine, its = int(flow.vectors[layer]), int(flow.vectors[after])
        least = (
            -(-mine * min(self.portion, its) // its) + self.portion
        )  # one portion of the next layer, and one to come
        name = f"queue {flow.phase} {self.work.names[layer]}"
        known = self.build.buffers.get(name)
        places = max(self.options.queue_vectors, least, 0 if known is None else known.places)
        self.build.buffers[name] = Buffer(name, places)
        return name

    def buffer(
        self, name: str, read: float, write: float, after: After, phase: str, belt: str | None = None,
        places: tuple[int, int] = (1, 1), *, drains: bool = False,
    ) -> int:  # fmt: skip
        """Move bits through the buffer's port."""
        seconds = (read + write) * self.moves.buffer_s * self.options.transport
        joules = read * self.moves.read_j + write * self.moves.write_j
        priority = self.priorities[1 if write else 0]
        where = self._carrier("buffer port")
        fills, drained = (None, belt) if drains else (belt, None)
        return self.build.add(
            Task(f"{name} buffer", where, seconds, joules, after, priority, phase, fills, drained, places)
        )

    def buffer_time(self, name: str, bits: float, after: After, phase: str) -> int:
        """Move bits through the buffer's port whose joules are spent elsewhere."""
        seconds = bits * self.moves.buffer_s * self.options.transport
        return self.build.add(Task(f"{name} buffer", self._carrier("buffer port"), seconds, after=after, phase=phase))

    def link(self, name: str, layer: int, moved: tuple[float, float], after: After, phase: str) -> int:
        """Move ``moved``, bits over a number of hops, between the buffer and a layer's PEs over that layer's link."""
        bits, hops = moved
        seconds, joules = bits * self.moves.link_s * self.options.transport, bits * self.moves.hop_j * hops
        where = self._carrier(f"link {self.work.names[layer]}")
        return self.build.add(Task(f"{name} link", where, seconds, joules, after, phase=phase))

    def dram(self, name: str, bits: float, after: After, phase: str, priority: int = 0) -> int:
        """Move bits over the DRAM channel."""
        seconds, joules = bits * self.moves.dram_s * self.options.transport, bits * self.moves.dram_j
        where = self._carrier("dram")
        return self.build.add(Task(name, where, seconds, joules, after, priority, phase))

    def digital(self, name: str, elements: float, joules: float, after: After, phase: str) -> int:
        """Let the digital unit work on elements, one of them in the time of a multiply-accumulate."""
        seconds = elements * self.moves.mac_s * self.options.transport
        where = "digital" if self.options.transport else self._carrier("activation")
        return self.build.add(Task(f"{name} activation", where, seconds, joules, after, phase=phase))

    def _carrier(self, name: str) -> str:
        return self.build.resource(name, 1 if self.options.transport else math.inf)


def whole(total: Ints, step: int, steps: int) -> Ints:
    """Return the vectors of one step: whole numbers that add up to ``total`` over all steps and differ by at most 1."""
    return np.asarray((step + 1) * total // steps - step * total // steps, dtype=np.int64)


def all_tasks(streams: Mapping[int, Stream]) -> After:
    """Return the last tasks of all streams."""
    return tuple(task for stream in streams.values() for task in stream.tasks)
