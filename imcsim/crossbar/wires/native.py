"""The compiled form of the merge: built once with the machine's C compiler, kept in the user's cache, never required.

``IMCSIM_NATIVE=0`` switches it off. Where there is no compiler, or the build fails, the torch form does the same.
"""

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from imcsim.crossbar.wires.lines import Line

_SOURCE = Path(__file__).with_name("merge.c")
_FLAGS = ("-O3", "-march=native", "-shared", "-fPIC")


def native_available() -> bool:
    """Whether the compiled form can be used here; builds it at the first call."""
    return _library() is not None


@functools.cache
def _library() -> Any:
    if os.environ.get("IMCSIM_NATIVE", "1") == "0":
        return None
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    try:
        return ctypes.CDLL(str(_built(compiler)))
    except (OSError, RuntimeError, subprocess.SubprocessError):
        return None


def _built(compiler: str) -> Path:
    """Return the path of the built library; two processes that build at once each rename a whole file."""
    folder = _cache_folder()
    target = folder / f"wires-{_key(compiler)}.so"
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        fresh = Path(scratch) / target.name
        command = [compiler, *_FLAGS, "-o", str(fresh), str(_SOURCE), "-lm"]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
        fresh.replace(target)
    return target


def _cache_folder() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "imcsim" / "native"


def _key(compiler: str) -> str:
    """Return what the binary depends on, as a name: source, compiler, flags and the processor's features."""
    cpu = Path("/proc/cpuinfo")
    features = (
        next((line for line in cpu.read_text().splitlines() if line.startswith("flags")), "") if cpu.exists() else ""
    )
    parts = (_SOURCE.read_text(), compiler, *_FLAGS, platform.machine(), features)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def reduce_native(g_s: Any, word: Line, bit: Line, threads: int) -> Any:
    """Return what :func:`imcsim.crossbar.wires.merge.reduce_blocks` does; sizes are multiples of 4.

    Parameters
    ----------
    g_s
        Cell conductances (B, R, C) in S, float64 on the CPU, contiguous, rows counted from the sense end.
    word, bit
        The lines, with C and R nodes.
    threads
        Among how many threads the B arrays are shared.
    """
    import torch

    out = torch.empty_like(g_s)
    count = max(1, min(threads, g_s.shape[0]))
    with ThreadPoolExecutor(count) as pool:
        parts = zip(g_s.tensor_split(count), out.tensor_split(count), strict=True)
        failed = list(pool.map(lambda part: _call(part[0], part[1], word, bit), parts))
    if any(failed):
        raise MemoryError(f"not enough memory to reduce arrays of {g_s.shape[-2]} x {g_s.shape[-1]} cells")
    return out


def _call(g_s: Any, out: Any, word: Line, bit: Line) -> int:
    def vector(values: list[float]) -> Any:
        return (ctypes.c_double * len(values))(*values)

    def end(near_s: float) -> ctypes.c_double:
        return ctypes.c_double(0.0 if near_s == float("inf") else near_s)

    status: int = _library().imcsim_reduce(
        *g_s.shape,
        ctypes.c_void_p(g_s.data_ptr()),
        *(vector(values) for values in (word.far_s, word.cell_behind, bit.far_s, bit.cell_behind)),
        end(word.near_s),
        end(bit.near_s),
        int(word.two_sided),
        int(bit.two_sided),
        ctypes.c_void_p(out.data_ptr()),
    )
    return status
