"""How users pick a thing: by its name, or by the path of a file that holds it.

Code lies in ``FILE.py``, or ``FILE.py:NAME`` where the file registers several entries; chips, devices, components and
studies lie in ``FILE.toml``. Everything else is a name.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CODE = re.compile(r"(?P<path>.*\.py)(?::(?P<entry>[^:/\\]+))?", re.DOTALL)


@dataclass(frozen=True)
class CodeFile:
    """A Python file, and which of its entries is meant (None: the only one)."""

    path: Path
    entry: str | None

    def __str__(self) -> str:
        return f"{self.path}" if self.entry is None else f"{self.path}:{self.entry}"


def code_file(text: str) -> CodeFile | None:
    """Return the file that ``text`` names: ``./mine.py`` or ``./mine.py:entry``; None for a plain name."""
    found = _CODE.fullmatch(text)
    return None if found is None else CodeFile(Path(found["path"]), found["entry"])


def names_file(text: str) -> bool:
    """Whether ``text`` is the path of a file rather than a name."""
    return text.endswith(".toml") or code_file(text) is not None


def short_name(text: str) -> str:
    """Return what tables, folders and traces call it: a name as it is; of a file its entry, else its stem."""
    found = code_file(text)
    if found is not None:
        return found.entry or found.path.stem
    return Path(text).stem if text.endswith(".toml") else text


def absolute(text: str, folder: Path | None = None) -> str:
    """Return the path of a file as an absolute one, from ``folder`` (None: where the process stands); a name stays."""
    if not names_file(text):
        return text
    # not resolve(): a link is the user's name for the file
    return os.path.normpath(str((folder or Path.cwd()).absolute() / text))


def portable(text: str, folder: Path) -> str:
    """Return the path of a file as seen from ``folder``, the same on any machine; a name stays."""
    if not names_file(text) or not Path(text).is_absolute():
        return text
    return Path(os.path.relpath(text, folder.absolute())).as_posix()


def texts(value: Any) -> Iterator[str]:
    """Yield each text in ``value``, however deep in tables and lists; keys are none."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for entry in value.values() if isinstance(value, Mapping) else value:
            yield from texts(entry)


def in_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Return ``value`` with ``change`` made to each text in it, however deep in tables and lists; keys stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: in_texts(entry, change) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(in_texts(entry, change) for entry in value)
    return value
