"""Files of schema 3, as it was: two accuracies without a table, masks as bits of all tasks, one safetensors file."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save as save_tensors

from imcsim.core import sealed
from imcsim.core.errors import TraceError
from imcsim.core.tensor_file import Arrays
from imcsim.trace import Trace
from imcsim.trace.growing import by_phase, by_run

KIND = sealed.Kind("trace", 3, TraceError)
NEWER = ("placement_phases", "work_terms")


def contents(trace: Trace, **changes: Any) -> tuple[dict[str, Any], Arrays]:
    """Return the header, with other fields, and the arrays of schema 3."""
    header = trace.meta.model_dump(mode="json") | {"schema_version": 3} | changes
    arrays = {name.removeprefix("accuracy/"): array for name, array in {**by_phase(trace), **by_run(trace)}.items()}
    packed = {name: np.packbits(array) for name, array in arrays.items() if name.startswith("active/")}
    return {name: value for name, value in header.items() if name not in NEWER}, arrays | packed


def save_three(trace: Trace, path: Path, **changes: Any) -> None:
    """Write schema 3 in its last layout, the header under the seal."""
    header, arrays = contents(trace, **changes)
    sealed.save(path, KIND, header, arrays)


def save_unsealed(trace: Trace, path: Path, **changes: Any) -> None:
    """Write schema 3 as it was before headers were sealed: one JSON text, a SHA-256 of the arrays alone."""
    header, arrays = contents(trace, **changes)
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name}|{arrays[name].dtype.str}|{arrays[name].shape}|".encode() + arrays[name].tobytes())
    text = json.dumps({"meta": header, "sha256": digest.hexdigest()}, sort_keys=True)
    path.write_bytes(save_tensors(arrays, metadata={"imcsim_trace": text}))
