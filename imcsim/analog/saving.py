"""A converted network to a file, whole: weights, chip, cells, ranges, clock, noise."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from imcsim.analog.arrays import LayerArrays
from imcsim.analog.cells import CellState
from imcsim.analog.config import AnalogConfig
from imcsim.analog.layer import AnalogLayer
from imcsim.analog.saved import CONVERTED
from imcsim.chip.config import ChipConfig
from imcsim.core import sealed
from imcsim.core.errors import ConfigError
from imcsim.core.tensor_file import Arrays
from imcsim.crossbar.layer_tags import column_scales_of

if TYPE_CHECKING:
    from imcsim.analog.network import AnalogNetwork

WITHOUT_ARRAYS = {"torch.bfloat16": (torch.bfloat16, torch.int16)}
"""Types of tensors that numpy has not, and those of the same size that are stored for them."""

_STORED = (
    torch.float64, torch.float32, torch.float16,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
)  # fmt: skip


def save_network(network: "AnalogNetwork", path: Path) -> None:
    """Write ``network`` to ``path``; see :meth:`imcsim.analog.AnalogNetwork.save`."""
    layers = dict(network.analog_layers())
    settings: list[tuple[ChipConfig, AnalogConfig]] = []
    entries = [_layer(name, layer, network.analog_chips[name], settings) for name, layer in layers.items()]
    arrays, types = _state(network)
    for name, layer in layers.items():
        arrays |= _cells(name, layer.arrays)
    clock = network.analog_clock
    arrays |= {f"generator/{use}": state for use, state in clock.generator_states().items()}
    header = {
        "clock": {
            "now_s": clock.now_s,
            "programmed_s": clock.programmed_s,
            "read_seed": clock.read_seed,
            "train_seed": clock.train_seed,
        },
        "settings": [{"chip": c.model_dump(mode="json"), "config": s.model_dump(mode="json")} for c, s in settings],
        "layers": entries,
        "training": [name for name, module in network.named_modules() if module.training],
        "types": types,
    }
    sealed.save(path, CONVERTED, header, arrays)


def _layer(
    name: str, layer: AnalogLayer, chip: ChipConfig, settings: list[tuple[ChipConfig, AnalogConfig]]
) -> dict[str, object]:
    """Return the entry of one layer; its hardware and switches join ``settings`` unless they are there."""
    arrays = layer.arrays
    own = (chip, arrays.config)
    if own not in settings:
        settings.append(own)
    adc = layer.adc
    segments = column_scales_of(layer)
    return {
        "name": name,
        "shape": arrays.shape,
        "settings": settings.index(own),
        "inputs": None if layer.inputs is None else asdict(layer.inputs),
        "adc": None if adc is None else asdict(adc),
        "column_rows": None if segments is None else segments.rows,
        "event_times_s": None if arrays.state is None else arrays.state.event_times_s,
        "replicas_s": None if arrays.replicas is None else arrays.replicas.time_s,
        **layer.kept(),
    }


def _cells(name: str, arrays: LayerArrays) -> Arrays:
    found: Arrays = {f"place/{name}": arrays.in_sram, f"steps/{name}": arrays.cell_steps}
    if arrays.state is not None:
        found |= {f"{part}/{name}": array for part, array in parts_of(arrays.state).items()}
    if arrays.replicas is not None:
        found[f"replica_s/{name}"] = arrays.replicas.programmed_s
        found[f"replica_normals/{name}"] = arrays.replicas.normals
    return found


def parts_of(state: CellState) -> Arrays:
    """Return the arrays of cells by the names of :data:`imcsim.analog.saved.CELLS`."""
    low, high = state.stuck
    return {
        "levels": state.levels,
        "programmed_s": state.programmed_s,
        "normals": state.normals,
        "event": state.event,
        "stuck_low": low,
        "stuck_high": high,
    }


def _state(network: "AnalogNetwork") -> tuple[Arrays, dict[str, str]]:
    """Return the tensors of ``state_dict`` as arrays, and the types that arrays do not have."""
    arrays: Arrays = {}
    types: dict[str, str] = {}
    for key, tensor in network.state_dict().items():
        if not isinstance(tensor, Tensor):
            raise ConfigError(f"a converted network with '{key}' cannot be saved: it is a {type(tensor).__name__}")
        kept = tensor.detach().cpu()
        if str(kept.dtype) in WITHOUT_ARRAYS:
            types[key], kept = str(kept.dtype), kept.view(WITHOUT_ARRAYS[str(kept.dtype)][1])
        if kept.dtype not in _STORED:
            raise ConfigError(f"a converted network with '{key}' cannot be saved: it holds numbers of {kept.dtype}")
        arrays[f"state/{key}"] = kept.contiguous().numpy()
    return arrays, types
