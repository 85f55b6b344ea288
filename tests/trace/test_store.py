"""A trace survives the disk; anything else is refused with one sentence."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save as save_tensors

from imcsim.core import sealed
from imcsim.core.errors import ConfigError, ConservationError, StorageError, TraceError
from imcsim.testing.traces import linear_layer, make_trace
from imcsim.trace import COUNTS, TASK_COUNTS
from imcsim.trace.growing import KIND
from imcsim.trace.schema import LATER_COUNTS, Policy
from imcsim.trace.store import UNSEALED, load, save
from tests.chip.hand import ENCODINGS, masked, random_trace
from tests.trace.schema_three import save_unsealed


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


def test_a_trace_from_before_a_count_was_added_has_none_of_it(tmp_path: Path) -> None:
    path = tmp_path / "older.safetensors"
    save(random_trace(0), path)
    header, arrays = sealed.load(path, KIND)
    sealed.save(path, KIND, header, {name: a for name, a in arrays.items() if name.split("/")[-1] not in LATER_COUNTS})
    found = load(path)
    assert found.counts.keys() == COUNTS.keys() and found.task_counts.keys() == TASK_COUNTS.keys()
    for name in LATER_COUNTS:
        assert not {**found.counts, **found.task_counts}[name].any()


def test_masks_are_packed_and_come_back(tmp_path: Path) -> None:
    start, after = np.array([[[0, 5], [7, 0], [1, 2]]]), np.array([[[0, 5], [8, 0], [1, 3]]])
    placement = {"fc": np.array([True, False]).reshape(1, 1, 2, 1)}  # of two rows of weights each
    after[0, 2] = start[0, 2]
    layer, active = linear_layer("fc", 3, 2), {"fc": start[None] != 0}
    trace = make_trace(
        [layer], {"fc": start}, {"fc": [[[after]]]}, ENCODINGS, placement=placement, pe_tile=(2, 2)
    )  # fmt: skip
    path = tmp_path / "masks.safetensors"
    save(masked(trace, active), path)
    assert not active["fc"].all()
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
    with pytest.raises(TraceError, match="is corrupt: its contents do not match their SHA-256"):
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


def resealed(path: Path, **changes: Any) -> None:
    """Write the file again with other fields of the header, under a seal of its own; None: without the field."""
    header, arrays = sealed.load(path, KIND)
    fields = {name: value for name, value in (header | changes).items() if value is not None}
    sealed.save(path, KIND, fields, arrays)


def test_another_schema_version_is_refused(saved: Path) -> None:
    header, arrays = sealed.load(saved, KIND)
    sealed.save(saved, dataclasses.replace(KIND, version=99), header, arrays)
    with pytest.raises(TraceError, match="is a trace of version 99; this imcsim reads version 4: train again"):
        load(saved)
    sealed.save(saved, KIND, header | {"schema_version": 99}, arrays)
    with pytest.raises(TraceError, match="has trace schema 99; this imcsim reads schema 4"):
        load(saved)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"seed": 1.5}, "has a broken header: 'seed'"),
        ({"weight_scales": [1.0]}, "weight_scales must be of 2 layers, got 1"),
        ({"weight_scales": [1.0, -1.0]}, "weight_scales must be positive"),
        ({"task_sizes": [1]}, "task_sizes must be of 3 tasks, got 1"),
        ({"task_classes": []}, "a stream has at least one task"),
        ({"task_classes": [[0, 0], [1], [2]]}, "a task must have classes, each once"),
        ({"switched_layers": ["c"]}, "switched_layers must name layers, got 'c'"),
        ({"resident_layers": ["a", "a"]}, "resident_layers must name a layer once"),
        ({"pe_tile": [0, 4]}, r"pe_tile cannot be \(0, 4\)"),
        ({"image_shape": [1, 0, 4]}, "image_shape cannot be"),
        ({"flops": {"paper": -1.0}}, "flops must not be negative"),
        ({"batch_size": 1 << 60}, "batch_size cannot be"),
        (
            {
                "config": {
                    "a": [
                        [
                            [
                                [
                                    [
                                        [
                                            [
                                                [
                                                    [
                                                        [
                                                            [
                                                                [
                                                                    [
                                                                        [
                                                                            [
                                                                                [
                                                                                    [
                                                                                        [
                                                                                            [
                                                                                                [
                                                                                                    [
                                                                                                        [
                                                                                                            [
                                                                                                                [
                                                                                                                    [
                                                                                                                        [
                                                                                                                            [
                                                                                                                                [
                                                                                                                                    [
                                                                                                                                        [
                                                                                                                                            [
                                                                                                                                                [
                                                                                                                                                    [
                                                                                                                                                        [
                                                                                                                                                            [
                                                                                                                                                                [
                                                                                                                                                                    [
                                                                                                                                                                        [
                                                                                                                                                                            [
                                                                                                                                                                                [
                                                                                                                                                                                    [
                                                                                                                                                                                        [
                                                                                                                                                                                            [
                                                                                                                                                                                                [
                                                                                                                                                                                                    [
                                                                                                                                                                                                        [
                                                                                                                                                                                                            [
                                                                                                                                                                                                                [
                                                                                                                                                                                                                    [
                                                                                                                                                                                                                        [
                                                                                                                                                                                                                            [
                                                                                                                                                                                                                                [
                                                                                                                                                                                                                                    [
                                                                                                                                                                                                                                        [
                                                                                                                                                                                                                                            [
                                                                                                                                                                                                                                                [
                                                                                                                                                                                                                                                    [
                                                                                                                                                                                                                                                        [
                                                                                                                                                                                                                                                            [
                                                                                                                                                                                                                                                                [
                                                                                                                                                                                                                                                                    [
                                                                                                                                                                                                                                                                        [
                                                                                                                                                                                                                                                                            [
                                                                                                                                                                                                                                                                                [
                                                                                                                                                                                                                                                                                    1
                                                                                                                                                                                                                                                                                ]
                                                                                                                                                                                                                                                                            ]
                                                                                                                                                                                                                                                                        ]
                                                                                                                                                                                                                                                                    ]
                                                                                                                                                                                                                                                                ]
                                                                                                                                                                                                                                                            ]
                                                                                                                                                                                                                                                        ]
                                                                                                                                                                                                                                                    ]
                                                                                                                                                                                                                                                ]
                                                                                                                                                                                                                                            ]
                                                                                                                                                                                                                                        ]
                                                                                                                                                                                                                                    ]
                                                                                                                                                                                                                                ]
                                                                                                                                                                                                                            ]
                                                                                                                                                                                                                        ]
                                                                                                                                                                                                                    ]
                                                                                                                                                                                                                ]
                                                                                                                                                                                                            ]
                                                                                                                                                                                                        ]
                                                                                                                                                                                                    ]
                                                                                                                                                                                                ]
                                                                                                                                                                                            ]
                                                                                                                                                                                        ]
                                                                                                                                                                                    ]
                                                                                                                                                                                ]
                                                                                                                                                                            ]
                                                                                                                                                                        ]
                                                                                                                                                                    ]
                                                                                                                                                                ]
                                                                                                                                                            ]
                                                                                                                                                        ]
                                                                                                                                                    ]
                                                                                                                                                ]
                                                                                                                                            ]
                                                                                                                                        ]
                                                                                                                                    ]
                                                                                                                                ]
                                                                                                                            ]
                                                                                                                        ]
                                                                                                                    ]
                                                                                                                ]
                                                                                                            ]
                                                                                                        ]
                                                                                                    ]
                                                                                                ]
                                                                                            ]
                                                                                        ]
                                                                                    ]
                                                                                ]
                                                                            ]
                                                                        ]
                                                                    ]
                                                                ]
                                                            ]
                                                        ]
                                                    ]
                                                ]
                                            ]
                                        ]
                                    ]
                                ]
                            ]
                        ]
                    ]
                }
            },
            "deeper than",
        ),
    ],
)
def test_a_header_that_cannot_be_is_refused(saved: Path, change: dict[str, Any], sentence: str) -> None:
    resealed(saved, **change)
    with pytest.raises((TraceError, ConservationError), match=sentence) as caught:
        load(saved)
    assert str(saved) in str(caught.value) and "\n" not in str(caught.value)


def test_a_byte_that_is_changed_anywhere_is_found(saved: Path) -> None:
    """Header, table, blocks, digest: none can be altered."""
    data = saved.read_bytes()
    for at in range(0, len(data), 11):
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        saved.write_bytes(changed)
        with pytest.raises(TraceError, match=r"its contents do not match their SHA-256|is not a"):
            load(saved)


def test_arrays_that_the_schema_does_not_know_are_refused(saved: Path) -> None:
    header, arrays = sealed.load(saved, KIND)
    for name in ("counts/lost", "task/lost", "lost"):
        sealed.save(saved, KIND, header, arrays | {name: arrays["counts/updated_weights"]})
        with pytest.raises(TraceError, match=f"holds '{name}', which this imcsim does not know"):
            load(saved)


def test_a_trace_from_before_headers_were_sealed_is_read_and_says_so(saved: Path) -> None:
    whole = load(saved)
    save_unsealed(whole, saved)
    old = load(saved)
    assert old.meta.notes == (UNSEALED,)
    assert old.meta.model_copy(update={"notes": ()}) == whole.meta
    assert all(np.array_equal(old.codes[name], whole.codes[name]) for name in whole.codes)
    save_unsealed(whole, saved, switched_layers=["c"])
    with pytest.raises(ConservationError, match="switched_layers must name layers"):
        load(saved)
    save_unsealed(whole, saved)
    flipped = bytearray(saved.read_bytes())
    flipped[-5] ^= 1
    saved.write_bytes(flipped)
    with pytest.raises(TraceError, match="is corrupt: its arrays do not match their SHA-256"):
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


def test_a_trace_without_producers_is_a_chain(saved: Path) -> None:
    resealed(saved, producers=None)
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
    with pytest.raises(ConfigError, match=sentence):
        random_trace(0, producers=producers)
