"""Ledgers on disk: what is read is what was written, and what is not a whole ledger is refused in one sentence."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from imcsim.chip.placed import place
from imcsim.core import sealed
from imcsim.core.errors import ConfigError, StorageError
from imcsim.life import WearLedger, load_ledger, save_ledger, wear_ledger
from imcsim.life.ledger_store import LEDGER
from tests.chip.hand import random_trace, small_chip


def switched() -> WearLedger:
    trace = random_trace(3)
    trace = replace(trace, meta=trace.meta.model_copy(update={"switched_layers": ("b",)}))
    return wear_ledger(place(trace, small_chip("all-rram-28nm").config))


def test_a_ledger_comes_back_and_adds_up(tmp_path: Path) -> None:
    ledger, path = switched(), tmp_path / "wear.safetensors"
    save_ledger(ledger, path)
    found = load_ledger(path)
    assert (found.geometry, found.layers, found.copies) == (ledger.geometry, ledger.layers, ledger.copies)
    assert (found.tasks, found.most_events) == (ledger.tasks, ledger.most_events)
    for (spec, wear), (_, other) in zip(ledger, found, strict=True):
        for name in ("events", "full", "distances"):
            was, now = getattr(wear, name), getattr(other, name)
            assert was.dtype == now.dtype
            np.testing.assert_array_equal(was, now)
        assert (other.switches is None) == (spec.name == "a")
    whole = sum(int(wear.events.sum()) for _, wear in found)
    found.add(ledger)  # counters that were read can be written to
    assert sum(int(wear.events.sum()) for _, wear in found) == 2 * whole
    assert found.tasks == 6
    save_ledger(ledger, tmp_path / "again.safetensors")
    assert path.read_bytes() == (tmp_path / "again.safetensors").read_bytes()


def test_a_ledger_of_another_mapping_changes_nothing(tmp_path: Path) -> None:
    save_ledger(switched(), tmp_path / "a")
    before, found = (tmp_path / "a").read_bytes(), load_ledger(tmp_path / "a")
    other = wear_ledger(place(random_trace(0), small_chip("all-rram-28nm", {"array.rows": 8}).config))
    with pytest.raises(ConfigError, match="the ledger is of another mapping: its PEs have 8 x 16 cells, here 4 x 16"):
        found.add(other)
    assert found.tasks == 3
    assert (tmp_path / "a").read_bytes() == before


def test_files_that_are_no_whole_ledger_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "wear"
    save_ledger(switched(), path)
    whole, arrays = path.read_bytes(), load(path.read_bytes())
    altered = bytearray(whole)
    altered[-1] ^= 1
    cases = [
        (b"no", "is not a whole wear ledger"),
        (save(arrays), "is not an imcsim wear ledger"),
        (whole[:-5], "is not a whole wear ledger"),
        (bytes(altered), "is corrupt: its contents do not match their SHA-256; restore a copy"),
    ]
    for data, sentence in cases:
        path.write_bytes(data)
        with pytest.raises(ConfigError, match=sentence):
            load_ledger(path)
    with pytest.raises(ConfigError, match=r"cannot read wear ledger .*none: No such file"):
        load_ledger(tmp_path / "none")


@pytest.mark.parametrize(
    ("header", "arrays"),
    [
        ({"copies": 3}, {}),
        ({"tasks": -1}, {}),
        ({"tasks": 2.5}, {}),
        ({"most_events": 0}, {}),
        ({"most_events": 1 << 32}, {}),
        ({"layers": []} | {"geometry": {}}, {}),
        ({}, {"events/a": lambda values: values.astype(np.int64)}),
        ({}, {"events/a": lambda values: values[..., :-1]}),
        ({}, {"full/a": lambda values: values + 1e6}),
        ({}, {"full/a": lambda values: -values - 1}),
        ({}, {"distances/a": lambda values: values * np.nan}),
        ({}, {"switches/b": lambda values: values[:1]}),
    ],
)
def test_what_could_not_have_been_counted_is_refused_under_a_good_seal(
    tmp_path: Path, header: dict[str, Any], arrays: dict[str, Any]
) -> None:
    path = tmp_path / "wear"
    save_ledger(switched(), path)
    stored = sealed.load(path, LEDGER)
    changed = {name: change(stored.arrays[name]) for name, change in arrays.items()}
    sealed.save(path, LEDGER, stored.header | header, stored.arrays | changed)
    with pytest.raises(ConfigError, match="lacks part of a wear ledger"):
        load_ledger(path)


def first_version(ledger: WearLedger, path: Path) -> None:
    """Write ``ledger`` as imcsim 0.1.0 first did: hash over the header's JSON, then names, types, shapes, bytes."""
    save_ledger(ledger, path)
    stored = sealed.load(path, LEDGER)
    header = {**stored.header, "version": 1}
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(stored.arrays):
        array = stored.arrays[name]
        digest.update(f"{name}|{array.dtype.str}|{array.shape}|".encode() + array.tobytes())
    text = json.dumps({"ledger": header, "sha256": digest.hexdigest()}, sort_keys=True)
    path.write_bytes(save(stored.arrays, metadata={"imcsim_wear_ledger": text}))


def test_a_ledger_of_the_first_version_is_read_and_checked(tmp_path: Path) -> None:
    path, ledger = tmp_path / "wear", switched()
    first_version(ledger, path)
    save_ledger(load_ledger(path), tmp_path / "again")
    save_ledger(ledger, tmp_path / "now")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "now").read_bytes()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ConfigError, match="is corrupt: its contents do not match their SHA-256; restore a copy"):
        load_ledger(path)


def test_a_disk_that_refuses_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(StorageError, match="cannot write"):
        save_ledger(switched(), tmp_path / "file" / "ledger")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "old"


def test_repeating_a_ledger_is_adding_it_up() -> None:
    once, many = switched(), switched()
    many.repeat(3)
    for _ in range(2):
        once.add(switched())
    assert (many.tasks, many.most_events) == (once.tasks, once.most_events)
    for (_, wear), (_, other) in zip(many, once, strict=True):
        np.testing.assert_array_equal(wear.events, other.events)
        np.testing.assert_allclose(wear.full, other.full, rtol=1e-6)
        np.testing.assert_allclose(wear.distances, other.distances)
        np.testing.assert_allclose(wear.total(), other.total(), rtol=1e-6)
    with pytest.raises(ConfigError, match="start a new ledger"):
        many.repeat(1 << 32)
    assert many.tasks == 9
