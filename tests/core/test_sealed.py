"""One store: what is read back is what was written; anything else gets one sentence, and little memory."""

import json
import math
import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from imcsim.core.errors import ConfigError, ImcsimError, StorageError, TraceError
from imcsim.core.json_text import DEEPEST, nesting, parse_json
from imcsim.core.sealed import Kind, Sealed, load, save
from imcsim.core.tensor_file import BrokenFileError, Contents, read, write

RUN = Kind("trace", 3, TraceError, "train again")
HEADER: dict[str, Any] = {
    "seed": 1,
    "names": ["µ", "b"],
    "rate": 0.1,
    "best": -math.inf,
    "none": None,
    "deep": {"a": [1]},
}
ARRAYS: dict[str, NDArray[Any]] = {
    "codes": np.arange(-6, 6, dtype=np.int8).reshape(2, 3, 2),
    "step": np.array(5.0, np.float32),
    "mask": np.array([True, False]),
    "none": np.zeros((3, 0, 2), np.int64),
    "wide": np.array([2**63], np.uint64),
    "turned": np.arange(6.0).reshape(2, 3).T,
    "big-endian": np.arange(3, dtype=">i4"),
}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "run.safetensors"
    save(path, RUN, HEADER, ARRAYS)
    return path


def test_header_and_arrays_come_back(saved: Path) -> None:
    header, arrays = load(saved, RUN)
    assert header == HEADER
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].shape == array.shape and np.array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype.newbyteorder("="), name


def test_the_same_contents_give_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    save(tmp_path / "two", RUN, HEADER, dict(reversed(ARRAYS.items())))
    assert (tmp_path / "two").read_bytes() == saved.read_bytes()


def test_tables_keep_their_order(tmp_path: Path) -> None:
    save(tmp_path / "order", RUN, {"b": {"z": 1, "a": 2}, "a": 0}, {})
    header = load(tmp_path / "order", RUN).header
    assert list(header) == ["b", "a"] and list(header["b"]) == ["z", "a"]


def test_the_library_of_the_format_reads_what_is_written_and_writes_what_is_read(saved: Path, tmp_path: Path) -> None:
    found = load_file(saved)
    assert all(np.array_equal(found[name], array) for name, array in ARRAYS.items())
    plain = {name: np.ascontiguousarray(array) for name, array in ARRAYS.items() if name != "big-endian"}
    save_file(plain, tmp_path / "theirs", {"a": "b"})
    contents = read(tmp_path / "theirs")
    assert contents.texts == {"a": "b"}
    assert all(np.array_equal(contents.arrays[name], array) for name, array in plain.items())


def test_every_bit_counts(saved: Path) -> None:
    """Each byte with one bit flipped: refused in one sentence, or (spaces that fill the header up) all the same."""
    data = saved.read_bytes()
    same = 0
    for place in range(len(data)):
        wrong = bytearray(data)
        wrong[place] ^= 1 << place % 8
        saved.write_bytes(wrong)
        try:
            header, arrays = load(saved, RUN)
        except TraceError as error:
            assert str(saved) in str(error) and "\n" not in str(error) and len(str(error)) < 400
        else:
            same += 1
            assert header == HEADER and all(np.array_equal(arrays[name], ARRAYS[name]) for name in ARRAYS)
    assert same <= 8


@pytest.mark.parametrize("change", [{"seed": 2}, {"names": ["a"]}, {"more": 1}])
def test_the_header_is_under_the_hash(saved: Path, change: dict[str, Any]) -> None:
    contents = read(saved)
    texts = contents.texts | {"imcsim_header": json.dumps(HEADER | change)}
    write(saved, contents.arrays, texts)
    with pytest.raises(TraceError, match=r"is corrupt: its contents do not match their SHA-256; train again$"):
        load(saved, RUN)


def test_arrays_that_change_names_are_found(saved: Path) -> None:
    contents = read(saved)
    arrays = contents.arrays
    arrays["mask"], arrays["codes"] = arrays["codes"], arrays["mask"]
    write(saved, arrays, contents.texts)
    with pytest.raises(TraceError, match="is corrupt"):
        load(saved, RUN)


@pytest.mark.parametrize("keep", [0, 4, 8, 9, 200, -10, -1])
def test_a_truncated_file_is_refused(saved: Path, keep: int) -> None:
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(TraceError, match="is not a whole trace: it is not"):
        load(saved, RUN)


def test_bytes_beyond_the_arrays_are_refused(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes() + b"12")
    with pytest.raises(TraceError, match="is not a whole trace"):
        load(saved, RUN)


def test_another_kind_and_another_version_say_so(saved: Path) -> None:
    ledger = Kind("wear ledger", 1, ConfigError)
    with pytest.raises(ConfigError, match=r"run.safetensors is not an imcsim wear ledger, it is a trace$"):
        load(saved, ledger)
    newer = Kind("trace", 4, TraceError, "record it again")
    with pytest.raises(TraceError, match=r"is a trace of version 3; this imcsim reads version 4: record it again$"):
        load(saved, newer)


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"^cannot read trace .*none: No such file or directory$"):
        load(tmp_path / "none", RUN)
    with pytest.raises(TraceError, match="is not a file"):
        load(tmp_path, RUN)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TraceError, match="is not a file"):
        load(tmp_path / "pipe", RUN)
    save_file({"w": np.zeros(3)}, tmp_path / "weights")
    with pytest.raises(TraceError, match=r"weights is not an imcsim trace$"):
        load(tmp_path / "weights", RUN)
    (tmp_path / "text").write_text("kind = 'rram'\n" * 9)
    with pytest.raises(TraceError, match="is not a whole trace"):
        load(tmp_path / "text", RUN)


def _table(path: Path, table: str | bytes, data: bytes = b"") -> Path:
    raw = table if isinstance(table, bytes) else table.encode()
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + data)
    return path


def _entry(dtype: Any = "U8", shape: Any = (1,), offsets: Any = (0, 1)) -> str:
    return json.dumps({"x": {"dtype": dtype, "shape": shape, "data_offsets": offsets}})


@pytest.mark.parametrize(
    ("table", "data"),
    [
        ("[" * 100_000, b""),
        ('{"a":' * 5_000 + "1" + "}" * 5_000, b""),
        ('{"x": ' + "9" * 5_000 + "}", b""),
        ("[]", b""),
        ("7", b""),
        (b"\xff\xfe{}", b""),
        ('{"__metadata__": 3}', b""),
        ('{"__metadata__": {"a": 3}}', b""),
        ('{"x": 3}', b"1"),
        (_entry("F128"), b"1"),
        (_entry(["U8"]), b"1"),
        (_entry(shape=[-1]), b"1"),
        (_entry(shape=[1.0]), b"1"),
        (_entry(shape=[True]), b"1"),
        (_entry(shape=[1 << 40], offsets=[0, 1 << 40]), b"1"),
        (_entry(shape=[1] * 100), b"1"),
        (_entry(shape=[0, 1 << 47, 1 << 47], offsets=[0, 0]), b""),
        (_entry(offsets=[0]), b"1"),
        (_entry(offsets=[1, 0]), b"1"),
        (_entry(offsets=[1, 2]), b"12"),
        (_entry(offsets=[0, 2]), b"12"),
        (_entry(offsets=None), b"1"),
        (_entry("BOOL"), b"\x02"),
        (_entry(), b""),
        (_entry(), b"12"),
    ],
)
def test_a_strange_table_gives_one_sentence_and_takes_no_memory(tmp_path: Path, table: str, data: bytes) -> None:
    path = _table(tmp_path / "strange", table, data)
    tracemalloc.start()
    with pytest.raises(TraceError, match=r"is not a whole trace: it (is|has)") as caught:
        load(path, RUN)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 500
    assert peak < 30e6


def test_a_declared_length_beyond_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes((1 << 62).to_bytes(8, "little") + b"{}")
    with pytest.raises(TraceError, match="is not a whole trace"):
        load(tmp_path / "long", RUN)


@pytest.mark.parametrize("text", ["[1]", "{", "{" * 10, '{"a":' * 70 + "1" + "}" * 70])
def test_a_sealed_header_that_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    from imcsim.core.sealed import seal

    texts = {"imcsim_kind": "trace", "imcsim_version_of_kind": "3", "imcsim_header": text}
    write(tmp_path / "odd", {}, texts | {"sha256": seal(texts, {})})
    with pytest.raises(TraceError, match="has a header that"):
        load(tmp_path / "odd", RUN)


def test_loading_takes_the_memory_of_the_arrays_once(tmp_path: Path) -> None:
    save(tmp_path / "large", RUN, {}, {"a": np.ones(4_000_000), "b": np.zeros(4_000_000, np.float32)})
    tracemalloc.start()
    _, arrays = load(tmp_path / "large", RUN)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.05 * sum(array.nbytes for array in arrays.values())


def test_saving_copies_one_array_at_most(tmp_path: Path) -> None:
    arrays = {str(number): np.ones(1_000_000) for number in range(4)}
    tracemalloc.start()
    save(tmp_path / "large", RUN, {}, arrays)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6


def test_what_cannot_be_stored_is_a_defect_and_leaves_nothing(tmp_path: Path) -> None:
    for array in (np.array([{}]), np.array(["a"]), np.zeros(2, np.complex128), np.zeros(2, "M8[s]")):
        with pytest.raises(TypeError, match="cannot be stored"):
            save(tmp_path / "odd", RUN, {}, {"x": array})
    with pytest.raises(ValueError, match="can be read back"):
        save(tmp_path / "odd", RUN, {"x": "a" * 17_000_000}, {})
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_the_old_file(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(StorageError, match=r"cannot write .*: No space left on device"):
        save(saved, RUN, {}, {})
    monkeypatch.undo()
    assert load(saved, RUN).header == HEADER
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_an_older_layout_is_read_by_its_own_reader(tmp_path: Path, saved: Path) -> None:
    def older(contents: Contents) -> Sealed | None:
        return Sealed({"old": contents.texts["mine"]}, contents.arrays) if "mine" in contents.texts else None

    write(tmp_path / "old", {"x": np.ones(1)}, {"mine": "yes"})
    assert load(tmp_path / "old", RUN, older).header == {"old": "yes"}
    assert load(saved, RUN, older).header == HEADER
    write(tmp_path / "foreign", {}, {"other": "yes"})
    with pytest.raises(TraceError, match="is not an imcsim trace"):
        load(tmp_path / "foreign", RUN, older)


@settings(max_examples=150)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes, framed: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(len(data).to_bytes(8, "little") + data if framed else data)
    with pytest.raises(ImcsimError, match="trace"):
        load(path, RUN)
    try:
        read(path)
    except BrokenFileError as error:
        assert "\n" not in str(error)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=60)
@given(st.dictionaries(st.text(max_size=4), json_values, max_size=4))
def test_any_header_comes_back(tmp_path_factory: pytest.TempPathFactory, header: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / "header"
    save(path, RUN, header, {})
    assert load(path, RUN).header == header


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(_depth, inner), default=0)


@given(json_values)
def test_nesting_counts_levels(value: Any) -> None:
    assert nesting(value) == _depth(value)


def test_json_as_deep_as_allowed_is_read() -> None:
    text = "[" * DEEPEST + "]" * DEEPEST
    assert nesting(parse_json(text)) == DEEPEST
    with pytest.raises(ValueError, match="deeper than 64"):
        parse_json(f"[{text}]")
