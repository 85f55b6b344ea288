"""CIFAR-10: from a lossless re-packing, from the original archive or its folder, or downloaded."""

import hashlib
import io
import lzma
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from imcsim.core.arrays import AnyArray
from imcsim.core.errors import DataError
from imcsim.core.files import write_atomic
from imcsim.learn.data.arrays import Arrays, cache_folder, channels_first, check_digests, data_folder
from imcsim.learn.data.idx import fetch

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"  # https://www.cs.toronto.edu/~kriz/cifar.html
_ARCHIVE = "cifar-10-python.tar.gz"
_FOLDER = "cifar-10-batches-py"
_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
_TRAIN = 50_000
_SHORT_TEST = 1_000
# SHA-256 of the decoded bytes (n, 32, 32, 3): of the lossless re-packing of the original training images and of the
# first 1,000 test images (veleialei/686_Project1_CNNVIS@29a5a6eb, made for karpathy/convnetjs), and of their labels
DIGESTS = {
    "x_train": "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
    "x_test": "da362006b99671213d1a5d856cab2bedf64d40bad4501630ee60f4ceb2d3ec7f",
    "y_train": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
    "y_test": "636a087e604331a0b9dafc94b6e9ade0c9cec72c4400d12473ccdb3e264474c1",
}
_SHORT_NOTE = (
    "cifar10: the test set is the first 1,000 of the 10,000 original test images (not class-balanced); the standard "
    "error of an accuracy on all of them is up to 1.6 points"
)

Sets = dict[str, NDArray[np.uint8]]


def load_cifar10() -> Arrays:
    """Return CIFAR-10.

    Looked for in this order: ``cifar10_lossless_{a,b}.npy.xz`` with ``cifar10_meta.npz`` in IMCSIM_DATA (decoded once
    into the cache; only 1,000 test images, which ``notes`` says), the original archive or its extracted folder in
    IMCSIM_DATA, the archive in the cache, a download.

    Raises
    ------
    DataError
        If it cannot be had, or is not the original.
    """
    arrays, where = _find()
    firsts = {key: values[:_SHORT_TEST] if key.endswith("test") else values for key, values in arrays.items()}
    check_digests("cifar10", where, firsts, DIGESTS)
    notes = (_SHORT_NOTE,) if len(arrays["y_test"]) == _SHORT_TEST else ()
    x_train, x_test = channels_first(arrays["x_train"]), channels_first(arrays["x_test"])
    return Arrays("cifar10", x_train, arrays["y_train"], x_test, arrays["y_test"], augment=True, notes=notes)


def decode_lossless(differences: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images (n, H, W, 3) from (3, n, H, W): planes R-G, G, B-G of left differences, modulo 256.

    Column 0 holds differences down the column, the other columns differences along the row.
    """
    planes = differences.copy()
    planes[..., 0] = np.cumsum(planes[..., 0], axis=-1, dtype=np.uint8)
    planes = np.cumsum(planes, axis=-1, dtype=np.uint8)
    planes[0] += planes[1]
    planes[2] += planes[1]
    return np.ascontiguousarray(planes.transpose(1, 2, 3, 0))


def _empty_array(kind: type, shape: tuple[int, ...], code: bytes) -> AnyArray:
    return np.ndarray(shape, dtype="b")


def _latin_bytes(text: str, encoding: str) -> bytes:
    return text.encode("latin-1")


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    ("_codecs", "encode"): _latin_bytes,  # how Python 3 pickles bytes under protocol 2
}


class RestrictedUnpickler(pickle.Unpickler):
    """Unpickles numpy arrays and basic types, as CIFAR's batches hold, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the few numpy names that an array needs; DataError for any other."""
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        raise DataError(f"a CIFAR batch holds {module}.{name}, which no data set needs; refused")


def read_batch(content: bytes, where: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return (images (n, 32, 32, 3), labels (n,)) of one pickled batch; DataError if it is none."""
    try:
        batch = RestrictedUnpickler(io.BytesIO(content), encoding="bytes").load()
        images = np.asarray(batch[b"data"], dtype=np.uint8).reshape(-1, 3, 32, 32)
        labels = np.asarray(batch[b"labels"], dtype=np.uint8)
    except (pickle.UnpicklingError, EOFError, KeyError, ValueError, TypeError, AttributeError, IndexError):
        raise DataError(f"data set 'cifar10': {where} is no batch of CIFAR-10") from None
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1)), labels


def _find() -> tuple[Sets, str]:
    folder = data_folder()
    if folder is not None:
        parts = [folder / f"cifar10_lossless_{half}.npy.xz" for half in "ab"]
        if all(path.is_file() for path in [*parts, folder / "cifar10_meta.npz"]):
            return _lossless(parts, folder / "cifar10_meta.npz"), str(folder)
        if (folder / _FOLDER).is_dir():
            return _batches(lambda name: (folder / _FOLDER / name).read_bytes()), str(folder / _FOLDER)
        if (folder / _ARCHIVE).is_file():
            return _archive(folder / _ARCHIVE), str(folder / _ARCHIVE)
    cached = cache_folder() / _ARCHIVE
    if not cached.is_file():
        content = fetch("cifar10", URL, cache_folder())
        _check_archive(content, "the download")
        write_atomic(cached, content)
    return _archive(cached), str(cached)


def _check_archive(content: bytes, where: str) -> None:
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != ARCHIVE_MD5:
        raise DataError(f"data set 'cifar10': {where} does not match the md5 {ARCHIVE_MD5} of the original archive")


def _archive(path: Path) -> Sets:
    content = path.read_bytes()
    _check_archive(content, str(path))
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:

        def read(name: str) -> bytes:
            member = archive.extractfile(f"{_FOLDER}/{name}")
            return b"" if member is None else member.read()

        return _batches(read)


def _batches(read: Callable[[str], bytes]) -> Sets:
    try:
        train = [read_batch(read(name), name) for name in _BATCHES]
        x_test, y_test = read_batch(read("test_batch"), "test_batch")
    except OSError as error:
        raise DataError(f"data set 'cifar10': cannot read {error.filename}: {error.strerror}") from None
    x_train, y_train = (np.concatenate(parts) for parts in zip(*train, strict=True))
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _lossless(parts: list[Path], meta_path: Path) -> Sets:
    cached = cache_folder() / "cifar10-lossless.npy"
    try:
        images = np.load(cached) if cached.is_file() else _decode_once(parts, cached)
        with meta_path.open("rb") as handle, np.load(handle, allow_pickle=False) as meta:
            labels = {key: meta[key] for key in ("y_train", "y_test")}
    except (lzma.LZMAError, BadZipFile, ValueError, KeyError, EOFError, OSError):
        raise DataError(
            f"data set 'cifar10': {parts[0].parent}/cifar10_* or {cached} is corrupt; remove or replace it"
        ) from None
    return {"x_train": images[:_TRAIN], "x_test": images[_TRAIN:], **labels}


def _decode_once(parts: list[Path], cached: Path) -> NDArray[np.uint8]:
    halves = [np.load(io.BytesIO(lzma.decompress(path.read_bytes()))) for path in parts]
    images = decode_lossless(np.concatenate(halves, axis=1))
    content = io.BytesIO()
    np.save(content, images)
    write_atomic(cached, content.getvalue())
    return images
