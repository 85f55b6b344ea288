"""Ways to spoil a file: its bytes, its text, the tree of its header, its arrays."""

import copy
import hashlib
import json
import math
import zlib
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from imcsim.core.sealed import seal
from imcsim.core.tensor_file import Contents

EDGES: tuple[Any, ...] = (
    math.nan, math.inf, -math.inf, -1, 0, 1, 2**31, 2**53, 2**63, 2**64, 10**30, -(2**63), 1e308, 5e-324, -0.0, 0.5, "",
    "x", "\x00", "µ" * 300, "x" * 100_000, None, True, False, [], {}, [[]], [1, 2], [-1, 0], ["a"], {"a": 1},
)  # fmt: skip
TOML_EDGES = (
    "nan", "inf", "-inf", "-1", "0", "1", "0.0", "-0.5", "1e308", "1e-320", "9223372036854775808", "1" * 5000, '""',
    '"x"', '"' + "x" * 100_000 + '"', "[]", "{}", "[1, 2]", "true", "false", "1979-05-27", "[" * 2000 + "]" * 2000,
    "[" * 5000, "{a = " * 300 + "1" + "}" * 300, "'''a", '"\\ud800"', "0x", "1_0", "= 1", "",
)  # fmt: skip


def spoil_bytes(data: bytes, rng: Generator) -> bytes:
    """Flip bits, cut, repeat or overwrite a part."""
    out = bytearray(data)
    way, at = rng.integers(6), int(rng.integers(max(1, len(out))))
    if way == 0:
        out[at] ^= 1 << int(rng.integers(8))
    elif way == 1:
        del out[at:]
    elif way == 2:
        del out[at : at + int(rng.integers(1, 64))]
    elif way == 3:
        out[at:at] = out[at : at + int(rng.integers(1, 64))]
    elif way == 4:
        out[at : at + 8] = bytes(rng.integers(0, 256, 8, dtype=np.uint8))
    else:
        out[:8] = int(rng.choice([0, 1, len(out), 2**31, 2**62])).to_bytes(8, "little")
    return bytes(out)


def spoil_toml(text: str, rng: Generator) -> str:
    """Swap a value, drop, repeat, rename, move or nest a line."""
    lines = text.splitlines()
    at = int(rng.integers(len(lines)))
    key, equals, _ = lines[at].partition("=")
    way = rng.integers(8)
    if way <= 2:
        lines[at] = f"{key}{equals} {rng.choice(TOML_EDGES)}" if equals else f"a = {rng.choice(TOML_EDGES)}"
    elif way == 3:
        del lines[at]
    elif way == 4:
        lines.insert(at, lines[int(rng.integers(len(lines)))])
    elif way == 5:
        lines[at] = lines[at].replace(
            key.strip() or "a", str(rng.choice(["x", "name", "kind", "a." * 20000 + "a", "é"])), 1
        )
    elif way == 6:
        lines.insert(
            at, str(rng.choice(["[a.b.c]", "[[sources]]", "[sources]", "[" + "a." * 3000 + "a]", "]", "x", "[rram]"]))
        )
    else:
        number = str(rng.choice(["-1", "0", "1e6", "1e-6", "1000", "3", "65536", "1e12"]))
        lines[at] = f"{key}{equals} {number}" if equals else lines[at]
    return "\n".join(lines) + "\n"


def spoil_tree(tree: Any, rng: Generator) -> Any:
    """Return a copy of a tree of JSON values with one of its places changed."""
    out = copy.deepcopy(tree)
    place, key = out, None
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = keys[int(rng.integers(len(keys)))]
        inner = place[key]
        if not (isinstance(inner, dict | list) and inner) or rng.random() < 0.2:
            break
        place = inner
    way = rng.integers(6)
    if way <= 2:
        place[key] = copy.deepcopy(EDGES[int(rng.integers(len(EDGES)))])
    elif way == 3:
        del place[key]
    elif way == 4 and isinstance(place[key], int | float):
        place[key] = place[key] * [2, -1, 1000, 0][int(rng.integers(4))]
    elif isinstance(place, dict):
        place[f"{key}x"] = place.pop(key) if way == 5 else _deep(int(rng.choice([10, 70, 500])))
    else:
        place.insert(key, place[key])
    return out


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def spoil_array(array: NDArray[Any], rng: Generator) -> NDArray[Any]:
    """Return the array scaled, negated, transposed, retyped, reshaped, or with one element changed."""
    ways = (_scaled, _shifted, _retyped, _not_finite, _reshaped, _turned, _one_changed)
    with np.errstate(all="ignore"):
        return ways[int(rng.integers(len(ways)))](array, rng)


def _number(array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(np.int64) if array.dtype == bool else array


def _scaled(array: NDArray[Any], rng: Generator) -> NDArray[Any]:
    return np.asarray(_number(array) * rng.choice([2, 1000, 0, -1]))


def _shifted(array: NDArray[Any], rng: Generator) -> NDArray[Any]:
    return np.asarray(_number(array) + rng.choice([1, -1, 2**40]))


def _retyped(array: NDArray[Any], rng: Generator) -> NDArray[Any]:
    types = [np.float64, np.float32, np.int8, np.uint8, np.int16, np.uint64, np.int64, np.bool_]
    return array.astype(types[int(rng.integers(len(types)))])


def _not_finite(array: NDArray[Any], rng: Generator) -> NDArray[Any]:
    wide = array.astype(np.float64)
    wide.reshape(-1)[: 1 if rng.random() < 0.5 else None] = rng.choice([np.nan, np.inf, -np.inf, 1e300])
    return wide


def _reshaped(array: NDArray[Any], rng: Generator) -> NDArray[Any]:
    return array[None] if rng.random() < 0.5 or not len(array) else array[:-1]


def _turned(array: NDArray[Any], rng: Generator) -> NDArray[Any]:
    turned = (array.T, array.reshape(-1)[::-1].reshape(array.shape), np.roll(array, 1, int(rng.integers(array.ndim))))
    return turned[int(rng.integers(len(turned)))]


def _one_changed(array: NDArray[Any], rng: Generator) -> NDArray[Any]:
    out = array.copy()
    if out.size:
        at = int(rng.integers(out.size))
        flat = out.reshape(-1)
        flat[at] = ~flat[at] if out.dtype == bool else flat[at] + np.array(1).astype(out.dtype)
    return out


def spoil_table(whole: bytes, rng: Generator) -> bytes:
    """Return a file of blocks whose table (shapes, sizes of blocks, whose rows) or blocks are spoilt, sealed anew."""
    body = whole[:-32]
    end = len(body) - 16 - int.from_bytes(body[-16:-8], "little")
    blocks, table = body[:end], json.loads(zlib.decompress(body[end:-16]))
    if rng.random() < 0.2:
        blocks = blocks[:16] + spoil_bytes(blocks[16:], rng)
    else:
        table = spoil_tree(table, rng)
    told = zlib.compress(json.dumps(table).encode())
    forged = blocks + told + len(told).to_bytes(8, "little") + body[-8:]
    return forged + hashlib.sha256(forged).digest()


def spoil_contents(contents: Contents, header_key: str, rng: Generator, parse: Any) -> Contents:
    """Return contents with the header or an array spoilt, dropped, renamed or doubled, and the seal renewed."""
    arrays, texts = dict(contents.arrays), dict(contents.texts)
    name = list(arrays)[int(rng.integers(len(arrays)))]
    way = rng.integers(8)
    if way <= 2:
        texts[header_key] = json.dumps(spoil_tree(parse(texts[header_key]), rng))
    elif way <= 5:
        arrays[name] = np.ascontiguousarray(spoil_array(arrays[name], rng)) if arrays[name].ndim else arrays[name]
    elif way == 6:
        del arrays[name]
    else:
        arrays[f"{name}x"] = arrays.pop(name) if rng.random() < 0.5 else arrays[name]
    texts.pop("sha256", None)
    return Contents(arrays, texts | {"sha256": seal(texts, arrays)})
