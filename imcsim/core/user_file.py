"""A Python file of the user's, run once to register its entries; run anew where it was edited since."""

import hashlib
import sys
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from imcsim.core.errors import ContentError, ImcsimError


@dataclass
class Loaded:
    """One file that was run: its code's digest, and how to take back what it registered."""

    path: Path
    digest: str
    undo: list[Callable[[], None]] = field(default_factory=list)

    def take_back(self) -> None:
        """Forget all that the file registered."""
        while self.undo:
            self.undo.pop()()


_LOADED: dict[Path, Loaded] = {}
_now: ContextVar[Loaded | None] = ContextVar("file_being_run", default=None)


def was_run(path: str) -> bool:
    """Whether this process ran the file at ``path`` as one of the user's."""
    return Path(path) in _LOADED


def being_run() -> Loaded | None:
    """Return the file that runs at this moment, for what registers itself."""
    return _now.get()


def run_file(path: Path, kind: str) -> Path:
    """Run the file at ``path``, unless this process has run it as it is; return its absolute path.

    Parameters
    ----------
    kind
        What is looked for in it, for messages.

    Raises
    ------
    ContentError
        If there is no such file, or it cannot be imported; one that fails leaves nothing registered.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise ContentError(f"cannot read {kind} file {path}: {reason}") from None
    whole, digest = path.resolve(), hashlib.sha256(content).hexdigest()
    present = _LOADED.get(whole)
    if present is not None and present.digest == digest:
        return whole
    if present is not None:
        present.take_back()
    loaded = Loaded(whole, digest)
    _run(loaded, content, f"{kind} file {path}")
    _LOADED[whole] = loaded
    return whole


def _run(loaded: Loaded, content: bytes, what: str) -> None:
    name = f"imcsim_file_{loaded.path.stem}_{hashlib.sha256(str(loaded.path).encode()).hexdigest()[:8]}"
    module = ModuleType(name)
    module.__file__ = str(loaded.path)
    before, token = sys.modules.get(name), _now.set(loaded)
    sys.modules[name] = module  # dataclasses and type hints look their module up
    try:
        exec(compile(content, str(loaded.path), "exec"), module.__dict__)
    except BaseException as error:
        loaded.take_back()
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
        if isinstance(error, ImcsimError) or not isinstance(error, Exception | SystemExit):
            raise
        raise ContentError(f"{what} cannot be imported: {type(error).__name__}: {error}") from error
    finally:
        _now.reset(token)
