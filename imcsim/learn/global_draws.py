"""The process's global generators (torch, numpy, ``random``): lent to a block, seeded by name, put back afterwards.

imcsim draws from generators that are passed in. Other people's code does not: dropout, a user's network, a method's
hook. What they draw must follow from the run's seed and from where the run is, never from what was drawn before.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

_WORD = 1 << 32  # numpy takes seeds of 32 bits


@contextmanager
def lent_globals(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Seed the global generators inside the block; afterwards each goes on from where it was.

    Parameters
    ----------
    seed
        63 bits, as :func:`imcsim.core.seeds.child_seed` gives.
    device
        A GPU whose generator is lent, too; None or the CPU: none.
    """
    python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global one is what is lent
    with torch.random.fork_rng(devices=[device] if _is_gpu(device) else []):
        try:
            seed_globals(seed, device)
            yield
        finally:
            random.setstate(python)
            np.random.set_state(of_numpy)  # noqa: NPY002


def seed_globals(seed: int, device: torch.device | None = None) -> None:
    """Seed the global generators, those of other GPUs than ``device`` excepted; call it within :func:`lent_globals`."""
    torch.default_generator.manual_seed(seed)
    if device is not None and _is_gpu(device):
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    random.seed(seed)
    np.random.seed([seed % _WORD, seed // _WORD % _WORD])  # noqa: NPY002


def _is_gpu(device: torch.device | None) -> bool:
    return device is not None and device.type == "cuda"
