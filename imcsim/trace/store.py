"""A trace on disk: one safetensors file, its JSON side in the header, a SHA-256 over all arrays; no pickle."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from imcsim.core.errors import TraceError
from imcsim.core.files import write_atomic
from imcsim.trace.conservation import check_trace
from imcsim.trace.placements import Placements
from imcsim.trace.schema import COUNTS, LATER_COUNTS, RECORDED_POLICIES, SCHEMA_VERSION, TASK_COUNTS, TraceMeta
from imcsim.trace.trace import Trace

_KEY = "imcsim_trace"
_PLAIN = ("input_density", "error_density", "input_zero_share", "error_zero_share", "class_il", "task_il")
Arrays = dict[str, NDArray[Any]]


def save(trace: Trace, path: Path) -> None:
    """Write ``trace`` to ``path`` after checking its conservation laws; the file is whole or absent.

    Raises
    ------
    ConservationError
        If the trace contradicts itself.
    StorageError
        If the disk refuses.
    """
    check_trace(trace)
    arrays = _to_arrays(trace)
    header = {"meta": trace.meta.model_dump(mode="json"), "sha256": _digest(arrays)}
    # one key only: safetensors writes several in no fixed order
    write_atomic(path, save_tensors(arrays, metadata={_KEY: json.dumps(header, sort_keys=True)}))


def load(path: Path) -> Trace:
    """Read a trace.

    Raises
    ------
    TraceError
        If the file is missing, not a trace, of another schema version, truncated or altered.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TraceError(f"cannot read trace {path}: {error.strerror}") from None
    header = _header(data, path)
    try:
        arrays: Arrays = load_tensors(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise TraceError(f"{path} is not a complete trace file: {error}") from None
    if _digest(arrays) != header.get("sha256"):
        raise TraceError(f"{path} is corrupt: its arrays do not match their SHA-256; train again or restore a copy")
    return _from_arrays(_meta(header["meta"], path), arrays, path)


def _header(data: bytes, path: Path) -> dict[str, Any]:
    try:
        length = int.from_bytes(data[:8], "little")
        header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_KEY])
        return {"meta": dict(header["meta"]), "sha256": str(header["sha256"])}
    except (ValueError, KeyError, TypeError):
        raise TraceError(f"{path} is not an imcsim trace") from None


def _meta(raw: dict[str, Any], path: Path) -> TraceMeta:
    version = raw.get("schema_version")
    if version != SCHEMA_VERSION:
        raise TraceError(
            f"{path} has trace schema {version}; this imcsim reads schema {SCHEMA_VERSION}: record it again"
        )
    try:
        return TraceMeta.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise TraceError(f"{path} has a broken header: '{field}': {first['msg']}") from None


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(np.ascontiguousarray(array).data if array.size else b"")
    return digest.hexdigest()


def _to_arrays(trace: Trace) -> Arrays:
    arrays: Arrays = {name: np.ascontiguousarray(getattr(trace, name)) for name in _PLAIN}
    arrays |= {f"counts/{name}": trace.counts[name] for name in COUNTS}
    arrays |= {f"task/{name}": trace.task_counts[name] for name in TASK_COUNTS}
    arrays |= {f"codes/{layer}": array for layer, array in trace.codes.items()}
    arrays |= {"changes/" + "/".join(key): array for key, array in trace.changes.items()}
    arrays |= {"transitions/" + "/".join(key): array for key, array in trace.transitions.items()}
    arrays |= {f"placement/{layer}": array for layer, array in trace.placement.items()}
    arrays |= {f"digital/{name}": array for name, array in trace.digital.items()}
    arrays |= {f"wear/{name}": array for name, array in trace.wear_counts.items()}
    arrays |= {f"active/{layer}": np.packbits(array) for layer, array in trace.active.items()}
    return {name: np.ascontiguousarray(array) for name, array in arrays.items()}


def _from_arrays(meta: TraceMeta, arrays: Arrays, path: Path) -> Trace:
    def group(prefix: str) -> Arrays:
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    shapes = {layer.name: (meta.tasks, *layer.matrix_shape) for layer in meta.layers}
    try:
        active = {
            layer: np.unpackbits(bits, count=int(np.prod(shapes[layer]))).reshape(shapes[layer]).astype(bool)
            for layer, bits in group("active/").items()
        }
        return Trace(
            meta=meta,
            counts=_counts(arrays),
            task_counts={name: arrays[f"task/{name}"] for name in TASK_COUNTS},
            codes=group("codes/"),
            changes=_keyed(group("changes/")),
            transitions=_keyed(group("transitions/")),
            placement=Placements(group("placement/")),
            digital=group("digital/"),
            wear_counts=group("wear/"),
            active=active,
            input_density=arrays["input_density"],
            error_density=arrays["error_density"],
            input_zero_share=arrays["input_zero_share"],
            error_zero_share=arrays["error_zero_share"],
            class_il=arrays["class_il"],
            task_il=arrays["task_il"],
        )
    except (KeyError, ValueError) as error:
        raise TraceError(f"{path} lacks part of a trace: {error}") from None


def _counts(arrays: Arrays) -> dict[str, NDArray[Any]]:
    absent = {f"counts/{name}": np.zeros_like(arrays["counts/updated_weights"]) for name in LATER_COUNTS}
    return {name: (absent | arrays)[f"counts/{name}"] for name in COUNTS}


def _keyed(arrays: Arrays) -> dict[Any, NDArray[Any]]:
    keyed = {}
    for name, array in arrays.items():
        policy, encoding, layer = name.split("/", 2)
        if policy not in RECORDED_POLICIES:
            raise ValueError(f"unknown write policy '{policy}'")
        keyed[policy, encoding, layer] = array
    return keyed
