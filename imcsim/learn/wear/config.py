"""What wears out while learning, and when its cells are written."""

from typing import Literal

from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig

WrittenAt = Literal["step", "epoch", "task", "commit"]


class WearConfig(FrozenConfig):
    """RRAM cells that die of their own level changes during a run.

    Each cell has a life in full-window cycles, drawn once: Weibull of ``endurance_scale_cycles`` and
    ``endurance_shape``. Each level change is one cycle. A cell whose cycles exceed its life is stuck, from then on, at
    its lowest conductance (with probability ``stuck_low_share``) or at its highest.

    Parameters
    ----------
    encoding
        Name of the storage form that wears, one of those recorded, as ``differential-8w-2c``; None: the first.
    policy
        When cells are written. ``step``, ``epoch``, ``task``: in place, and the learner sees stuck cells in every
        product. ``commit``: training itself happens in SRAM, where nothing is stuck; codes meet stuck cells at the
        task's end, so that evaluation and PEs frozen later see them.
    cycles_before
        Cycles that every cell has taken before the first task.
    streams_before
        Earlier streams whose cycles, given by the caller for each cell, come on top.
    repeats
        Each measured task stands for so many identical ones: its level changes wear so many times.
    marks_dead
        Whether the controller remembers a cell whose write failed, and does not try it again.
    chip_seed
        Number of the drawn chip: lives and stuck ends are drawn from it and from the run's seed.
    """

    encoding: str | None = None
    endurance_scale_cycles: float = Field(gt=0)
    endurance_shape: float = Field(gt=0)
    stuck_low_share: float = Field(0.5, ge=0, le=1)
    policy: WrittenAt = "step"
    cycles_before: float = Field(0.0, ge=0)
    streams_before: float = Field(0.0, ge=0)
    repeats: int = Field(1, ge=1)
    marks_dead: bool = True
    chip_seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _spread(self) -> "WearConfig":
        if self.endurance_shape < SMALLEST_SHAPE:
            raise ValueError(f"endurance_shape below {SMALLEST_SHAPE:g} spreads lives beyond what numbers hold")
        return self

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences that a reader must see beside what was learned so."""
        said = [
            f"Cells wear: written at every {_WORDS[self.policy]}, Weibull scale {self.endurance_scale_cycles:g} cycles "
            f"and shape {self.endurance_shape:g}; level changes that a dead cell does not take stay in the trace."
        ]
        if self.repeats > 1:
            said.append(f"Each measured task wears cells as {self.repeats:,} identical ones.")
        if self.cycles_before or self.streams_before:
            said.append(
                f"Cells start with {self.cycles_before:g} cycles each and those of {self.streams_before:g} earlier "
                f"streams."
            )
        return tuple(said)


SMALLEST_SHAPE = 0.05  # lives then span more than 300 decades
_WORDS = {"step": "step", "epoch": "epoch", "task": "task's end", "commit": "commit from SRAM"}
