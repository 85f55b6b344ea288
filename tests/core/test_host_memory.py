"""Torch's own refusals, as it raises them here, and those of a GPU, in its words."""

import numpy as np
import pytest
import torch

from imcsim.core.host_memory import memory_sentence

TOO_MUCH = 1 << 60  # bytes: no machine has them


def raised_by_torch() -> BaseException:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(TOO_MUCH, dtype=torch.uint8)
    return caught.value


def raised_by_numpy() -> BaseException:
    with pytest.raises(MemoryError) as caught:
        np.empty(TOO_MUCH, dtype=np.uint8)
    return caught.value


@pytest.mark.parametrize("error", [raised_by_torch(), raised_by_numpy(), MemoryError()], ids=repr)
def test_memory_of_the_machine(error: BaseException) -> None:
    assert memory_sentence(error) == "out of memory; use fewer --jobs, a lower batch_size or a smaller network"


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 1 GiB"),
        torch.cuda.OutOfMemoryError("Tried to allocate"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        torch.AcceleratorError("CUDA error: out of memory"),
    ],
    ids=repr,
)
def test_memory_of_a_gpu(error: BaseException) -> None:
    told = memory_sentence(error)
    assert told == 'the GPU is out of memory; lower batch_size, use a smaller network, or set device = "cpu"'


@pytest.mark.parametrize("error", [RuntimeError("shapes cannot be multiplied"), ValueError("can't allocate memory")])
def test_other_errors_are_not(error: BaseException) -> None:
    assert memory_sentence(error) is None
