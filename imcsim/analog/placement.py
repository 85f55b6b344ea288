"""Which PEs of a converted network are in SRAM, from what a user or a trace says."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imcsim.analog.arrays import LayerArrays
from imcsim.chip.config import ChipConfig
from imcsim.core.errors import ConfigError, MappingError, nearest

Memory = Literal["rram", "sram"]
PlacementLike = Mapping[str, ArrayLike] | Memory | None
"""One mask for each layer, (groups, row tiles, column tiles), True where the PE trains and so is in SRAM; or all PEs in
one memory; None for RRAM where the chip has it. Layers that a mapping leaves out are in RRAM where the chip has it."""

_CHOICES = "placement must be 'rram', 'sram' or one mask for each layer"


def placement_masks(
    placement: PlacementLike, layers: Mapping[str, LayerArrays], chips: Mapping[str, ChipConfig]
) -> dict[str, NDArray[np.bool_]]:
    """Return a mask of the PEs in SRAM for each layer; a chip with one memory has all PEs there.

    ``chips`` is the chip of each layer: which memories it has, and how many PEs.

    Raises
    ------
    ConfigError
        For an unknown layer or memory, or a memory that the chip does not have.
    MappingError
        For a mask of another shape, or more PEs than the memory has.
    """
    if not isinstance(placement, Mapping | str | None):
        raise ConfigError(f"{_CHOICES}, got {type(placement).__name__}")
    given: Mapping[str, object] = placement if isinstance(placement, Mapping) else {}
    for name in given:
        if name not in layers:
            raise ConfigError(f"placement names no converted layer: '{name}'{nearest(name, layers)}")
    word = placement if not isinstance(placement, Mapping) else None
    masks = {name: _mask(given.get(name, word), arrays, chips[name]) for name, arrays in layers.items()}
    for chip in {id(chip): chip for chip in chips.values()}.values():
        _check_capacity(chip, masks)
    return masks


def _mask(given: object, arrays: LayerArrays, chip: ChipConfig) -> NDArray[np.bool_]:
    grid = arrays.grid
    if isinstance(given, str):
        return np.full(grid, _in_sram(given, chip))
    if chip.sram is None or chip.rram is None or given is None:
        default = np.full(grid, chip.rram is None)
        return default if given is None else default | _checked(given, arrays) & (chip.rram is None)
    return _checked(given, arrays)


def _in_sram(word: str, chip: ChipConfig) -> bool:
    if word not in ("rram", "sram"):
        raise ConfigError(f"{_CHOICES}, got '{word}'")
    if getattr(chip, word) is None:
        raise ConfigError(f"placement = '{word}', but chip '{chip.name}' has no [{word}]")
    return word == "sram"


def _checked(given: object, arrays: LayerArrays) -> NDArray[np.bool_]:
    mask = np.asarray(given)
    if mask.dtype != np.bool_:
        raise ConfigError(f"placement of layer '{arrays.name}' must be boolean, got {mask.dtype}")
    if mask.shape != arrays.grid:
        raise MappingError(
            f"placement of layer '{arrays.name}' must have shape {arrays.grid} (groups, row tiles, column tiles), "
            f"got {mask.shape}"
        )
    return mask


def _check_capacity(chip: ChipConfig, masks: Mapping[str, NDArray[np.bool_]]) -> None:
    total = sum(mask.size for mask in masks.values())
    in_sram = sum(int(mask.sum()) for mask in masks.values())
    # every PE has a home in RRAM where the chip has it, also while its weights train in SRAM
    home, needed = ("rram", total) if chip.rram is not None else ("sram", total)
    for memory, count in ((home, needed), ("sram", in_sram)):
        part = getattr(chip, memory)
        if part is not None and count > part.pe_count:
            raise MappingError(
                f"the network needs {count} PEs in {memory.upper()} but '{chip.name}' has {memory}.pe_count = "
                f"{part.pe_count}; raise it or choose a smaller network"
            )
