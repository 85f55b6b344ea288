"""What a file of a converted network says of one layer and of the clock, besides their arrays."""

from pydantic import Field

from imcsim.core.config import FrozenConfig


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
    """One layer on PEs; ``settings`` is the number of its entry there, ``event_times_s`` None without cells.

    ``replicas_s`` is when its replica columns were written, None without them.
    """

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
    replicas_s: float | None = None
