"""Ledgers on disk: what is read is what was written, and what is not a whole ledger is refused in one sentence."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from imcsim.chip.life import WearLedger, load_ledger, save_ledger, wear_ledger
from imcsim.core.errors import ConfigError, StorageError
from tests.chip.hand import random_trace, small_chip


def switched() -> WearLedger:
    trace = random_trace(3)
    trace = replace(trace, meta=trace.meta.model_copy(update={"switched_layers": ("b",)}))
    return wear_ledger(trace, small_chip("all-rram-28nm").config)


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
    other = wear_ledger(random_trace(0), small_chip("all-rram-28nm", {"array.rows": 8}).config)
    with pytest.raises(ConfigError, match="the ledger is of another mapping: its PEs have 8 x 16 cells, here 4 x 16"):
        found.add(other)
    assert found.tasks == 3
    assert (tmp_path / "a").read_bytes() == before


def test_files_that_are_no_whole_ledger_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "wear"
    save_ledger(switched(), path)
    whole = path.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(json.loads(whole[8 : 8 + length])["__metadata__"]["imcsim_wear_ledger"])
    arrays = load(whole)

    def written(change: dict[str, object], digest: str) -> bytes:
        text = json.dumps({"ledger": {**header["ledger"], **change}, "sha256": digest})
        return save(arrays, metadata={"imcsim_wear_ledger": text})

    altered = bytearray(whole)
    altered[-1] ^= 1
    cases = [
        (b"no", "is not an imcsim wear ledger"),
        (save(arrays), "is not an imcsim wear ledger"),
        (whole[:-5], "is not a complete wear ledger"),
        (bytes(altered), "is corrupt: its counters do not match their SHA-256"),
        (written({"copies": 2}, header["sha256"]), "is corrupt"),
        (written({"version": 9}, header["sha256"]), "of version 9; this imcsim reads version 1"),
    ]
    for data, sentence in cases:
        path.write_bytes(data)
        with pytest.raises(ConfigError, match=sentence):
            load_ledger(path)
    with pytest.raises(ConfigError, match=r"cannot read wear ledger .*none: No such file"):
        load_ledger(tmp_path / "none")


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
