"""C sources: built once with the machine's C compiler, kept in the user's cache, never required.

``IMCSIM_NATIVE=0`` switches it off. Where there is no compiler, or the build fails, torch does the same work.
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
def compiled_library(source: Path) -> ctypes.CDLL | None:
    """Return the C file ``source`` as a loaded library, or None where it cannot be built or is switched off."""
    # Bits are packed by bytes: on a big-endian machine they would come in another order.
    if os.environ.get("IMCSIM_NATIVE", "1") == "0" or sys.byteorder != "little":
        return None
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    try:
        return ctypes.CDLL(str(_built(source, compiler)))
    except (OSError, RuntimeError, subprocess.SubprocessError):
        return None


def _built(source: Path, compiler: str) -> Path:
    """Return the path of the built library; two processes that build at once each rename a whole file."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    target = Path(root) / "imcsim" / "native" / f"{source.stem}-{_key(source, compiler)}.so"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            fresh = Path(scratch) / target.name
            command = [compiler, *_FLAGS, "-o", str(fresh), str(source), "-lm"]
            subprocess.run(command, check=True, capture_output=True, timeout=120)
            fresh.replace(target)
    return target


def _key(source: Path, compiler: str) -> str:
    """Return what the binary depends on, as a name: source, compiler, flags and the processor's features."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    features = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    parts = (source.read_text(), compiler, *_FLAGS, platform.machine(), features)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
