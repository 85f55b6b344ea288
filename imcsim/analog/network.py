"""A converted network: the network itself, its layers on PEs, and the verbs of the chip that it runs on."""

import sys
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import IO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from imcsim.analog.cells import Programming
from imcsim.analog.clock import Clock
from imcsim.analog.layer import AnalogLayer
from imcsim.analog.placement import PlacementLike, placement_masks
from imcsim.analog.summary import Summary, summarise
from imcsim.chip.config import ChipConfig
from imcsim.core.errors import ConfigError, MappingError
from imcsim.core.seeds import child_seed
from imcsim.crossbar.slicing.idle import IdlePhases
from imcsim.devices.checks import require_number

Generator = int | np.random.Generator | torch.Generator
_SEEDS = 1 << 62


def seed_of(generator: Generator) -> int:
    """Return a seed: the number given, or one drawn from the generator given."""
    if isinstance(generator, torch.Generator):
        return int(torch.randint(_SEEDS, (), generator=generator, device=generator.device).item())
    if isinstance(generator, np.random.Generator):
        return int(generator.integers(_SEEDS))
    if isinstance(generator, int) and not isinstance(generator, bool):
        return generator
    raise ConfigError(f"generator must be a seed, a numpy or a torch generator, got {type(generator).__name__}")


class AnalogNetwork(nn.Module):
    """Mixed into the class of a converted network; made by :func:`imcsim.convert`.

    ``eval()`` shows the chip as it is programmed and aged, ``train()`` trains for it. Weights trained or loaded after
    :meth:`program` reach SRAM PEs at once and RRAM PEs at the next :meth:`program`.
    """

    analog_clock: Clock
    analog_chips: dict[str, ChipConfig]

    def analog_layers(self) -> Iterator[tuple[str, AnalogLayer]]:
        """Yield (name, layer) of every layer on PEs, in the order of the network's modules."""
        for name, module in self.named_modules():
            if isinstance(module, AnalogLayer):
                yield name, module

    def program(self, generator: Generator) -> Programming:
        """Program the RRAM PEs: all cells at the first call, later those whose level changed.

        Returns the events, pulses and rows that it took. The age of what was programmed is then 0, and read noise
        starts anew.

        Parameters
        ----------
        generator
            Source of stuck cells, programming errors, relaxation paths, pulses and read noise: a numpy or torch
            generator, or a seed.

        Raises
        ------
        ConfigError
            For anything else.
        """
        seed = seed_of(generator)
        done = Programming()
        for name, layer in self.analog_layers():
            done = done.plus(layer.program_cells(np.random.default_rng(child_seed(seed, "program", name))))
        self.analog_clock.programmed_s = self.analog_clock.now_s
        self.analog_clock.seed_reads(child_seed(seed, "read"))
        return done

    def drift(self, time_s: float) -> None:
        """Let ``time_s`` seconds pass since the last :meth:`program`; may go back, as each cell follows one path.

        Raises
        ------
        ConfigError
            For a negative time, one that is no number of seconds, or before the first :meth:`program`.
        """
        require_number("time_s", time_s)
        if self.analog_clock.programmed_s is None:
            raise ConfigError("cells that were never programmed do not drift; call program(generator) first")
        self.analog_clock.now_s = self.analog_clock.programmed_s + time_s

    def calibrate(self, x: Tensor) -> None:
        """Set the ranges of inputs and converters on the network's inputs ``x`` (B, ...), before or after ``program``.

        The arrays are read as they are; PEs that do not hold the weights yet give what they will, without errors.
        Without it, the first batch in ``eval()`` sets the ranges.

        Raises
        ------
        MappingError
            If a layer on PEs got no input; names it.

        Warns
        -----
        ClippingWarning
            If a converter clips more than 1 % of its conversions.
        """
        training, layers = self.training, dict(self.analog_layers())
        self.eval()
        try:
            for layer in layers.values():
                layer.begin_calibration()
            with torch.no_grad():
                self(x)
        finally:
            self.train(training)
            unused = [name for name, layer in layers.items() if not layer.end_calibration()]
        if unused:
            raise MappingError(
                f"layer '{unused[0]}' does not run in the network's forward pass, so nothing calibrates its PEs: "
                f"use it, or keep it digital with exclude=['{unused[0]}']"
            )

    def idle_phases(self, x: Tensor) -> dict[str, IdlePhases]:
        """Return, layer by layer, how many phases of the network's inputs ``x`` (B, ...) drive no row of a PE.

        Such phases may be skipped, and no result changes. A phase is one plane of one vector, in one pass over the rows
        of one column of PEs, in either memory. The chip stays as it is, but for ranges that were never calibrated,
        and for read noise, which goes on.
        """
        training, layers = self.training, dict(self.analog_layers())
        self.eval()
        for layer in layers.values():
            layer.begin_idle_count()
        try:
            with torch.no_grad():
                self(x)
        finally:
            self.train(training)
            found = {name: layer.end_idle_count() for name, layer in layers.items()}
        return found

    def saturate(self) -> None:
        """Hold the weights of layers on PEs inside the range of codes, as registers would; after each training step."""
        for _, layer in self.analog_layers():
            layer.hold_weights_in_range()

    def place(self, placement: PlacementLike) -> None:
        """Move PEs between the memories, as at a new task; what RRAM cells hold stays until :meth:`program`.

        Raises
        ------
        ConfigError, MappingError
            As :func:`imcsim.convert`.
        """
        layers = dict(self.analog_layers())
        masks: Mapping[str, NDArray[np.bool_]] = placement_masks(
            placement, {name: layer.arrays for name, layer in layers.items()}, self.analog_chips
        )
        for name, layer in layers.items():
            layer.place_pes(masks[name])

    def save(self, path: str | PathLike[str]) -> None:
        """Write the whole converted network: weights, chip, cells, stuck cells, ages, ranges, states of the noise.

        :func:`imcsim.load_converted` reads it, bit for bit. No pickle; the file is whole or absent.

        Raises
        ------
        ConfigError
            If the network keeps something that is no tensor of plain numbers.
        StorageError
            If the disk refuses.
        """
        from imcsim.analog.saving import save_network

        if not isinstance(path, str | PathLike):
            raise ConfigError(f"path must be the name of a file, got {type(path).__name__}")
        save_network(self, Path(path))

    def summary(self, file: IO[str] | None = None) -> Summary:
        """Print (to ``file``, else to the screen) and return layer, PEs, memory, converter bits and clipped share."""
        table = summarise(dict(self.analog_layers()), self.analog_clock)
        (file or sys.stdout).write(f"{table}\n")
        return table
