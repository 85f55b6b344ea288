"""The one store of what imcsim keeps: a header and arrays in one file, under one SHA-256.

A *kind* of file (trace, checkpoint, wear ledger, ...) has a name, a version and an error. What is read back is what was
written, header included; anything else (truncated, altered, of another kind or version, not a file of imcsim at all) is
refused with one sentence. No pickle, never half-written, and no more memory than the arrays take.

    RUN = Kind("trace", version=3, error=TraceError, remedy="train again or restore a copy")
    save(path, RUN, {"seed": 0}, {"codes": codes})
    header, arrays = load(path, RUN)
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from imcsim.core.arrays import AnyArray
from imcsim.core.errors import ImcsimError
from imcsim.core.json_text import Json, parse_json
from imcsim.core.tensor_file import Arrays, BrokenFileError, Contents, bytes_of, plain, read, write

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
    """

    name: str
    version: int
    error: type[ImcsimError]
    remedy: str = "restore a copy"


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
    text = json.dumps(dict(header), separators=(",", ":"))  # in the given order: what is resumed goes on in it
    texts = {_KIND: kind.name, _VERSION: str(kind.version), _HEADER: text}
    write(path, arrays, texts | {_SEAL: seal(texts, arrays)})


def load(path: Path, kind: Kind, older: Older | None = None) -> Sealed:
    """Read what :func:`save` wrote.

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
        contents = read(path)
    except OSError as error:
        raise kind.error(f"cannot read {kind.name} {path}: {error.strerror or error}") from None
    except BrokenFileError as broken:
        raise kind.error(f"{path} is not a whole {kind.name}: it {broken}") from None
    except MemoryError:
        raise kind.error(f"{path} is not a {kind.name} that fits into memory") from None
    found = None if older is None or _HEADER in contents.texts else older(contents)
    return found or _unseal(path, kind, contents)


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


def _unseal(path: Path, kind: Kind, contents: Contents) -> Sealed:
    texts = dict(contents.texts)
    stored = texts.pop(_SEAL, "")
    if set(texts) != {_HEADER, _KIND, _VERSION}:
        raise kind.error(f"{path} is not an imcsim {kind.name}")
    if seal(texts, contents.arrays) != stored:
        raise kind.error(f"{path} is corrupt: its contents do not match their SHA-256; {kind.remedy}")
    if texts[_KIND] != kind.name:
        raise kind.error(f"{path} is not an imcsim {kind.name}, it is a {texts[_KIND]}")
    if texts[_VERSION] != str(kind.version):
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
