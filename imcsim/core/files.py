"""Files are whole or absent: written under a temporary name, then renamed."""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from imcsim.core.errors import StorageError


def write_atomic(path: Path, content: bytes | str | Iterable[bytes | memoryview]) -> None:
    """Write ``content``, whole or part after part, so that a reader of ``path`` sees the old file or the new one.

    Raises
    ------
    StorageError
        If the disk refuses (full, read-only); the temporary file is removed.
    """
    data = content.encode() if isinstance(content, str) else content
    parts = [data] if isinstance(data, bytes) else data
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # not tempfile: its files are readable by their owner only, and the rename would keep that
        temporary = path.parent / f".{path.name}.{secrets.token_hex(4)}.part"
        with temporary.open("xb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from None
    except BaseException:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise
