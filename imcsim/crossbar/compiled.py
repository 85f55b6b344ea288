"""C sources: built once with the machine's C compiler, kept in the user's cache, never required.

``IMCSIM_NATIVE=0`` switches it off. Where there is no compiler, or the build fails, torch does the same work.

A library is code: it is loaded only from a folder that is ours alone to write, and only if it is whole. Its name ends
with the SHA-256 of its bytes; a file cut short would end the process, not raise.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

from imcsim.core.errors import StorageError
from imcsim.core.files import remove, write_atomic

_FLAGS = ("-O3", "-march=native", "-shared", "-fPIC")


class CacheWarning(UserWarning):
    """The cache for built libraries is not used; they are built anew in each process."""


@functools.cache
def compiled_library(source: Path) -> ctypes.CDLL | None:
    """Return the C file ``source`` as a loaded library, or None where it cannot be built or is switched off."""
    # Bits are packed by bytes: on a big-endian machine they would come in another order.
    if os.environ.get("IMCSIM_NATIVE", "1") == "0" or sys.byteorder != "little":
        return None
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = usable_cache(Path(root) / "imcsim" / "native")
    try:
        return _stored(source, compiler, folder) if folder else _built(source, compiler, None)
    except (OSError, RuntimeError, subprocess.SubprocessError):
        return None


def _stored(source: Path, compiler: str, folder: Path) -> ctypes.CDLL:
    stem = f"{source.stem}-{_key(source, compiler)}"
    for path in sorted(folder.glob(f"{stem}-*.so")):
        if path.name == _named(stem, path.read_bytes()):
            return ctypes.CDLL(str(path))
        remove(path)  # cut short or altered
    return _built(source, compiler, folder / stem)


def _built(source: Path, compiler: str, kept: Path | None) -> ctypes.CDLL:
    """Build and load the library; ``kept``: the beginning of the path that it is kept under."""
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / f"{source.stem}.so"
        command = [compiler, *_FLAGS, "-o", str(fresh), str(source), "-lm"]
        subprocess.run(command, check=True, capture_output=True)
        if kept is not None:
            data = fresh.read_bytes()
            try:
                write_atomic(kept.with_name(_named(kept.name, data)), data)
            except StorageError as error:
                _warn(f"{error}")
        return ctypes.CDLL(str(fresh))  # the system keeps what is loaded when its name is gone


def _named(stem: str, data: bytes) -> str:
    return f"{stem}-{hashlib.sha256(data).hexdigest()}.so"


@functools.cache
def usable_cache(folder: Path) -> Path | None:
    """Return ``folder``, made if need be; None, said once, if it cannot be made or others could write to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = folder.stat()
    except OSError as error:
        _warn(f"cannot use {folder}: {error.strerror or error}")
        return None
    if found.st_uid != os.getuid():
        _warn(f"{folder} belongs to another user")
        return None
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        _warn(f"{folder} can be written by others; chmod go-w makes it usable")
        return None
    return folder


def _warn(reason: str) -> None:
    text = f"{reason}; compiled code is not kept there and is built anew in each process (XDG_CACHE_HOME moves it)"
    warnings.warn(text, CacheWarning, stacklevel=4)


def _key(source: Path, compiler: str) -> str:
    """Return what the binary depends on, as a name: source, compiler, flags and the processor's features."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    parts = (source.read_text(), compiler, *_FLAGS, platform.machine(), features)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
