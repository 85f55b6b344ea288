"""Files are whole or absent: written under a temporary name, then renamed. What a killed writer left is removed."""

import fcntl
import glob
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from imcsim.core.errors import StorageError


def write_atomic(path: Path, content: bytes | str | Iterable[bytes | memoryview]) -> None:
    """Write ``content``, whole or part after part, so that a reader of ``path`` sees the old file or the new one.

    Temporary files of the same target whose writer was killed are removed.

    Raises
    ------
    StorageError
        If the disk refuses (full, read-only); the temporary file is removed.
    """
    data = content.encode() if isinstance(content, str) else content
    parts = [data] if isinstance(data, bytes) else data
    with scratch(path) as (temporary, file), told(path):
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())
        temporary.replace(path)  # still locked: nobody takes it for abandoned


@contextmanager
def scratch(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """Yield a new temporary file beside ``path``, and remove it at the end unless it was renamed.

    It is locked as long as the block runs, so that others can tell it from one that a killed process left. Those of
    the same ``path`` are removed first.

    Raises
    ------
    StorageError
        If the disk refuses the folder or the file.
    """
    with told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(path.parent, path.name)
        temporary, file = _new_locked(path)
    try:
        with file:
            yield temporary, file
    finally:
        with suppress(OSError):  # a read-only disk refuses even to look; what matters was told by then
            temporary.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Remove the file at ``path``, if there is one.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        if not os.path.lexists(path):  # a read-only disk refuses to remove what is not there
            return
        raise StorageError(f"cannot remove {path}: {error.strerror or error}") from None


def remove_abandoned(folder: Path, name: str | None = None) -> None:
    """Remove the temporary files in ``folder`` whose writer is gone; ``name``: only those of that target.

    The system drops a process's locks when it ends, however it ends. What cannot be locked is left alone.
    """
    target = "*" if name is None else glob.escape(name)
    for path in folder.glob(f".{target}.????????.part"):
        with suppress(OSError), path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # OSError: its writer lives
            path.unlink()


def _new_locked(path: Path) -> tuple[Path, BinaryIO]:
    while True:
        # not tempfile: its files are readable by their owner only, and the rename would keep that
        temporary = path.parent / f".{path.name}.{secrets.token_hex(4)}.part"
        file = temporary.open("xb")
        with suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:  # another process may have removed it before it was locked
            return temporary, file
        file.close()


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Tell what the disk refuses within the block as a StorageError that names ``path``."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from None
