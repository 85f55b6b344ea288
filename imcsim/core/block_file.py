"""Arrays and short texts in one file that grows: rows of arrays in compressed blocks, and at its end what they are.

The file is a mark, the blocks, a table (JSON, compressed), the table's length, a mark, and the SHA-256 of all before
it. A block is one zlib stream of the bytes of some arrays' rows, little-endian, one array after the other; truth values
are bits, unsigned integers as narrow as their largest value allows. The table tells each array's type and shape, and of
each block the bytes it takes and whose rows it holds. It is believed only as far as the file's size and digest bear it
out: no block may claim more bytes than its own could be inflated to.

Source of the limit: zlib, "maximum compression factor is about 1032:1" (https://zlib.net/zlib_tech.html).
"""

import hashlib
import json
import math
import os
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imcsim.core.arrays import AnyArray
from imcsim.core.json_text import parse_json
from imcsim.core.tensor_file import LONGEST_TABLE, NAMES, TYPES, Arrays, BrokenFileError, bytes_of, plain, sizes

MARK, _END = b"imcsim.blocks.1\n", b".blocks\n"
_FOOT, _DIGEST = 8 + len(_END), 32  # bytes: length of the table, and a mark; the digest
_BITS = "BITS"
_FULL = 1 << 20  # design choice: bytes of rows of small arrays that share a block
_INFLATES, _SLACK = 1032, 64
_LEVEL = 1  # design choice: counts of changes are mostly 0; a higher level takes 3 times as long for a tenth less
_THREADS = min(4, os.cpu_count() or 1)  # zlib works without the interpreter's lock


class _Rows(NamedTuple):
    """Rows of one array in a block; ``kind`` is the type that they are stored in."""

    name: str
    kind: str
    number: int


@dataclass(frozen=True)
class _Block:
    stored: int
    rows: tuple[_Rows, ...]


@dataclass
class _Array:
    dtype: np.dtype[np.generic]
    row: tuple[int, ...]
    rows: int = 0


class BlockWriter:
    """Writes such a file: rows as they come, then :meth:`finish`.

    Parameters
    ----------
    file
        Empty, open for writing; the caller closes it.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._digest = file, hashlib.sha256()
        self._arrays: dict[str, _Array] = {}
        self._blocks: list[_Block] = []
        self._put(MARK)

    def append(self, arrays: Mapping[str, AnyArray]) -> None:
        """Add rows to the end of each array of ``arrays``.

        Raises
        ------
        TypeError, ValueError
            If an array has no rows' axis, a type that cannot be stored, or other rows than before: a defect of the
            caller.
        """
        groups = list(self._grouped(arrays))
        with ThreadPoolExecutor(_THREADS) as pool:
            for (rows, _), data in zip(groups, pool.map(_deflated, (parts for _, parts in groups)), strict=True):
                self._put(data)
                self._blocks.append(_Block(len(data), tuple(rows)))

    def finish(self, texts: Mapping[str, str]) -> None:
        """Add the table, with ``texts``, and the digest."""
        arrays = {name: [NAMES[array.dtype], [array.rows, *array.row]] for name, array in sorted(self._arrays.items())}
        blocks = [[block.stored, block.rows] for block in self._blocks]
        table = json.dumps(
            {"texts": dict(sorted(texts.items())), "arrays": arrays, "blocks": blocks}, separators=(",", ":")
        ).encode()
        if len(table) > LONGEST_TABLE:
            raise ValueError(f"names and texts take {len(table)} bytes; {LONGEST_TABLE} can be read back")
        data = _deflated([memoryview(table)])
        self._put(data)
        self._put(len(data).to_bytes(8, "little") + _END)
        self._file.write(self._digest.digest())

    def _grouped(self, arrays: Mapping[str, AnyArray]) -> Iterator[tuple[list[_Rows], list[memoryview]]]:
        """Yield what goes into one block: whose rows, and their bytes."""
        rows: list[_Rows] = []
        parts: list[memoryview] = []
        for name in sorted(arrays):
            array = plain(arrays[name])
            if array.ndim == 0:
                raise ValueError(f"array '{name}' has no rows")
            self._grow(name, array)
            kind, data = _packed(array)
            rows.append(_Rows(name, kind, len(array)))
            parts.append(data)
            if sum(part.nbytes for part in parts) >= _FULL:
                yield rows, parts
                rows, parts = [], []
        if rows:
            yield rows, parts

    def _grow(self, name: str, array: AnyArray) -> None:
        known = self._arrays.setdefault(name, _Array(array.dtype, array.shape[1:]))
        if known.row != array.shape[1:]:
            raise ValueError(f"rows of array '{name}' must have shape {known.row}, got {array.shape[1:]}")
        known.dtype = np.result_type(known.dtype, array.dtype)
        known.rows += len(array)

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)


def read_blocks(data: bytes) -> tuple[Arrays, dict[str, str]]:
    """Return arrays and texts of a whole file ``data``, which begins with :data:`MARK`.

    Raises
    ------
    BrokenFileError
        If it is not whole, or contradicts itself.
    """
    body, told = memoryview(data)[:-_DIGEST], data[-_DIGEST:]
    if len(body) < len(MARK) + _FOOT or body[-len(_END) :] != _END:
        raise BrokenFileError("is not complete")
    if hashlib.sha256(body).digest() != told:
        raise CorruptFileError("does not match its SHA-256")
    end = len(body) - _FOOT - int.from_bytes(body[-_FOOT : -len(_END)], "little")
    if end < len(MARK):
        raise BrokenFileError("has a table larger than itself")
    texts, arrays, blocks = _parsed(_inflated(body[end:-_FOOT], LONGEST_TABLE, exact=False))
    return _read_rows(body[len(MARK) : end], arrays, blocks), texts


class CorruptFileError(BrokenFileError):
    """The file ends as it should, but some byte of it was changed."""


def _packed(array: NDArray[Any]) -> tuple[str, memoryview]:
    """Return the type that rows are stored in, and their bytes."""
    if array.dtype == np.bool_:
        return _BITS, bytes_of(np.packbits(array))
    if array.dtype.kind == "u" and array.size:
        array = np.ascontiguousarray(array.astype(np.min_scalar_type(array.max()), copy=False))
    return NAMES[array.dtype], bytes_of(array)


def _deflated(parts: list[memoryview]) -> bytes:
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    return b"".join([*(deflate.compress(part) for part in parts), deflate.flush()])


def _inflated(data: memoryview, size: int, exact: bool = True) -> bytes:
    """Return what ``data`` is inflated to: ``size`` bytes, or at most so many; nothing larger is ever made."""
    inflate = zlib.decompressobj()
    try:
        out = inflate.decompress(data, size + 1)
    except zlib.error:
        raise BrokenFileError("has a block that cannot be read") from None
    if len(out) > size or not inflate.eof or inflate.unused_data or (exact and len(out) != size):
        raise BrokenFileError("has a block that is not of its size")
    return out


def _parsed(table: bytes) -> tuple[dict[str, str], dict[str, _Array], list[_Block]]:
    """Return texts, arrays and blocks that the table tells of, each of which is possible in itself."""
    try:
        found = parse_json(table)
        texts, arrays, blocks = found["texts"], found["arrays"], found["blocks"]
        if not all(isinstance(text, str) for text in texts.values()):
            raise ValueError
        told = {name: _array(*of) for name, of in arrays.items()}
        return texts, told, [_block(stored, rows, told) for stored, rows in blocks]
    except (ValueError, TypeError, KeyError, AttributeError):
        raise BrokenFileError("has a table that cannot be read") from None


def _array(kind: object, shape: object) -> _Array:
    checked = sizes(shape)
    if kind not in TYPES or not checked:
        raise ValueError
    return _Array(np.dtype(TYPES[kind]), checked[1:], checked[0])


def _block(stored: Any, rows: Any, arrays: Mapping[str, _Array]) -> _Block:
    counts = sizes([stored, *(count for _, _, count in rows)])
    if counts is None:
        raise ValueError
    block = _Block(stored, tuple(_Rows(name, kind, count) for name, kind, count in rows))
    for name, kind, _ in block.rows:
        wanted = arrays[name].dtype
        if kind == _BITS:
            if wanted != np.bool_:
                raise ValueError
        elif wanted == np.bool_ or not np.can_cast(np.dtype(TYPES[kind]), wanted):
            raise ValueError
    return block


def _read_rows(data: memoryview, arrays: Mapping[str, _Array], blocks: list[_Block]) -> Arrays:
    """Return the arrays whose rows lie in ``blocks``, one after the other in ``data``."""
    _check_sizes(len(data), arrays, blocks)
    try:
        whole = {name: np.empty((array.rows, *array.row), array.dtype) for name, array in arrays.items()}
    except ValueError:  # an empty array with axes that no array can have
        raise BrokenFileError("has an array of impossible shape") from None
    tasks, start = [], 0
    at = dict.fromkeys(arrays, 0)
    for block in blocks:
        places = []
        for name, kind, count in block.rows:
            places.append((whole[name][at[name] : at[name] + count], kind))
            at[name] += count
        tasks.append((data[start : start + block.stored], places))
        start += block.stored
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in pool.map(_fill, tasks):
            pass
    return whole


def _check_sizes(stored: int, arrays: Mapping[str, _Array], blocks: list[_Block]) -> None:
    """Raise BrokenFileError unless blocks fill the file, rows fill the arrays, and no block claims too much."""
    if sum(block.stored for block in blocks) != stored:
        raise BrokenFileError("has blocks that are not of its size")
    held = dict.fromkeys(arrays, 0)
    for block in blocks:
        claimed = 0
        for name, kind, count in block.rows:
            held[name] += count
            claimed += _stored_bytes(kind, count * math.prod(arrays[name].row))
        if claimed > _INFLATES * block.stored + _SLACK:
            raise BrokenFileError("has a block that claims more than it can hold")
    lost = next((name for name, array in arrays.items() if held[name] != array.rows), None)
    if lost is not None:
        raise BrokenFileError(f"has not all rows of array '{lost:.80}'")


def _stored_bytes(kind: str, values: int) -> int:
    return -(-values // 8) if kind == _BITS else values * np.dtype(TYPES[kind]).itemsize


def _fill(task: tuple[memoryview, list[tuple[AnyArray, str]]]) -> None:
    """Inflate one block and give each array its rows."""
    data, places = task
    lengths = [_stored_bytes(kind, rows.size) for rows, kind in places]
    raw, start = memoryview(_inflated(data, sum(lengths))), 0
    for (rows, kind), length in zip(places, lengths, strict=True):
        part, start = raw[start : start + length], start + length
        if kind == _BITS:
            rows.reshape(-1)[:] = np.unpackbits(np.frombuffer(part, np.uint8), count=rows.size)
        else:
            rows[...] = np.frombuffer(part, TYPES[kind]).reshape(rows.shape)
