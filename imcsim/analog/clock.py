"""The time of a converted network's chip, and where its noise comes from."""

from dataclasses import dataclass

import torch


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

    def _generator(self, use: str, seed: int, device: torch.device) -> torch.Generator:
        key = (use, str(device))
        if key not in self._generators:
            self._generators[key] = torch.Generator(device).manual_seed(seed)
        return self._generators[key]
