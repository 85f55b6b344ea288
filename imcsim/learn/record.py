"""What a finished run leaves: its trace."""

import platform
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import imcsim
from imcsim.core.config import config_hash
from imcsim.core.reference import short_name
from imcsim.learn.flops import recorded_flops
from imcsim.learn.loop import Learner
from imcsim.learn.processor import processor
from imcsim.learn.stream import Stream
from imcsim.trace.acts import idle_notes
from imcsim.trace.placements import Placements
from imcsim.trace.schema import ACCURACIES, Policy, TraceMeta
from imcsim.trace.trace import Trace


def make_trace(learner: Learner, stream: Stream) -> Trace:
    """Return the trace of a finished run."""
    recorder, tables = learner.recorder, learner.recorder.tables
    stacked = {name: np.stack(entries) for name, entries in tables.items()}

    def group(kind: str) -> dict[str, Any]:
        return {name.partition("/")[2]: values for name, values in stacked.items() if name.startswith(f"{kind}/")}

    def by_policy(kind: str) -> dict[tuple[Policy, str, str], Any]:
        keys = [(key.split("/"), values) for key, values in group(kind).items()]
        return {(policy, encoding, layer): values for (policy, encoding, layer), values in keys}  # type: ignore[misc]

    return Trace(
        meta=_meta(learner, stream),
        counts=recorder.counts,
        task_counts=recorder.task_counts,
        codes=group("codes"),
        changes=by_policy("changes"),
        transitions=by_policy("transitions"),
        input_density=stacked["input_density"],
        error_density=stacked["error_density"],
        input_zero_share=stacked["input_zero_share"],
        error_zero_share=stacked["error_zero_share"],
        accuracy=_accuracy(learner),
        placement=Placements(group("placement")),
        active=group("active"),
        digital=group("digital"),
        wear_counts={} if recorder.wear is None else recorder.wear.counts,
        work=recorder.work,
    )


def _accuracy(learner: Learner) -> dict[str, NDArray[np.float64]]:
    """Return the matrices of the scenarios that the method serves."""
    rows = {"class-il": learner.class_il, "task-il": learner.task_il}
    return {ACCURACIES[scenario]: np.array(rows[scenario]) for scenario in learner.method.scenarios}


def _acts(learner: Learner) -> dict[str, tuple[int, ...]]:
    """Return act -> how often by task: those that the method declares, and any other that it reported."""
    none = [0] * len(learner.stream_tasks)
    declared = dict.fromkeys(learner.method.acts(), none)
    return {act: tuple(times) for act, times in {**declared, **learner.recorder.acts}.items()}


def _meta(learner: Learner, stream: Stream) -> TraceMeta:
    config, recorder = learner.config, learner.recorder
    acts, method = _acts(learner), short_name(config.method)
    placed = any(name.startswith("placement/") for name in recorder.tables)
    return TraceMeta(
        imcsim_version=imcsim.__version__,
        config=config.model_dump(mode="json"),
        config_hash=config_hash(config),
        versions={
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": torch.__version__,
            "imcsim": imcsim.__version__,
            **processor(learner.context.device),
        },
        seed=config.seed,
        method=method,
        network=short_name(config.network),
        dataset=stream.dataset,
        image_shape=stream.image_shape,
        task_classes=tuple(task.classes for task in stream.tasks),
        task_sizes=tuple(len(task.y_train) for task in stream.tasks),
        layers=learner.quantiser.layers,
        producers=learner.producers,
        weight_bits=config.weight_bits,
        weight_scales=tuple(learner.quantiser.scales),
        input_bits=config.input_bits,
        error_bits=config.error_bits,
        batch_size=config.batch_size,
        encodings=config.encodings,
        pe_tile=config.pe_tile if placed else None,
        flops=recorded_flops(recorder.counts, recorder.task_counts),
        clipped_weight_share=learner.quantiser.clipped_share(),
        notes=(*stream.notes, *(() if config.wear is None else config.wear.notes), *idle_notes(method, acts)),
        acts=acts,
        placement_phases=tuple(recorder.phases) if len(recorder.phases) > recorder.tasks else (),
        work_terms=recorder.work_terms,
        scenarios=learner.method.scenarios,
        switched_layers=learner.method.switched_layers(learner.context),
        set_layers=tuple(recorded) if any(recorded := recorder.set_layers) else (),
        resident_layers=learner.method.resident_layers(learner.context),
    )
