"""The computer is out of memory, whoever says so: Python, numpy, or torch on CPU and GPU, each in its own way."""

# torch is not imported here: its error has a type of its own on a GPU, and none on the CPU (c10/core/alloc_cpu.cpp)
_GPU_TYPE = "OutOfMemoryError"
_GPU_WORDS = ("CUDA out of memory", "CUDA error: out of memory", "STATUS_ALLOC_FAILED")
_CPU_WORDS = ("can't allocate memory", "not enough memory")


def memory_sentence(error: BaseException) -> str | None:
    """Return what to tell of ``error`` and what to do about it, if memory ran out; else None."""
    text = str(error)
    if any(kind.__name__ == _GPU_TYPE for kind in type(error).__mro__) or _says(error, text, _GPU_WORDS):
        return 'the GPU is out of memory; lower batch_size, use a smaller network, or set device = "cpu"'
    if isinstance(error, MemoryError) or _says(error, text, _CPU_WORDS):
        return "out of memory; use fewer --jobs, a lower batch_size or a smaller network"
    return None


def _says(error: BaseException, text: str, words: tuple[str, ...]) -> bool:
    return isinstance(error, RuntimeError) and any(word in text for word in words)
