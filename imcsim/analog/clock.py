"""The time of a converted network's chip, and where its noise comes from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from imcsim.analog.saved_layer import SavedClock


@dataclass
class Clock:
    """What all layers of a converted network share: the chip's time, and the generators of noise.

    ``now_s`` counts from the first programming, ``programmed_s`` is when the last one was.
    """

    now_s: float = 0.0
    programmed_s: float | None = None
    read_seed: int | None = None
    train_seed: int = 0

    def __post_init__(self) -> None:
        self._generators: dict[tuple[str, str], torch.Generator] = {}
        self._states: dict[str, NDArray[np.uint8]] = {}

    def reading(self, device: torch.device) -> torch.Generator | None:
        """Return the source of read noise; None before the chip is programmed, when arrays are ideal."""
        return None if self.read_seed is None else self._generator("read", self.read_seed, device)

    def training(self, device: torch.device) -> torch.Generator:
        """Return the source of the weight noise of hardware-aware training."""
        return self._generator("train", self.train_seed, device)

    def seed_reads(self, seed: int) -> None:
        """Start the read noise anew from ``seed``."""
        self.read_seed = seed
        self._generators = {key: value for key, value in self._generators.items() if key[0] != "read"}
        self._states = {key: value for key, value in self._states.items() if not key.startswith("read/")}

    def generator_states(self) -> dict[str, NDArray[np.uint8]]:
        """Return how far each source of noise has come, by ``use/device``."""
        come = {"/".join(key): made.get_state().numpy() for key, made in self._generators.items()}
        return self._states | come

    def restore(self, saved: SavedClock, states: Mapping[str, NDArray[np.uint8]]) -> None:
        """Take back the time, the seeds and the states of an earlier clock."""
        self.now_s, self.programmed_s = saved.now_s, saved.programmed_s
        self.read_seed, self.train_seed = saved.read_seed, saved.train_seed
        self._generators, self._states = {}, dict(states)

    def _generator(self, use: str, seed: int, device: torch.device) -> torch.Generator:
        key = (use, str(device))
        if key not in self._generators:
            made = torch.Generator(device).manual_seed(seed)
            state = self._states.pop("/".join(key), None)
            self._generators[key] = made if state is None else made.set_state(torch.from_numpy(np.array(state)))
        return self._generators[key]
