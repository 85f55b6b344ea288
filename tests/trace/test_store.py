"""A trace survives the disk; anything else is refused with one sentence."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from imcsim.core.errors import ConservationError, StorageError, TraceError
from imcsim.trace import COUNTS, TASK_COUNTS
from imcsim.trace.schema import LATER_COUNTS, Policy
from imcsim.trace.store import load, save
from tests.chip.hand import one_pe_trace, random_trace


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "run.safetensors"
    save(random_trace(0), path)
    return path


def test_round_trip_keeps_every_array(saved: Path) -> None:
    before, after = random_trace(0), load(saved)
    assert after.meta == before.meta
    for name in COUNTS:
        assert np.array_equal(after.counts[name], before.counts[name])
    for name in TASK_COUNTS:
        assert np.array_equal(after.task_counts[name], before.task_counts[name])
    for kind in ("codes", "changes", "transitions"):
        one, two = getattr(before, kind), getattr(after, kind)
        assert one.keys() == two.keys()
        assert all(np.array_equal(one[key], two[key]) for key in one)
    assert np.array_equal(after.class_il, before.class_il)


def test_a_trace_from_before_a_count_was_added_has_none_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "older.safetensors"
    with monkeypatch.context() as older:
        older.setattr("imcsim.trace.store.COUNTS", {name: "" for name in COUNTS if name not in LATER_COUNTS})
        save(random_trace(0), path)
    found = load(path)
    assert found.counts.keys() == COUNTS.keys()
    for name in LATER_COUNTS:
        assert found.counts[name].shape == found.counts["updated_weights"].shape and not found.counts[name].any()


def test_masks_are_packed_and_come_back(tmp_path: Path) -> None:
    placement = {"fc": np.ones((1, 1, 1, 1), dtype=bool)}
    trace = one_pe_trace(placement=placement, pe_tile=(4, 2))
    active = {"fc": np.array([[[[1, 0], [0, 1], [1, 1], [0, 0]]]], dtype=bool)}
    path = tmp_path / "masks.safetensors"
    save(dataclasses.replace(trace, active=active), path)
    assert np.array_equal(load(path).active["fc"], active["fc"])
    assert np.array_equal(load(path).placement["fc"], placement["fc"])


def test_saving_twice_gives_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "again.safetensors"
    save(load(saved), other)
    assert other.read_bytes() == saved.read_bytes()


def test_an_altered_byte_is_found(saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    data[-5] ^= 1
    saved.write_bytes(data)
    with pytest.raises(TraceError, match="is corrupt: its arrays do not match their SHA-256"):
        load(saved)


@pytest.mark.parametrize("keep", [0, 4, 200, -10])
def test_a_truncated_file_is_refused(saved: Path, keep: int) -> None:
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(TraceError, match="is not"):
        load(saved)


def test_a_missing_or_foreign_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"cannot read trace .*: No such file"):
        load(tmp_path / "none.safetensors")
    foreign = tmp_path / "weights.safetensors"
    foreign.write_bytes(save_tensors({"w": np.zeros(3)}))
    with pytest.raises(TraceError, match="is not an imcsim trace"):
        load(foreign)


def test_another_schema_version_is_refused(saved: Path) -> None:
    data = saved.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["imcsim_trace"])
    header["meta"]["schema_version"] = 99
    saved.write_bytes(save_tensors(load_tensors(data), metadata={"imcsim_trace": json.dumps(header)}))
    with pytest.raises(TraceError, match="has trace schema 99; this imcsim reads schema 3"):
        load(saved)


def test_a_trace_that_contradicts_itself_is_not_saved(tmp_path: Path) -> None:
    trace = random_trace(0)
    key: tuple[Policy, str, str] = ("step", "offset-8w-1c", "a")
    wrong = trace.changes[key].copy()
    wrong[0, 0, 0, 0, 0] += 1
    path = tmp_path / "bad.safetensors"
    changes = dict(trace.changes)
    changes[key] = wrong
    with pytest.raises(ConservationError, match="level changes must equal transitions"):
        save(dataclasses.replace(trace, changes=changes), path)
    assert not path.exists()


def test_a_full_disk_leaves_the_old_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = saved.read_bytes()

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(StorageError, match=r"cannot write .*: No space left on device"):
        save(random_trace(1), saved)
    assert saved.read_bytes() == old
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def without_producers(path: Path) -> None:
    """Take the field out of the header, as in a file that was written before there was one."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["imcsim_trace"])
    del header["meta"]["producers"]
    path.write_bytes(save_tensors(load_tensors(data), metadata={"imcsim_trace": json.dumps(header)}))


def test_a_trace_without_producers_is_a_chain(saved: Path) -> None:
    without_producers(saved)
    assert load(saved).meta.producers == ()
    assert load(saved).meta.feeds == ((), (0,))


def test_producers_come_back(tmp_path: Path) -> None:
    path = tmp_path / "run.safetensors"
    save(random_trace(0, producers=((), ())), path)
    assert load(path).meta.feeds == ((), ())


@pytest.mark.parametrize(
    ("producers", "sentence"),
    [
        ((("b",), ()), r"layer 'a' cannot read from 'b', which does not run before it"),
        (((), ("c",)), r"layer 'b' cannot read from 'c', which does not run before it"),
        (((),), r"producers must be given for each of 2 layers, got 1"),
    ],
)
def test_producers_that_cannot_be_are_refused(producers: tuple[tuple[str, ...], ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        random_trace(0, producers=producers)
