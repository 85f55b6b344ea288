"""What an accepted trace must hold, recounted cell by cell and number by number, without the laws of imcsim.trace."""

import math
from typing import Any

import numpy as np

from imcsim.trace import Trace

_LEAST = ("input_density", "error_density", "input_zero_share", "error_zero_share", "class_il", "task_il")


def faults(trace: Trace) -> list[str]:
    """Return what is wrong with ``trace``; empty if nothing is found."""
    found: list[str] = []
    for name in _LEAST:
        found += [name for value in getattr(trace, name).ravel().tolist() if not 0 <= value <= 1][:1]
    for group in (trace.counts, trace.task_counts, trace.wear_counts):
        for name, array in group.items():
            found += [name for value in array.ravel().tolist() if not (isinstance(value, int) and value >= 0)][:1]
    for phase in range(trace.meta.phase_count):
        found += _passes(trace, phase)
        for layer in range(len(trace.meta.layers)):
            found += _work(trace, phase, layer)
            found += _moves(trace, phase, layer)
    return found


def _at(trace: Trace, name: str, phase: int, layer: int) -> int:
    return int(trace.counts[name][phase, layer])


def _passes(trace: Trace, phase: int) -> list[str]:
    steps, samples = (int(trace.task_counts[name][phase]) for name in ("optimizer_steps", "samples"))
    passed = samples + int(trace.task_counts["forward_only_samples"][phase])
    each = [_at(trace, "forward_vectors", phase, i) / spec.positions for i, spec in enumerate(trace.meta.layers)]
    found = [] if max(each) == passed else ["vectors are not samples x positions"]
    return found + ([] if samples >= steps else ["a step without a sample"])


def _work(trace: Trace, phase: int, layer: int) -> list[str]:
    spec = trace.meta.layers[layer]
    forward, vectors = (_at(trace, f"{name}_vectors", phase, layer) for name in ("forward", "weight_gradient"))
    weights = math.prod(spec.matrix_shape)
    adapted = forward * weights if trace.task_counts["mask_bits"][phase] else 0
    found = [] if vectors <= forward else ["more vectors back than forward"]
    if _at(trace, "weight_gradient_macs", phase, layer) > vectors * weights + adapted:
        found.append("more gradient work than vectors x weights")
    if _at(trace, "updated_weights", phase, layer) > int(trace.task_counts["optimizer_steps"][phase]) * weights:
        found.append("more updates than steps x weights")
    if _at(trace, "trainable_weights", phase, layer) > weights:
        found.append("more weights train than there are")
    return found


def _moves(trace: Trace, phase: int, layer: int) -> list[str]:
    spec, found = trace.meta.layers[layer], []
    for encoding in trace.meta.encodings:
        before, after = (_levels(encoding, trace.codes[spec.name][phase + more]) for more in (0, 1))
        for policy, commits in (("step", "optimizer_steps"), ("epoch", "epochs")):
            changes = trace.changes[policy, encoding.name, spec.name][phase]  # type: ignore[index]
            flow = trace.transitions[policy, encoding.name, spec.name][phase].tolist()  # type: ignore[index]
            if changes.astype(object).sum() != sum(map(sum, flow)):
                found.append("changes are not transitions")
            if int(changes.max()) > int(trace.task_counts[commits][phase]):
                found.append("more changes than commits")
            for level in range(encoding.level_count):
                net = sum(row[level] for row in flow) - sum(flow[level])
                if net != int((after == level).sum()) - int((before == level).sum()):
                    found.append("transitions lead elsewhere")
                    break
        if spec.name in trace.placement and trace.meta.pe_tile is not None:
            found += _frozen(trace, phase, spec.name)
    return found


def _levels(encoding: Any, codes: Any) -> Any:
    """Levels of all cells, from the definition of the encoding, code by code."""
    out = []
    for code in codes.ravel().tolist():
        parts = (
            [code + (1 << (encoding.weight_bits - 1))] if encoding.sign == "offset" else [max(code, 0), max(-code, 0)]
        )
        for part in parts:
            out += [(part >> (encoding.cell_bits * s)) % encoding.level_count for s in range(encoding.slices)]
    return np.array(out)


def _frozen(trace: Trace, phase: int, layer: str) -> list[str]:
    tile, mask = trace.meta.pe_tile, trace.placement[layer][phase]
    moved = np.argwhere(trace.codes[layer][phase + 1] != trace.codes[layer][phase]).tolist()
    if tile is not None and any(not mask[g, d // tile[0], n // tile[1]] for g, d, n in moved):
        return ["a frozen PE changed"]
    return []
