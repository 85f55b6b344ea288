"""Arrays and short texts in one file, in the safetensors format, written and read array by array.

The file is 8 bytes of length, a JSON table of that length (name -> type, shape, place; texts under ``__metadata__``),
then the arrays' bytes, little-endian, without gaps: https://github.com/huggingface/safetensors. The library holds a
file twice in memory and answers a strange one with errors of many kinds; here a table is believed only after it was
checked against the file's size, and each fault is one :class:`BrokenFileError`.
"""

import json
import math
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imcsim.core.arrays import AnyArray
from imcsim.core.files import write_atomic
from imcsim.core.json_text import parse_json

Arrays = dict[str, NDArray[Any]]  # as a file has them: whoever reads one knows the type of each

_TEXTS = "__metadata__"
_MOST_DIMENSIONS = 32
LONGEST_TABLE = 1 << 24  # bytes, a sixth of the format's limit: a table takes some forty times that when it is read
TYPES = {
    "BOOL": "|b1", "U8": "|u1", "I8": "|i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4",
    "U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip
NAMES = {np.dtype(code): name for name, code in TYPES.items()}


class BrokenFileError(Exception):
    """Why a file is not one of whole arrays; the text is the end of a sentence that begins with its name."""


@dataclass(frozen=True)
class Contents:
    """What a file holds: arrays by name, and texts by name."""

    arrays: Arrays
    texts: dict[str, str]


def write(path: Path, arrays: Mapping[str, AnyArray], texts: Mapping[str, str]) -> None:
    """Write ``arrays`` and ``texts``; the file is whole or absent, and the same contents give the same bytes.

    Raises
    ------
    TypeError, ValueError
        If an array's type is none of the format's, or names and texts take more than it allows: a defect of the caller.
    StorageError
        If the disk refuses.
    """
    stored = {name: plain(array) for name, array in arrays.items()}
    names = sorted(stored, key=lambda name: (-stored[name].dtype.itemsize, name))  # widest first: all are aligned
    table: dict[str, object] = {_TEXTS: dict(sorted(texts.items()))}
    end = 0
    for name in names:
        start, end = end, end + stored[name].nbytes
        dtype = NAMES[stored[name].dtype]
        table[name] = {"dtype": dtype, "shape": list(stored[name].shape), "data_offsets": [start, end]}
    head = json.dumps(table, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    if len(head) > LONGEST_TABLE:
        raise ValueError(f"names and texts take {len(head)} bytes; {LONGEST_TABLE} can be read back")
    write_atomic(path, _parts(head, [stored[name] for name in names]))


def read(path: Path) -> Contents:
    """Read a file that :func:`write`, or another writer of the format, wrote.

    Raises
    ------
    OSError
        If the file cannot be read.
    BrokenFileError
        If it is not such a file, or not whole.
    """
    is_file(path)
    with path.open("rb") as file:
        table, size = _table(file, path.stat().st_size)
        texts = table.pop(_TEXTS, {})
        if not isinstance(texts, dict) or not all(isinstance(text, str) for text in texts.values()):
            raise BrokenFileError("has a header that is not a table of texts")
        places = sorted((_place(name, entry) for name, entry in table.items()), key=lambda place: place[3:])
        at = 0
        for name, dtype, shape, start, end in places:
            if start != at or end - start != dtype.itemsize * math.prod(shape):
                raise BrokenFileError(f"is not complete: array '{_short(name)}' has no place of its size in it")
            at = end
        if at != size:
            raise BrokenFileError(f"is not complete: its arrays take {at} bytes, it has {size}")
        return Contents({name: _array(file, dtype, shape) for name, dtype, shape, _, _ in places}, texts)


def is_file(path: Path) -> None:
    """Raise BrokenFileError for a pipe, which would wait, or a device, which would not end."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise BrokenFileError("is not a file")


def bytes_of(array: AnyArray) -> memoryview:
    """Return the bytes of a contiguous array, uncopied; none of an empty one."""
    return array.reshape(-1).view(np.uint8).data if array.size else memoryview(bytearray())


def plain(array: AnyArray) -> AnyArray:
    """Return ``array`` as the file holds it, contiguous and little-endian; TypeError if the format has no such type."""
    little = np.asarray(array, order="C")
    little = little.astype(little.dtype.newbyteorder("<"), copy=False)
    if little.dtype not in NAMES:
        raise TypeError(f"an array of type {array.dtype} cannot be stored")
    return little


def _parts(head: bytes, arrays: list[AnyArray]) -> Iterator[bytes | memoryview]:
    yield len(head).to_bytes(8, "little")
    yield head
    for array in arrays:
        yield bytes_of(array)


def _table(file: BufferedReader, size: int) -> tuple[dict[str, object], int]:
    """Return the table at the head of a file of ``size`` bytes, and how many bytes of arrays follow it."""
    length = int.from_bytes(file.read(8), "little")
    left = size - 8 - length
    if left < 0 or length > LONGEST_TABLE:
        raise BrokenFileError("is not a file of arrays, or not complete")
    try:
        table = parse_json(file.read(length))
    except ValueError:
        raise BrokenFileError("is not a file of arrays, or not complete") from None
    if not isinstance(table, dict):
        raise BrokenFileError("is not a file of arrays")
    return table, left


def _place(name: str, entry: object) -> tuple[str, np.dtype[np.generic], tuple[int, ...], int, int]:
    """Return (name, type, shape, first byte, byte after the last) of one array."""
    if isinstance(entry, dict) and entry.get("dtype") in list(TYPES):
        shape, offsets = sizes(entry.get("shape")), sizes(entry.get("data_offsets"))
        if shape is not None and offsets is not None and len(shape) <= _MOST_DIMENSIONS and len(offsets) == 2:
            return name, np.dtype(TYPES[entry["dtype"]]), shape, offsets[0], offsets[1]
    raise BrokenFileError(f"has an array '{_short(name)}' of no known type and shape")


def sizes(value: object) -> tuple[int, ...] | None:
    """Return a list of sizes as a tuple, None if it is anything else."""
    good = isinstance(value, list) and all(type(size) is int and 0 <= size < 1 << 48 for size in value)
    return tuple(value) if good and isinstance(value, list) else None


def _array(file: BufferedReader, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> AnyArray:
    try:
        array = np.empty(shape, dtype)
    except ValueError:  # an empty array with axes that no array can have
        raise BrokenFileError(f"has an array of impossible shape {shape}") from None
    data = bytes_of(array)
    if file.readinto(data) != len(data):
        raise BrokenFileError("is not complete")
    if dtype == np.bool_ and array.size and int(array.view(np.uint8).max()) > 1:
        raise BrokenFileError("has a truth value that is neither 0 nor 1")
    return array


def _short(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:77]}..."
