"""The Free Spoken Digit Dataset as log-mel pictures: from an npz file, or from the recordings, downloaded."""

import io
import re
import tarfile
import zlib
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from imcsim.core.errors import DataError
from imcsim.core.files import write_atomic
from imcsim.core.seeds import numpy_generator
from imcsim.learn.data.arrays import Arrays, cache_folder, channels_first, check_digests, data_folder
from imcsim.learn.data.idx import fetch
from imcsim.learn.data.logmel import logmel, read_wav

COMMIT = "26eb9aaf76e81b692f806f9140c2d2777410d7a1"
URL = f"https://github.com/Jakobovski/free-spoken-digit-dataset/archive/{COMMIT}.tar.gz"
# SHA-256 of the decoded arrays of fsdd_logmel.npz (itself SHA-256 861cdb49...2cd7), made from the recordings of COMMIT
DIGESTS = {
    "x_train": "05bb1f2ca751825f771a4ad92b141f5b8e7ac3351463351b17a60bbd923439f2",
    "y_train": "293eac6abb8ac1d07da1f08bf97c771ef90a793ffe9090629ca66f6ae2cd2665",
    "x_test": "101603447edcd233b04d138dea89fd01e3378f8f8b5e9f7962252c9c3f8aebb7",
    "y_test": "d73f94e7e6cd0b81adb780f3c58b42a3f5dddf0a1ad092f3320f4d5da4f71f22",
}
_NAME = "spoken-digits"
_FILE = "fsdd_logmel.npz"
_KEYS = ("x_train", "y_train", "x_test", "y_test")
_RECORDING = re.compile(r"recordings/(\d)_([a-z]+)_(\d+)\.wav$")
_TEST_BELOW = 5  # the publisher's split: recordings 0-4 of each speaker and digit are the test set
_NOTES = (
    "spoken-digits: log-mel pictures (49 frames x 32 bands) of the recordings, of which 0.7 % are longer than 1 s and "
    "are cut; train and test hold the same six speakers",
)

Sets = dict[str, NDArray[np.uint8]]


def load_spoken_digits() -> Arrays:
    """Return the 3,000 spoken digits as pictures of 49 x 32, checked against :data:`DIGESTS`.

    Looked for in this order: ``fsdd_logmel.npz`` in IMCSIM_DATA, then in the cache, then the recordings by download,
    whose pictures are kept in the cache. The images come in one fixed shuffled order (imcsim's own), because in the
    file they are sorted by class.

    Raises
    ------
    DataError
        If it cannot be had, or is not the original.
    """
    arrays, where = _find()
    check_digests(_NAME, where, arrays, DIGESTS)
    shuffled: Sets = {}
    for part in ("train", "test"):
        order = numpy_generator(0, "spoken-digits-order", part).permutation(len(arrays[f"y_{part}"]))
        shuffled |= {f"{axis}_{part}": arrays[f"{axis}_{part}"][order] for axis in "xy"}
    x_train, x_test = channels_first(shuffled["x_train"]), channels_first(shuffled["x_test"])
    return Arrays(_NAME, x_train, shuffled["y_train"], x_test, shuffled["y_test"], notes=_NOTES)


def read_recordings(content: bytes, where: str) -> Sets:
    """Return pictures (n, 49, 32, 1) and labels (n,) of a repository archive, in the order of the file names.

    Raises
    ------
    DataError
        If it is no archive of recordings.
    """
    found: dict[str, tuple[int, bool, bytes]] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                match, file = _RECORDING.search(member.name), archive.extractfile(member) if member.isfile() else None
                if match and file:
                    name, test = match[0].rpartition("/")[2], int(match[3]) < _TEST_BELOW
                    found[name] = int(match[1]), test, file.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error):
        raise DataError(f"data set '{_NAME}': {where} is no archive of recordings") from None
    sets: Sets = {}
    for part in ("train", "test"):
        chosen = [(name, *found[name]) for name in sorted(found) if found[name][1] == (part == "test")]
        if not chosen:
            raise DataError(f"data set '{_NAME}': {where} holds no recordings of the {part} set")
        pictures = [logmel(read_wav(wav, f"data set '{_NAME}': {name} of {where}")) for name, _, _, wav in chosen]
        sets[f"x_{part}"] = np.stack(pictures)[..., None]
        sets[f"y_{part}"] = np.array([digit for _, digit, _, _ in chosen], dtype=np.uint8)
    return sets


def _find() -> tuple[Sets, str]:
    folder, cached = data_folder(), cache_folder() / _FILE
    for path in (cached,) if folder is None else (folder / _FILE, cached):
        if path.is_file():
            return _read_npz(path), str(path)
    return _download(cached)


def _read_npz(path: Path) -> Sets:
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            return {key: file[key].astype(np.uint8, copy=False) for key in _KEYS}
    except KeyError as error:
        raise DataError(f"data set '{_NAME}': {path} lacks {str(error).split()[0]}") from None
    except (BadZipFile, ValueError, OSError, EOFError, zlib.error):
        raise DataError(f"data set '{_NAME}': {path} is corrupt; remove it or replace it") from None


def _download(cached: Path) -> tuple[Sets, str]:
    sets = read_recordings(fetch(_NAME, URL, cached.parent), "the download")
    check_digests(_NAME, "the download", sets, DIGESTS)
    content = io.BytesIO()
    np.savez_compressed(content, **sets)  # type: ignore[arg-type]
    write_atomic(cached, content.getvalue())
    return sets, str(cached)
