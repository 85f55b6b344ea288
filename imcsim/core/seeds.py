"""Named, splittable seeds: the same name under the same seed gives the same stream, whatever else is drawn."""

import hashlib

import numpy as np


def child_seed(seed: int, *names: str | int) -> int:
    """Return a 63-bit seed for the named use, e.g. ``child_seed(0, "shuffle", task)``."""
    text = "/".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:8], "little") >> 1


def numpy_generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return a numpy generator for the named use."""
    return np.random.default_rng(child_seed(seed, *names))
