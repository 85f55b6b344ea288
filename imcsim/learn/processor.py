"""What kind of processor trains: on another kind float sums are taken in another order, and results differ a little.

The same code, versions and kind give the same trace bit for bit (on a GPU as far as its kernels are deterministic).
"""

import platform
import re
from pathlib import Path

import torch


def processor(device: torch.device) -> dict[str, str]:
    """Return the processor's model, what of it torch and its BLAS use, the number of threads, and the GPU if any."""
    blas = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    found = {
        "processor": _model() or platform.processor() or platform.machine(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "blas": blas[1] if blas else "unknown",
        "threads": str(torch.get_num_threads()),
    }
    return found | ({"gpu": torch.cuda.get_device_name(device)} if device.type == "cuda" else {})


def _model() -> str:
    """Return the processor's name as Linux tells it, else nothing."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
