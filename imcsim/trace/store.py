"""A trace on disk: its JSON side and all arrays under one SHA-256, in the store of :mod:`imcsim.core.sealed`.

Written is schema 4, in blocks that a run appends phase by phase (:mod:`imcsim.trace.growing`). Schema 3 is read, too:
its two accuracies had no table, its masks were bits. Traces of schema 3 written before their header was under the hash
say so in a note: all their laws are checked, but that a field of the header was changed since then would show only
where it breaks one.
"""

import hashlib
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from imcsim.core import sealed
from imcsim.core.arrays import AnyArray
from imcsim.core.errors import ConservationError, TraceError
from imcsim.core.json_text import Json, parse_json
from imcsim.core.tensor_file import Arrays, Contents
from imcsim.trace.conservation import check_once
from imcsim.trace.growing import KIND, growing
from imcsim.trace.placements import Placements
from imcsim.trace.schema import (
    ACCURACIES,
    COUNTS,
    LATER_COUNTS,
    RECORDED_POLICIES,
    SCHEMA_VERSION,
    SINGLE_ARRAYS,
    TASK_COUNTS,
    TraceMeta,
)
from imcsim.trace.trace import Trace

READ_VERSIONS = (SCHEMA_VERSION, *KIND.reads)
UNSEALED = "the trace was written before headers were under its hash: a change of its header since then may not show"

_OLD_KEY = "imcsim_trace"
_GROUPS = tuple(
    f"{name}/"
    for name in ("counts", "task", "codes", "changes", "transitions", "placement", "digital", "wear", "active",
                 "accuracy", "work", "pulses", "half_selects")
)  # fmt: skip
_SCENARIOS = tuple(ACCURACIES.values())


def save(trace: Trace, path: Path) -> None:
    """Write ``trace`` to ``path``, once its laws are checked; the file is whole or absent.

    Raises
    ------
    ConservationError
        If the trace contradicts itself.
    StorageError
        If the disk refuses.
    """
    check_once(trace)
    with growing(path) as file:
        file.finish(trace)


def load(path: Path) -> Trace:
    """Read a trace and check its laws.

    Raises
    ------
    TraceError
        If the file is missing, not a trace, of another schema version, truncated or altered.
    ConservationError
        If it is whole but contradicts itself.
    """
    raw, arrays = sealed.load(path, KIND, lambda contents: _before_seals(contents, path))
    trace = _from_arrays(_meta(raw, path), arrays, path, raw["schema_version"])
    try:
        return check_once(trace)
    except ConservationError as error:
        raise ConservationError(f"{path}: {error}") from None


def _before_seals(contents: Contents, path: Path) -> sealed.Sealed | None:
    """Return a trace of the layout before this one: its hash is over the arrays alone."""
    if _OLD_KEY not in contents.texts:
        return None
    try:
        header = parse_json(contents.texts[_OLD_KEY])
        meta, stored = dict(header["meta"]), header["sha256"]
        meta["notes"] = [*meta.get("notes", ()), UNSEALED]
    except (ValueError, KeyError, TypeError):
        raise TraceError(f"{path} is not an imcsim trace") from None
    if _old_digest(contents.arrays) != stored:
        raise TraceError(f"{path} is corrupt: its arrays do not match their SHA-256; {KIND.remedy}")
    return sealed.Sealed(meta, contents.arrays)


def _old_digest(arrays: Mapping[str, AnyArray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode(errors="surrogatepass"))
        digest.update(np.ascontiguousarray(array).data if array.size else b"")
    return digest.hexdigest()


def _meta(raw: Json, path: Path) -> TraceMeta:
    version = raw.get("schema_version")
    if version not in READ_VERSIONS:
        raise TraceError(
            f"{path} has trace schema {version!r:.40}; this imcsim reads schema {SCHEMA_VERSION}: record it again"
        )
    try:
        return TraceMeta.model_validate(raw | {"schema_version": SCHEMA_VERSION})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise TraceError(f"{path} has a broken header: '{field:.80}': {first['msg']:.200}") from None


def _from_arrays(meta: TraceMeta, arrays: Arrays, path: Path, version: int) -> Trace:
    def group(prefix: str) -> Arrays:
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    strange = [name for name in arrays if name not in (*SINGLE_ARRAYS, *_SCENARIOS) and not name.startswith(_GROUPS)]
    strange += [name for name in arrays if name.startswith("counts/") and name[7:] not in COUNTS]
    strange += [name for name in arrays if name.startswith("task/") and name[5:] not in TASK_COUNTS]
    if strange:
        raise TraceError(f"{path} holds '{strange[0]:.80}', which this imcsim does not know: use the one that wrote it")
    try:
        return Trace(
            meta=meta,
            counts=_counts(arrays),
            task_counts=_task_counts(arrays),
            codes=group("codes/"),
            changes=_keyed(group("changes/")),
            transitions=_keyed(group("transitions/")),
            placement=Placements(group("placement/")),
            digital=group("digital/"),
            wear_counts=group("wear/"),
            active=_masks(version, group("active/"), meta),
            input_density=arrays["input_density"],
            error_density=arrays["error_density"],
            input_zero_share=arrays["input_zero_share"],
            error_zero_share=arrays["error_zero_share"],
            accuracy={name: arrays[name] for name in _SCENARIOS if name in arrays} | group("accuracy/"),
            work=_work(group("work/")),
            pulses=_paired(group("pulses/")),
            half_selects=_paired(group("half_selects/")),
        )
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise TraceError(f"{path} lacks part of a trace: {error!s:.200}") from None


def _counts(arrays: Arrays) -> Arrays:
    absent = {f"counts/{name}": np.zeros_like(arrays["counts/updated_weights"]) for name in LATER_COUNTS}
    return {name: (absent | arrays)[f"counts/{name}"] for name in COUNTS}


def _task_counts(arrays: Arrays) -> Arrays:
    absent = {f"task/{name}": np.zeros_like(arrays["task/samples"]) for name in LATER_COUNTS}
    return {name: (absent | arrays)[f"task/{name}"] for name in TASK_COUNTS}


def _masks(version: int, arrays: Arrays, meta: TraceMeta) -> Arrays:
    """Return masks as truth values; in schema 3 they were the bits of all tasks, one after another."""
    if version >= SCHEMA_VERSION:
        return arrays
    shapes = {layer.name: (meta.tasks, *layer.matrix_shape) for layer in meta.layers}
    return {layer: _unpacked(bits, shapes[layer]) for layer, bits in arrays.items()}


def _unpacked(bits: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    if bits.dtype != np.uint8 or bits.shape != (-(-prod(shape) // 8),):  # looked at before room is made for them
        raise ValueError(f"a mask of {bits.shape} bytes for {shape} weights")
    mask: NDArray[np.bool_] = np.unpackbits(bits, count=prod(shape)).reshape(shape).astype(bool)
    return mask


def _work(arrays: Arrays) -> dict[str, Arrays]:
    work: dict[str, Arrays] = {}
    for name, array in arrays.items():
        term, amount = name.rsplit("/", 1)
        work.setdefault(term, {})[amount] = array
    return work


def _paired(arrays: Arrays) -> dict[tuple[str, str], NDArray[Any]]:
    keyed = {}
    for name, array in arrays.items():
        encoding, layer = name.split("/", 1)
        keyed[encoding, layer] = array
    return keyed


def _keyed(arrays: Arrays) -> dict[Any, NDArray[Any]]:
    keyed = {}
    for name, array in arrays.items():
        policy, encoding, layer = name.split("/", 2)
        if policy not in RECORDED_POLICIES:
            raise ValueError(f"unknown write policy '{policy}'")
        keyed[policy, encoding, layer] = array
    return keyed
