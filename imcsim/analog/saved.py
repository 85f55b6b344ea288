"""What a file of a converted network says of it besides its arrays: the chip, the layers, the clock.

Arrays lie beside it, by name: ``state/KEY`` as in ``state_dict``; ``place/LAYER`` and ``steps/LAYER`` for each PE;
``levels``, ``programmed_s``, ``normals``, ``event``, ``stuck_low`` and ``stuck_high`` of the cells of each layer that
was programmed; ``generator/USE/DEVICE``, the state of each source of noise.
"""

from pydantic import Field

from imcsim.analog.config import AnalogConfig
from imcsim.chip.config import ChipConfig
from imcsim.core.config import FrozenConfig
from imcsim.core.errors import ConfigError
from imcsim.core.sealed import Kind

CONVERTED = Kind(
    "converted network", version=1, error=ConfigError, remedy="restore a copy or convert and program again"
)
CELLS = ("levels", "programmed_s", "normals", "event", "stuck_low", "stuck_high")


class SavedClock(FrozenConfig):
    """The chip's time (s), and the seeds of its noise."""

    now_s: float = Field(ge=0)
    programmed_s: float | None = Field(ge=0)
    read_seed: int | None
    train_seed: int


class SavedGrid(FrozenConfig):
    """A layer's code step: the fields of :class:`imcsim.analog.code_grid.CodeGrid`."""

    limit: int = Field(ge=1)
    own_step: float = Field(ge=0)
    taken: float = Field(ge=0)
    seen: float = Field(ge=0)
    learned: bool


class SavedInputs(FrozenConfig):
    """A layer's range of inputs."""

    largest: float = Field(gt=0)
    signed: bool


class SavedClipped(FrozenConfig):
    """How many inputs were seen since the range was set, how many beyond it, and whether that was told."""

    seen: int = Field(ge=0)
    beyond: int = Field(ge=0)
    told: bool


class SavedAdc(FrozenConfig):
    """A layer's range of converters."""

    adc_bits: int = Field(ge=0)
    steps: tuple[int, ...] = Field(min_length=1)
    clipped_shares: tuple[float, ...] = Field(min_length=1)
    rms_errors: tuple[float, ...]


class SavedLayer(FrozenConfig):
    """One layer on PEs; ``settings`` is the number of its entry there, ``event_times_s`` None without cells."""

    name: str
    shape: tuple[int, int, int]
    settings: int = Field(ge=0)
    grid: SavedGrid
    training_moves: bool
    inputs: SavedInputs | None
    clipped: SavedClipped
    adc: SavedAdc | None
    calibrating: bool
    column_rows: int | None
    event_times_s: tuple[float, ...] | None


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
