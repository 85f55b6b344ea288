"""What a file of a converted network says of it besides its arrays: the chip, the layers, the clock.

Arrays lie beside it, by name: ``state/KEY`` as in ``state_dict``; ``place/LAYER`` and ``steps/LAYER`` for each PE;
``levels``, ``programmed_s``, ``normals``, ``event``, ``stuck_low`` and ``stuck_high`` of the cells of each layer that
was programmed; ``replica_s`` and ``replica_normals`` of its replica cells, if it has any; ``generator/USE/DEVICE``, the
state of each source of noise.
"""

from pydantic import Field

from imcsim.analog.config import AnalogConfig
from imcsim.analog.saved_layer import SavedClock, SavedLayer
from imcsim.chip.config import ChipConfig
from imcsim.core.config import FrozenConfig
from imcsim.core.errors import ConfigError
from imcsim.core.sealed import Kind

CONVERTED = Kind(
    "converted network", version=2, error=ConfigError, remedy="restore a copy or convert and program again"
)
CELLS = ("levels", "programmed_s", "normals", "event", "stuck_low", "stuck_high")


class SavedSettings(FrozenConfig):
    """The hardware and the switches of some layers."""

    chip: ChipConfig
    config: AnalogConfig


class SavedNetwork(FrozenConfig):
    """All of it; ``training`` names modules in ``train()``, ``types`` the types of tensors that arrays do not have."""

    clock: SavedClock
    settings: tuple[SavedSettings, ...] = Field(min_length=1)
    layers: tuple[SavedLayer, ...] = Field(min_length=1)
    training: tuple[str, ...]
    types: dict[str, str]
