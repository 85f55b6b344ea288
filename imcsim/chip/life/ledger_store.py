"""A wear ledger on disk: one safetensors file, its mapping in the header, a SHA-256 over all counters; no pickle."""

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

from imcsim.chip.wear.ledger import LayerWear, WearLedger
from imcsim.core.errors import ConfigError
from imcsim.core.files import write_atomic
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.layer import LayerSpec

LEDGER_VERSION = 1

_KEY = "imcsim_wear_ledger"
Arrays = dict[str, NDArray[Any]]


def save_ledger(ledger: WearLedger, path: Path) -> None:
    """Write ``ledger`` to ``path``; the file is whole or absent.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    arrays: Arrays = {}
    for spec, wear in ledger:
        arrays |= {f"{name}/{spec.name}": array for name, array in _counters(wear).items()}
    header = {
        "version": LEDGER_VERSION,
        "geometry": ledger.geometry.model_dump(mode="json"),
        "layers": [spec.model_dump(mode="json") for spec in ledger.layers],
        "copies": ledger.copies,
        "tasks": ledger.tasks,
        "most_events": ledger.most_events,
    }
    whole = {"ledger": header, "sha256": _digest(header, arrays)}
    write_atomic(path, save_tensors(arrays, metadata={_KEY: json.dumps(whole, sort_keys=True)}))


def load_ledger(path: Path) -> WearLedger:
    """Read a wear ledger.

    Raises
    ------
    ConfigError
        If the file is missing, not a ledger, of another version, truncated or altered.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read wear ledger {path}: {error.strerror}") from None
    header, digest = _header(data, path)
    if header.get("version") != LEDGER_VERSION:
        raise ConfigError(
            f"{path} is a wear ledger of version {header.get('version')}; this imcsim reads version {LEDGER_VERSION}"
        )
    try:
        arrays: Arrays = load_tensors(data)
    except (SafetensorError, ValueError, KeyError):
        raise ConfigError(f"{path} is not a complete wear ledger") from None
    if _digest(header, arrays) != digest:
        raise ConfigError(f"{path} is corrupt: its counters do not match their SHA-256; restore a copy")
    try:
        return _ledger(header, arrays)
    except (KeyError, TypeError, ValueError, ValidationError):
        raise ConfigError(f"{path} lacks part of a wear ledger") from None


def _counters(wear: LayerWear) -> Arrays:
    found: Arrays = {"events": wear.events, "full": wear.full, "distances": wear.distances}
    if wear.switches is not None:
        found["switches"] = wear.switches
    return {name: np.ascontiguousarray(array) for name, array in found.items()}


def _ledger(header: Mapping[str, Any], arrays: Arrays) -> WearLedger:
    geometry = PeGeometry.model_validate(header["geometry"])
    layers = tuple(LayerSpec.model_validate(spec) for spec in header["layers"])
    empty = WearLedger.empty(geometry, layers, int(header["copies"]))
    for spec, wear in empty:
        for name in ("events", "full", "distances"):
            if arrays[f"{name}/{spec.name}"].shape != getattr(wear, name).shape:
                raise ValueError(name)
    counters = {
        spec.name: LayerWear(
            arrays[f"events/{spec.name}"], arrays[f"full/{spec.name}"], arrays[f"distances/{spec.name}"],
            arrays.get(f"switches/{spec.name}"),
        )
        for spec in layers
    }  # fmt: skip
    return WearLedger(geometry, layers, empty.copies, int(header["tasks"]), int(header["most_events"]), counters)


def _header(data: bytes, path: Path) -> tuple[dict[str, Any], str]:
    try:
        length = int.from_bytes(data[:8], "little")
        header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_KEY])
        return dict(header["ledger"]), str(header["sha256"])
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{path} is not an imcsim wear ledger") from None


def _digest(header: Mapping[str, Any], arrays: Arrays) -> str:
    """SHA-256 over the mapping and all counters: neither can be exchanged without the other."""
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
