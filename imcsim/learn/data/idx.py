"""MNIST and Fashion-MNIST: from an npz file, from IDX files, or downloaded."""

import gzip
import hashlib
import math
import zlib
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import DataError
from imcsim.core.files import scratch, write_atomic
from imcsim.learn.data.arrays import Arrays, cache_folder, channels_first, check_digests, data_folder

_KEYS = ("x_train", "y_train", "x_test", "y_test")
_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
# LeCun's own host no longer serves; the mirror is the one that torchvision uses (torchvision/datasets/mnist.py)
_URLS = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion-mnist": "https://github.com/zalandoresearch/fashion-mnist/raw/b2617bb6d3ff/data/fashion/",
}
# SHA-256 of the decoded pixels and labels. MNIST: of files whose IDX form has the md5 sums
# 6bbc9ace898e44ae57da46a324031adb, a25bea736e30d166cdddb491f175f624, 2646ac647ad5339dbf082846283269ea,
# 27ae3e4e09519cfbb04c329615203637 (LeCun's originals).
# Fashion-MNIST: of the official .gz files, md5 8d4fb7e6c68d591d4c3dfef9ec88bf0d, 25c81989df183df01b3e8a0aad5dffbe,
# bef4ecab320f06d8554ea6380940ec79, bb300cfdad3c16e7a12a480ee83cd310 (zalandoresearch/fashion-mnist, README).
DIGESTS = {
    "mnist": {
        "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
        "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
        "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
        "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
    },
    "fashion-mnist": {
        "x_train": "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
        "y_train": "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
        "x_test": "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
        "y_test": "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
    },
}
# md5 of the .gz files as downloaded, where the publisher states it; else the decoded digests alone decide
_GZIP_MD5 = {
    "fashion-mnist": {
        "x_train": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "y_train": "25c81989df183df01b3e8a0aad5dffbe",
        "x_test": "bef4ecab320f06d8554ea6380940ec79",
        "y_test": "bb300cfdad3c16e7a12a480ee83cd310",
    },
    "mnist": {},
}
_IDX_UINT8 = 8  # type byte of the IDX format

Sets = dict[str, NDArray[np.uint8]]


def load_idx_set(name: str) -> Arrays:
    """Return "mnist" or "fashion-mnist", checked against :data:`DIGESTS`.

    Looked for in this order: ``<name with _>.npz`` and IDX files (``.gz`` or not, also in a sub-folder of the set's
    name) in IMCSIM_DATA, then the cache, then a download.

    Raises
    ------
    DataError
        If it cannot be had, or is not the original.
    """
    arrays, where = _find(name)
    check_digests(name, where, arrays, DIGESTS[name])
    x_train, x_test = channels_first(arrays["x_train"]), channels_first(arrays["x_test"])
    return Arrays(name, x_train, arrays["y_train"], x_test, arrays["y_test"])


def read_idx(content: bytes, where: str) -> NDArray[np.uint8]:
    """Decode one IDX file of unsigned bytes, compressed or not; DataError if it is none."""
    try:
        raw = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error):
        raise DataError(f"{where} is a corrupt gzip file") from None
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] != _IDX_UINT8:
        raise DataError(f"{where} is not an IDX file of unsigned bytes")
    header = 4 + 4 * raw[3]
    shape = tuple(np.frombuffer(raw[4:header], dtype=">u4").tolist()) if len(raw) >= header else ()
    body = np.frombuffer(raw[header:], dtype=np.uint8)
    if len(shape) != raw[3] or body.size != math.prod(shape):
        raise DataError(f"{where} is cut short: its header promises {shape}, it holds {body.size} bytes")
    return body.reshape(shape)


def _find(name: str) -> tuple[Sets, str]:
    folder = data_folder()
    stem = name.replace("-", "_")
    if folder is not None:
        npz = folder / f"{stem}.npz"
        if npz.is_file():
            return _read_npz(name, npz), str(npz)
        for candidate in (folder / stem, folder / name, folder):
            if all(_idx_path(candidate, key) for key in _KEYS):
                return _read_files(candidate), str(candidate)
    cached = cache_folder() / name
    for key in _KEYS:
        if _idx_path(cached, key) is None:
            _download(name, key, cached)
    return _read_files(cached), str(cached)


def _read_npz(name: str, path: Path) -> Sets:
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            return {key: file[key].astype(np.uint8, copy=False) for key in _KEYS}
    except KeyError as error:
        raise DataError(f"data set '{name}': {path} lacks {str(error).split()[0]}") from None
    except (BadZipFile, ValueError, OSError, EOFError, zlib.error):
        raise DataError(f"data set '{name}': {path} is corrupt; remove it or replace it") from None


def _idx_path(folder: Path, key: str) -> Path | None:
    stem = _FILES[key]
    names = (f"{stem}.gz", stem, stem.replace("-idx", ".idx"))
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _read_files(folder: Path) -> Sets:
    paths = {key: _idx_path(folder, key) for key in _KEYS}
    return {key: read_idx(path.read_bytes(), str(path)) for key, path in paths.items() if path is not None}


def _download(name: str, key: str, folder: Path) -> None:
    content = fetch(name, f"{_URLS[name]}{_FILES[key]}.gz", folder)
    expected = _GZIP_MD5[name].get(key)
    if expected is not None and hashlib.md5(content, usedforsecurity=False).hexdigest() != expected:
        raise DataError(f"data set '{name}': the download of {_FILES[key]}.gz does not match its md5; try again")
    pixels = np.ascontiguousarray(read_idx(content, f"the download of {_FILES[key]}.gz"))
    check_digests(name, "the download", {key: pixels}, {key: DIGESTS[name][key]})
    write_atomic(folder / f"{_FILES[key]}.gz", content)


def fetch(name: str, url: str, folder: Path) -> bytes:
    """Download ``url`` by way of ``folder`` and return its content, unchecked.

    Raises
    ------
    DataError
        If there is no network: what to set instead.
    StorageError
        If the disk refuses.
    """
    import pooch

    with scratch(folder / "download") as (raw, _):  # a name of its own: two processes may need it at once
        try:
            pooch.HTTPDownloader(progressbar=False, timeout=30)(url, str(raw), None, check_only=False)
            return raw.read_bytes()
        except (OSError, ValueError, ImportError) as error:
            raise DataError(
                f"data set '{name}' is not in the folder IMCSIM_DATA ({data_folder() or 'not set'}) and cannot be "
                f"downloaded ({type(error).__name__}); set IMCSIM_DATA to a folder that holds it"
            ) from None
