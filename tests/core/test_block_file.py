"""The file that grows: what is appended comes back, and nothing that was altered or forged does."""

import hashlib
import io
import json
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from imcsim.core.block_file import MARK, BlockWriter, read_blocks
from imcsim.core.tensor_file import TYPES, BrokenFileError

END = b".blocks\n"


def written(*appended: dict[str, Any], **texts: str) -> bytes:
    file: Any = io.BytesIO()
    writer = BlockWriter(file)
    for arrays in appended:
        writer.append(arrays)
    writer.finish(texts)
    return bytes(file.getvalue())


def forged(blocks: bytes, table: Any, **changes: Any) -> bytes:
    """A file whose digest is right and whose table says what the test wants."""
    text = table if isinstance(table, bytes) else zlib.compress(json.dumps(table).encode())
    length = changes.get("length", len(text))
    body: bytes = MARK + blocks + text + length.to_bytes(8, "little") + END
    return body + hashlib.sha256(body).digest()


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_rows_come_back_in_order(data: st.DataObject) -> None:
    dtype = np.dtype(data.draw(st.sampled_from(list(TYPES.values()))))
    row = data.draw(hnp.array_shapes(min_dims=0, max_dims=2, max_side=4))
    parts = [
        data.draw(hnp.arrays(dtype, (data.draw(st.integers(0, 3)), *row), elements={"allow_nan": False}
                             if dtype.kind == "f" else None))
        for _ in range(data.draw(st.integers(1, 3)))
    ]  # fmt: skip
    arrays, texts = read_blocks(written(*({"x": part, "other": np.arange(2)} for part in parts), note="µ"))
    assert texts == {"note": "µ"}
    assert arrays["x"].dtype == dtype and np.array_equal(arrays["x"], np.concatenate(parts))
    assert arrays["other"].tolist() == [0, 1] * len(parts)


def test_large_arrays_have_blocks_of_their_own_and_small_ones_share() -> None:
    rng = np.random.default_rng(0)
    large = {name: rng.integers(0, 9, (1, 700_000), dtype=np.int16) for name in "ab"}
    small = {f"s{n}": np.full((1, 3), n) for n in range(200)}
    arrays, _ = read_blocks(written(large | small))
    assert all(np.array_equal(arrays[name], array) for name, array in (large | small).items())


def test_counts_are_as_narrow_as_they_allow_and_wide_again_when_read() -> None:
    wide = np.zeros((1, 50_000), np.uint32)
    wide[0, 3] = 200
    mixed = written({"x": wide}, {"x": wide.astype(np.uint8)})
    arrays, _ = read_blocks(mixed)
    assert arrays["x"].dtype == np.uint32 and arrays["x"][:, 3].tolist() == [200, 200]
    assert len(mixed) < 1000


def test_the_same_rows_give_the_same_bytes() -> None:
    rows = {"b": np.arange(6).reshape(2, 3), "a": np.array([True, False])}
    assert written(rows, t="x") == written(dict(reversed(rows.items())), t="x")


@pytest.mark.parametrize(
    ("appended", "error"),
    [
        ([{"x": np.float64(1)}], "array 'x' has no rows"),
        ([{"x": np.zeros((1, 2))}, {"x": np.zeros((1, 3))}], r"rows of array 'x' must have shape \(2,\), got \(3,\)"),
        ([{"x": np.zeros(1, complex)}], "an array of type complex128 cannot be stored"),
    ],
)
def test_defects_of_the_caller(appended: Any, error: str) -> None:
    with pytest.raises((TypeError, ValueError), match=error):
        written(*appended)


def test_no_part_of_a_file_and_no_altered_one_is_read() -> None:
    whole = written({"x": np.arange(40), "mask": np.arange(9) % 2 == 0}, header="h" * 50)
    for length in range(len(whole)):
        with pytest.raises(BrokenFileError):
            read_blocks(whole[:length])
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 16
        with pytest.raises(BrokenFileError):
            read_blocks(bytes(changed)[: len(whole)])


ONE = zlib.compress(bytes(8))
BOMB = zlib.compress(bytes(1 << 24), 9)


def table(blocks: Any, **arrays: Any) -> dict[str, Any]:
    return {"texts": {}, "arrays": arrays or {"x": ["U8", [8]]}, "blocks": blocks}


def test_a_forged_file_can_be_read_if_it_is_right() -> None:
    arrays, _ = read_blocks(forged(ONE, table([[len(ONE), [["x", "U8", 8]]]])))
    assert arrays["x"].tolist() == [0] * 8


@pytest.mark.parametrize(
    ("blocks", "told", "sentence"),
    [
        (BOMB, table([[len(BOMB), [["x", "U8", 8]]]]), "a block that is not of its size"),
        (ONE, table([[len(ONE), [["x", "U8", 1 << 40]]]], x=["U8", [1 << 40]]), "claims more than it can hold"),
        (ONE, table([[len(ONE), [["x", "BITS", 1 << 40]]]], x=["BOOL", [1 << 40]]), "claims more than it can hold"),
        (ONE, table([[len(ONE), [["x", "U8", 9]]]], x=["U8", [9]]), "a block that is not of its size"),
        (ONE + b"x", table([[len(ONE) + 1, [["x", "U8", 8]]]]), "a block that is not of its size"),
        (ONE, table([[len(ONE) - 1, [["x", "U8", 8]]]]), "blocks that are not of its size"),
        (b"noise", table([[5, [["x", "U8", 8]]]]), "a block that cannot be read"),
        (ONE, table([[len(ONE), [["x", "U8", 4]]]]), "not all rows of array 'x'"),
        (ONE, table([[len(ONE), [["x", "F64", 1]]]]), "a table that cannot be read"),
        (ONE, table([[len(ONE), [["x", "BITS", 8]]]]), "a table that cannot be read"),
        (ONE, table([[len(ONE), [["y", "U8", 8]]]]), "a table that cannot be read"),
        (ONE, table([[-1, [["x", "U8", 8]]]]), "a table that cannot be read"),
        (ONE, table([[len(ONE), [["x", "U8", -8]]]]), "a table that cannot be read"),
        (ONE, table([[len(ONE), [["x", "U8", 8]]]], x=["U8", []]), "a table that cannot be read"),
        (ONE, table([[len(ONE), [["x", "U8", 8]]]], x=["C128", [8]]), "a table that cannot be read"),
        (ONE, {"texts": {"a": 1}, "arrays": {}, "blocks": []}, "a table that cannot be read"),
        (ONE, [], "a table that cannot be read"),
        (b"", zlib.compress(bytes(1 << 25)), "a block that is not of its size"),
        (b"", zlib.compress(b"{"), "a table that cannot be read"),
        (b"", table([], x=["U8", [0, 1 << 47, 1 << 47]]), "an array of impossible shape"),
    ],
)  # fmt: skip
def test_a_forged_file_is_refused(blocks: bytes, told: Any, sentence: str) -> None:
    with pytest.raises(BrokenFileError, match=sentence):
        read_blocks(forged(blocks, told))


def test_a_table_longer_than_the_file_is_refused() -> None:
    with pytest.raises(BrokenFileError, match="a table larger than itself"):
        read_blocks(forged(b"", table([]), length=1 << 62))
