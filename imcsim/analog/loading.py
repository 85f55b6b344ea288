"""A converted network from its file, bit for bit: the same cells, ranges, clock and noise on a network of its kind."""

import copy
from glob import escape
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from imcsim.analog.arrays import LayerArrays, matrix_shape
from imcsim.analog.cells import CellState
from imcsim.analog.clock import Clock
from imcsim.analog.convert import Mapped, candidates, convert, pes_of
from imcsim.analog.layer import AnalogLayer
from imcsim.analog.reference import ReplicaCells
from imcsim.analog.saved import CELLS, CONVERTED, SavedNetwork
from imcsim.analog.saved_layer import SavedLayer
from imcsim.analog.saving import WITHOUT_ARRAYS
from imcsim.core import sealed
from imcsim.core.config import parse
from imcsim.core.errors import ConfigError, nearest
from imcsim.core.tensor_file import Arrays
from imcsim.crossbar.layer_tags import column_scales_key, drop_column_scales, keep_column_scales
from imcsim.crossbar.replicas import PAIR


def load_converted(path: str | PathLike[str], network: nn.Module) -> Any:
    """Return the converted network that ``path`` holds, as :meth:`imcsim.analog.AnalogNetwork.save` wrote it.

    Its outputs are those of the saved one, bit for bit, read noise included.

    Parameters
    ----------
    path
        The file.
    network
        A plain network of the architecture, with any weights; copied, not touched.

    Raises
    ------
    ConfigError
        If the file is missing, no converted network, truncated or altered, or not of this architecture.
    """
    if not isinstance(path, str | PathLike):
        raise ConfigError(f"path must be the name of a file, got {type(path).__name__}")
    if not isinstance(network, nn.Module):
        raise ConfigError(f"network must be a torch module of the saved architecture, got {type(network).__name__}")
    where = Path(path)
    header, arrays = sealed.load(where, CONVERTED)
    saved = parse(SavedNetwork, header, str(where))
    try:
        return _Loader(where, saved, arrays).onto(network)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ConfigError(f"{where} lacks part of a converted network: {error}") from None


class _Loader:
    """What reading one file needs to know throughout."""

    def __init__(self, path: Path, saved: SavedNetwork, arrays: Arrays) -> None:
        self.path, self.saved, self.arrays = path, saved, arrays

    def onto(self, network: nn.Module) -> Any:
        self._check_layers(network)
        ours = {layer.name for layer in self.saved.layers}
        others = [escape(name) for name in candidates(network) if name not in ours]
        made = convert(self._untouched(network), self.saved.settings[0].chip, exclude=others)
        layers = dict(made.analog_layers())
        clock = made.analog_clock
        for entry in self.saved.layers:
            self._attach(layers[entry.name], entry, clock)
            made.analog_chips[entry.name] = self.saved.settings[entry.settings].chip
        self._load_state(made)
        for entry in self.saved.layers:
            layers[entry.name].keep(entry)
        training = set(self.saved.training)
        for name, module in made.named_modules():
            module.training = name in training
        states = {key: array for key, array in self.arrays.items() if key.startswith("generator/")}
        clock.restore(self.saved.clock, {key.removeprefix("generator/"): value for key, value in states.items()})
        return made

    def _check_layers(self, network: nn.Module) -> None:
        modules = dict(network.named_modules())
        for entry in self.saved.layers:
            module = modules.get(entry.name)
            if not isinstance(module, Mapped):
                known = [name for name, other in modules.items() if isinstance(other, Mapped)]
                raise ConfigError(
                    f"{self.path} holds a converted layer '{entry.name}', which the network does not have"
                    f"{nearest(entry.name, known)}"
                )
            if matrix_shape(module) != entry.shape:
                raise ConfigError(
                    f"{self.path} holds layer '{entry.name}' as a matrix of {entry.shape} (groups, fan-in, outputs), "
                    f"the network's is {matrix_shape(module)}"
                )

    def _untouched(self, network: nn.Module) -> nn.Module:
        """Return the network without column scales of its own: those of the file come with their rows."""
        bare = copy.deepcopy(network)
        for entry in self.saved.layers:
            drop_column_scales(bare.get_submodule(entry.name))
        return bare

    def _attach(self, layer: AnalogLayer, entry: SavedLayer, clock: Clock) -> None:
        own = self.saved.settings[entry.settings]
        arrays = LayerArrays(entry.name, entry.shape, pes_of(own.chip), own.config)
        arrays.place(self._array(f"place/{entry.name}", arrays.grid, np.bool_))
        steps = self._array(f"steps/{entry.name}", arrays.grid, np.float64, most=np.inf)
        arrays.restore(self._cells(entry, arrays), steps, self._replicas(entry, arrays))
        if entry.column_rows is not None:
            scales = torch.from_numpy(self.arrays[f"state/{column_scales_key(entry.name)}"])
            keep_column_scales(layer, torch.empty_like(scales, device=layer.weight.device), entry.column_rows)
        layer.attach(arrays, clock)

    def _cells(self, entry: SavedLayer, arrays: LayerArrays) -> CellState | None:
        times = entry.event_times_s
        if times is None:
            return None
        if arrays.physics is None:
            raise ValueError(f"layer '{entry.name}' has cells on PEs without RRAM")
        encoding = arrays.physics.encoding
        shape = (*entry.shape, encoding.cells_per_weight)
        rules: dict[str, tuple[Any, float, float]] = {
            "levels": (np.uint16, 0, encoding.level_count),
            "programmed_s": (np.float32, 0, np.inf),
            "normals": (np.float32, -np.inf, np.inf),
            "event": (np.uint16, 0, len(times)),
            "stuck_low": (np.bool_, 0, 2),
            "stuck_high": (np.bool_, 0, 2),
        }
        parts = {part: self._array(f"{part}/{entry.name}", shape, *rules[part]) for part in CELLS}
        stuck = (parts.pop("stuck_low"), parts.pop("stuck_high"))
        return CellState(**parts, event_times_s=times, stuck=stuck)

    def _replicas(self, entry: SavedLayer, arrays: LayerArrays) -> ReplicaCells | None:
        if entry.replicas_s is None:
            return None
        if arrays.pes.replicas is None:
            raise ValueError(f"layer '{entry.name}' has replica cells on PEs without replica columns")
        shape = (*arrays.replica_grid, PAIR)
        left_s = self._array(f"replica_s/{entry.name}", shape, np.float32, 0, np.inf)
        normals = self._array(f"replica_normals/{entry.name}", shape, np.float32, -np.inf, np.inf)
        return ReplicaCells(left_s, normals, entry.replicas_s)

    def _array(self, name: str, shape: tuple[int, ...], kind: object, least: float = 0, most: float = 2) -> Any:
        """Return an array of the file, if it is one of ``shape`` with values from ``least`` to below ``most``."""
        array = self.arrays[name]
        fits = array.shape == shape and array.dtype == kind
        if not fits or (array.size and not (array.min() >= least and array.max() < most)):
            raise ValueError(f"'{name}' is not an array of {shape} as it is written")
        return array

    def _load_state(self, made: nn.Module) -> None:
        wanted = made.state_dict()
        state = {key.removeprefix("state/"): a for key, a in self.arrays.items() if key.startswith("state/")}
        for one, other, whose in ((wanted, state, "the network"), (state, wanted, str(self.path))):
            missing = sorted(set(one) - set(other))
            if missing:
                raise ConfigError(f"{self.path} is of another network: '{missing[0]}' is in {whose} alone")
        tensors = {key: self._tensor(key, array) for key, array in state.items()}
        for key, tensor in tensors.items():
            own = wanted[key]
            if tensor.shape != own.shape or tensor.dtype != own.dtype:
                raise ConfigError(
                    f"{self.path} holds '{key}' as {tensor.dtype} of {tuple(tensor.shape)}, the network's is "
                    f"{own.dtype} of {tuple(own.shape)}"
                )
        made.load_state_dict(tensors)

    def _tensor(self, key: str, array: object) -> Tensor:
        tensor = torch.from_numpy(np.array(array))
        return tensor.view(WITHOUT_ARRAYS[self.saved.types[key]][0]) if key in self.saved.types else tensor
