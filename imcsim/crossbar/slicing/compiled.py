"""C sources: built once with the machine's C compiler, kept in the user's cache, never required.

``IMCSIM_NATIVE=0`` switches it off. Folder and switch are those of the wires' compiled merge.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_FLAGS = ("-O3", "-march=native", "-shared", "-fPIC")


@functools.cache
def compiled_library(name: str, source: str) -> ctypes.CDLL | None:
    """Return C ``source`` as a loaded library, or None where it cannot be built or is switched off."""
    # Bits are packed by bytes: on a big-endian machine they would come in another order.
    if os.environ.get("IMCSIM_NATIVE", "1") == "0" or sys.byteorder != "little":
        return None
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    try:
        return ctypes.CDLL(str(_built(name, source, compiler)))
    except (OSError, RuntimeError, subprocess.SubprocessError):
        return None


def _built(name: str, source: str, compiler: str) -> Path:
    """Return the path of the built library; two processes that build at once each rename a whole file."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    target = Path(root) / "imcsim" / "native" / f"{name}-{_key(source, compiler)}.so"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            fresh = Path(scratch) / target.name
            command = [compiler, *_FLAGS, "-x", "c", "-o", str(fresh), "-"]
            subprocess.run(command, input=source.encode(), check=True, capture_output=True, timeout=120)
            fresh.replace(target)
    return target


def _key(source: str, compiler: str) -> str:
    """Return what the binary depends on, as a name: source, compiler, flags and the processor's features."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    parts = (source, compiler, *_FLAGS, platform.machine(), features)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
