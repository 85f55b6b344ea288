"""The one store of what imcsim keeps: a header and arrays in one file, under one SHA-256.

A *kind* of file (trace, checkpoint, wear ledger, ...) has a name, a version and an error. What is read back is what was
written, header included; anything else (truncated, altered, of another kind or version, not a file of imcsim at all) is
refused with one sentence. No pickle, never half-written, and no more memory than the arrays take.

    RUN = Kind("trace", version=4, error=TraceError, remedy="train again or restore a copy")
    save(path, RUN, {"seed": 0}, {"codes": codes})
    header, arrays = load(path, RUN)

A file that is written while its contents come to be grows row by row, in compressed blocks; it is read alike:

    with growing(path, RUN) as file:
        file.append({"codes": codes[:1]})
        file.append({"codes": codes[1:]})
        file.finish({"seed": 0})
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from imcsim.core.arrays import AnyArray
from imcsim.core.block_file import MARK, BlockWriter, CorruptFileError, read_blocks
from imcsim.core.errors import ImcsimError
from imcsim.core.files import scratch, told
from imcsim.core.json_text import Json, parse_json
from imcsim.core.tensor_file import Arrays, BrokenFileError, Contents, bytes_of, is_file, plain, read, write

_HEADER, _KIND, _VERSION, _SEAL = "imcsim_header", "imcsim_kind", "imcsim_version_of_kind", "sha256"


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Parameters
    ----------
    name
        What a person calls it: "wear ledger".
    version
        Of its layout; files of another version are refused.
    error
        What is raised for a file that cannot be used.
    remedy
        What to do about one that is corrupt or of another version.
    reads
        Earlier versions that can be read, too.
    """

    name: str
    version: int
    error: type[ImcsimError]
    remedy: str = "restore a copy"
    reads: tuple[int, ...] = ()


class Sealed(NamedTuple):
    """What a file holds: the header as it was given, arrays by name."""

    header: Json
    arrays: Arrays


Older = Callable[[Contents], Sealed | None]


def save(path: Path, kind: Kind, header: Mapping[str, object], arrays: Mapping[str, AnyArray]) -> None:
    """Write ``header`` (JSON values) and ``arrays`` (numbers or truth values, any shape) to ``path``.

    The file is whole or absent; the same contents, tables in the same order, give the same bytes.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    texts = _texts(kind, header)
    write(path, arrays, texts | {_SEAL: seal(texts, arrays)})


class Growing:
    """A file that grows; see :func:`growing`."""

    def __init__(self, kind: Kind, path: Path, temporary: Path, file: BinaryIO) -> None:
        self._kind, self._path, self._temporary, self._file = kind, path, temporary, file
        with told(path):
            self._blocks = BlockWriter(file)

    def append(self, arrays: Mapping[str, AnyArray]) -> None:
        """Add rows to the end of arrays."""
        with told(self._path):
            self._blocks.append(arrays)
            self._file.flush()

    def finish(self, header: Mapping[str, object]) -> None:
        """Write ``header`` and the digest over all; only now the file is there under its name."""
        with told(self._path):
            self._blocks.finish(_texts(self._kind, header))
            self._file.flush()
            os.fsync(self._file.fileno())
            self._temporary.replace(self._path)


@contextmanager
def growing(path: Path, kind: Kind) -> Iterator[Growing]:
    """Yield a file to append rows of arrays to; unless it is finished, it is gone after the block.

    The same rows in the same order give the same bytes. What a killed writer left is removed by the next one of
    ``path``.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    with scratch(path) as (temporary, file):
        yield Growing(kind, path, temporary, file)


def _texts(kind: Kind, header: Mapping[str, object]) -> dict[str, str]:
    text = json.dumps(dict(header), separators=(",", ":"))  # in the given order: what is resumed goes on in it
    return {_KIND: kind.name, _VERSION: str(kind.version), _HEADER: text}


def load(path: Path, kind: Kind, older: Older | None = None) -> Sealed:
    """Read what :func:`save` or :func:`growing` wrote.

    Parameters
    ----------
    path, kind
        The file, and what it must be.
    older
        Reads files from before there was this store: returns None for what is none of them.

    Raises
    ------
    ImcsimError
        Of the kind's own type: the file is missing, of another kind or version, truncated or altered.
    """
    try:
        grown = _read_grown(path)
        contents = grown or read(path)
    except OSError as error:
        raise kind.error(f"cannot read {kind.name} {path}: {error.strerror or error}") from None
    except CorruptFileError:
        raise kind.error(f"{path} is corrupt: its contents do not match their SHA-256; {kind.remedy}") from None
    except BrokenFileError as broken:
        raise kind.error(f"{path} is not a whole {kind.name}: it {broken}") from None
    except MemoryError:
        raise kind.error(f"{path} is not a {kind.name} that fits into memory") from None
    found = None if older is None or grown or _HEADER in contents.texts else older(contents)
    return found or _opened(path, kind, contents, sealed=grown is None)


def _read_grown(path: Path) -> Contents | None:
    """Return what a file that grew holds; None if it is no such file."""
    is_file(path)
    with path.open("rb") as file:
        if file.read(len(MARK)) != MARK:
            return None
        file.seek(0)
        return Contents(*read_blocks(file.read()))


def seal(texts: Mapping[str, str], arrays: Mapping[str, AnyArray]) -> str:
    """Return the SHA-256 over texts and arrays, names, types and shapes: none can be exchanged without the others."""
    digest = hashlib.sha256()
    for name in sorted(texts):
        data = texts[name].encode(errors="surrogatepass")
        digest.update(f"{name}|{len(data)}|".encode())
        digest.update(data)
    for name in sorted(arrays):
        array = plain(arrays[name])
        digest.update(f"{name!r}|{array.dtype.str}|{array.shape}|".encode(errors="surrogatepass"))
        digest.update(bytes_of(array))
    return digest.hexdigest()


def _opened(path: Path, kind: Kind, contents: Contents, *, sealed: bool) -> Sealed:
    """Return header and arrays; ``sealed``: the digest is among the texts, else the whole file was looked at."""
    texts = dict(contents.texts)
    stored = texts.pop(_SEAL, "")
    if set(texts) != {_HEADER, _KIND, _VERSION}:
        raise kind.error(f"{path} is not an imcsim {kind.name}")
    if sealed and seal(texts, contents.arrays) != stored:
        raise kind.error(f"{path} is corrupt: its contents do not match their SHA-256; {kind.remedy}")
    if texts[_KIND] != kind.name:
        raise kind.error(f"{path} is not an imcsim {kind.name}, it is a {texts[_KIND]}")
    if texts[_VERSION] not in map(str, (kind.version, *kind.reads)):
        raise kind.error(
            f"{path} is a {kind.name} of version {texts[_VERSION]}; this imcsim reads version {kind.version}: "
            f"{kind.remedy}"
        )
    try:
        header = parse_json(texts[_HEADER])
    except ValueError as error:
        raise kind.error(f"{path} has a header that cannot be read: {error}") from None
    if not isinstance(header, dict):
        raise kind.error(f"{path} has a header that is not a table")
    return Sealed(header, contents.arrays)
