"""Small traces from explicit code histories, for tests of pricing rules: level changes are recounted by brute force."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby, pairwise
from operator import itemgetter

import numpy as np
from numpy.typing import ArrayLike, NDArray

import imcsim
from imcsim.core.arrays import Scalar
from imcsim.crossbar.encoding import Encoding
from imcsim.mapping.layer import LayerSpec
from imcsim.testing.hand_counts import hand_counts, placed_weights
from imcsim.trace.phase import Phase
from imcsim.trace.placements import Placements
from imcsim.trace.schema import Policy, TraceMeta
from imcsim.trace.trace import Trace, transition_counts

Codes = NDArray[np.int64]
History = Sequence[Sequence[Sequence[Codes]]]  # [task][epoch][step] -> (G, D, N)


def linear_layer(name: str, inputs: int, outputs: int, positions: int = 1) -> LayerSpec:
    """Return the spec of a linear layer of ``inputs`` x ``outputs`` weights."""
    return LayerSpec(
        name=name,
        kind="linear",
        in_features=inputs,
        out_features=outputs,
        positions=positions,
        input_elements=inputs * positions,
        output_elements=outputs * positions,
    )


def make_trace(  # noqa: PLR0913 (a test names what it needs and nothing else)
    layers: Sequence[LayerSpec],
    initial: Mapping[str, Codes],
    history: Mapping[str, History],
    encodings: Sequence[Encoding],
    *,
    counts: Mapping[str, ArrayLike] | None = None,
    task_counts: Mapping[str, ArrayLike] | None = None,
    placement: Mapping[str, NDArray[np.bool_]] | None = None,
    pe_tile: tuple[int, int] | None = None,
    density: float = 0.5,
    producers: Sequence[tuple[str, ...]] = (),
    phases: Sequence[Sequence[int]] | None = None,
) -> Trace:
    """Build a trace whose level changes and transitions follow from ``initial`` and ``history`` codes.

    Parameters
    ----------
    layers, encodings
        Mapped layers; encodings to count level changes for.
    initial, history
        Layer -> (G, D, N) codes at deployment; codes after each step, nested by task and epoch, alike for every layer.
    counts, task_counts
        Name -> value broadcast to (F, L) or (F,). Those that are not given follow from those that are and from the
        history, as :mod:`imcsim.testing.hand_counts` says, so that the trace obeys its laws; the rest is 0.
    placement, pe_tile
        As in :class:`~imcsim.trace.trace.Trace`.
    density
        Share of ones of every bit plane of inputs and errors.
    producers
        As in :class:`~imcsim.trace.schema.TraceMeta`; none: a chain.
    phases
        For each task the steps of each of its placement phases; None: one a task.
    """
    meta = _meta(layers, encodings, len(history[layers[0].name]), pe_tile, producers)
    if phases is not None:
        meta = meta.model_copy(update={"placement_phases": placement_phases(phases)})
        history = {name: by_phase(path, phases) for name, path in history.items()}
    commits = {spec.name: _commits(initial[spec.name], history[spec.name]) for spec in layers}
    shape = (meta.phase_count, len(layers))
    given = {"trainable_weights": placed_weights(meta, placement)} if placement else {}
    by_layer, by_task = hand_counts(layers, history[layers[0].name], given | dict(counts or {}), task_counts or {})
    return Trace(
        meta=meta,
        counts=by_layer,
        task_counts=by_task,
        codes={name: np.stack([initial[name], *(path[-1] for path in of["step"])]) for name, of in commits.items()},
        changes=_by_policy(commits, encodings, _changes),
        transitions=_by_policy(commits, encodings, _transitions),
        input_density=np.where(by_layer["forward_vectors"][..., None] > 0, density, np.zeros(meta.input_bits)),
        error_density=np.full((*shape, meta.error_bits), density),
        input_zero_share=np.zeros(shape),
        error_zero_share=np.zeros(shape),
        accuracy={
            "class_il": np.tril(np.full((meta.tasks, meta.tasks), 0.5)),
            "task_il": np.full((meta.tasks, meta.tasks), 0.5),
        },
        placement=Placements(placement or {}),
    )


def _meta(
    layers: Sequence[LayerSpec],
    encodings: Sequence[Encoding],
    tasks: int,
    pe_tile: tuple[int, int] | None,
    producers: Sequence[tuple[str, ...]],
) -> TraceMeta:
    return TraceMeta(
        imcsim_version=imcsim.__version__,
        method="made-by-hand",
        network="made-by-hand",
        dataset="none",
        task_classes=tuple((2 * t, 2 * t + 1) for t in range(tasks)),
        task_sizes=(1,) * tasks,
        layers=tuple(layers),
        producers=tuple(producers),
        weight_bits=encodings[0].weight_bits,
        encodings=tuple(encodings),
        pe_tile=pe_tile,
    )


def placement_phases(steps: Sequence[Sequence[int]]) -> tuple[Phase, ...]:
    """Return the phases of a header from the ``steps`` of each phase, task by task."""
    return tuple(
        Phase(task=task, first_step=sum(lengths[:number]), steps=length)
        for task, lengths in enumerate(steps)
        for number, length in enumerate(lengths)
    )


def by_phase(history: History, steps: Sequence[Sequence[int]]) -> History:
    """Return ``history`` nested by phase instead of task: an epoch that a phase ends within becomes one in either.

    Raises
    ------
    ValueError
        If the steps of a task's phases are not those of the task.
    """
    found: list[Sequence[Sequence[Codes]]] = []
    for task, lengths in zip(history, steps, strict=True):
        taken = [(number, codes) for number, epoch in enumerate(task) for codes in epoch]
        if sum(lengths) != len(taken):
            raise ValueError(f"phases of {list(lengths)} steps do not make a task of {len(taken)}")
        for length in lengths:
            part, taken = taken[:length], taken[length:]
            found.append([[codes for _, codes in epoch] for _, epoch in groupby(part, key=itemgetter(0))])
    return found


def _commits(initial: Codes, history: History) -> dict[Policy, list[list[Codes]]]:
    """For each policy and phase, the codes at each commit, the one before the phase first."""
    steps, epochs, before = [], [], initial
    for phase in history:
        steps.append([before, *(codes for epoch in phase for codes in epoch)])
        epochs.append([before, *(epoch[-1] for epoch in phase)])
        before = steps[-1][-1]
    return {"step": steps, "epoch": epochs}


def _by_policy(
    commits: Mapping[str, dict[Policy, list[list[Codes]]]],
    encodings: Sequence[Encoding],
    count: Callable[[Encoding, list[Codes]], NDArray[Scalar]],
) -> dict[tuple[Policy, str, str], NDArray[Scalar]]:
    return {
        (policy, encoding.name, name): np.stack([count(encoding, path) for path in paths])
        for name, policies in commits.items()
        for encoding in encodings
        for policy, paths in policies.items()
    }


def _changes(encoding: Encoding, path: list[Codes]) -> NDArray[np.uint32]:
    levels = [encoding.levels(codes) for codes in path]
    moved = [a != b for a, b in pairwise(levels)]
    return np.asarray(np.sum(moved, axis=0), dtype=np.uint32) if moved else np.zeros(levels[0].shape, np.uint32)


def _transitions(encoding: Encoding, path: list[Codes]) -> NDArray[np.int64]:
    levels = [encoding.levels(codes).astype(np.int64) for codes in path]
    tables = [transition_counts(a, b, encoding.level_count) for a, b in pairwise(levels)]
    none = np.zeros((encoding.level_count,) * 2, np.int64)
    return np.asarray(np.sum([none, *tables], axis=0), dtype=np.int64)
