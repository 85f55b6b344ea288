"""A wear ledger on disk: one sealed file, its mapping in the header, its counters as arrays."""

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from imcsim.chip.wear.ledger import MOST_EVENTS, LayerWear, WearLedger
from imcsim.core import sealed
from imcsim.core.arrays import NumericArray
from imcsim.core.errors import ConfigError
from imcsim.core.json_text import Json
from imcsim.core.tensor_file import Arrays, Contents
from imcsim.mapping.geometry import PeGeometry
from imcsim.mapping.layer import LayerSpec

LEDGER = sealed.Kind("wear ledger", 2, ConfigError)

_FIRST_KEY = "imcsim_wear_ledger"
_ROUNDING = 1e-3  # of float32 counters that grow by parts of an event


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
        "geometry": ledger.geometry.model_dump(mode="json"),
        "layers": [spec.model_dump(mode="json") for spec in ledger.layers],
        "copies": ledger.copies,
        "laid": ledger.laid,
        "tasks": ledger.tasks,
        "most_events": ledger.most_events,
    }
    sealed.save(path, LEDGER, header, arrays)


def load_ledger(path: Path) -> WearLedger:
    """Read a wear ledger.

    Raises
    ------
    ConfigError
        If the file is missing, not a ledger, of another version, truncated or altered.
    """
    header, arrays = sealed.load(path, LEDGER, partial(_first_version, path))
    try:
        return _ledger(header, arrays)
    except (KeyError, TypeError, ValueError, ValidationError):
        raise ConfigError(f"{path} lacks part of a wear ledger") from None


def _counters(wear: LayerWear) -> Arrays:
    found: Arrays = {"events": wear.events, "full": wear.full, "distances": wear.distances}
    if wear.switches is not None:
        found["switches"] = wear.switches
    return {name: np.ascontiguousarray(array) for name, array in found.items()}


def _ledger(header: Json, arrays: Arrays) -> WearLedger:
    geometry = PeGeometry.model_validate(header["geometry"])
    layers = tuple(LayerSpec.model_validate(spec) for spec in header["layers"])
    copies, tasks, most = (_count(header[name]) for name in ("copies", "tasks", "most_events"))
    if copies not in (1, 2) or most > MOST_EVENTS:
        raise ValueError("counts")
    counters = {spec.name: _layer(spec, geometry, most, arrays) for spec in layers}
    return WearLedger(geometry, layers, copies, tasks, most, counters, str(header.get("laid", "im2col")))


def _layer(spec: LayerSpec, geometry: PeGeometry, most_events: int, arrays: Arrays) -> LayerWear:
    """Return the counters of one layer; ValueError if they could not have been counted."""
    encoding, name = geometry.encoding, spec.name
    wear = LayerWear(
        arrays[f"events/{name}"], arrays[f"full/{name}"], arrays[f"distances/{name}"], arrays.get(f"switches/{name}")
    )
    cells = (encoding.cells_per_weight, *spec.matrix_shape)
    _demand(wear.events, np.uint32, cells)
    _demand(wear.full, np.float32, cells)
    _demand(wear.distances, np.float64, (encoding.level_count,))
    if wear.switches is not None:
        _demand(wear.switches, np.float32, cells)
    if wear.events.size and int(wear.events.max()) > most_events:
        raise ValueError("more events than were counted")
    if np.any(wear.full > wear.total() * (1 + _ROUNDING) + _ROUNDING):
        raise ValueError("more events across the whole window than events")
    return wear


def _demand(array: NumericArray, dtype: type[np.generic], shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape or not np.all(np.isfinite(array)) or np.any(array < 0):
        raise ValueError("not the counters of this layer")


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(f"not a count: {value}")
    return value


def _first_version(path: Path, contents: Contents) -> sealed.Sealed | None:
    """Return what a ledger from before there was the sealed store holds; None for what is none."""
    try:
        whole = json.loads(contents.texts[_FIRST_KEY])
        header, digest = dict(whole["ledger"]), str(whole["sha256"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if header.pop("version", None) != 1 or _first_digest({**header, "version": 1}, contents.arrays) != digest:
        raise ConfigError(f"{path} is corrupt: its contents do not match their SHA-256; {LEDGER.remedy}")
    return sealed.Sealed(header, contents.arrays)


def _first_digest(header: Mapping[str, object], arrays: Arrays) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        digest.update(np.ascontiguousarray(array).data if array.size else b"")
    return digest.hexdigest()
