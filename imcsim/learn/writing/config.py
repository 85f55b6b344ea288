"""How an update of the master copy reaches the cells: the levers, all off by default."""

from typing import Literal

from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig


class WritingConfig(FrozenConfig):
    """When codes in cells follow their master copies. The defaults write the nearest code, of all rows, at every step.

    Parameters
    ----------
    rounding
        "nearest", or "stochastic": a change by a fraction f of a code step is a whole step with probability f.
    threshold
        Code steps by which a master copy must be away from its stored code before the cell is written; it then gets the
        nearest code. 0.5 is nearest rounding. One code step is one level of a weight's least significant cell; at 2
        bits per cell, 4 code steps are one level of the next. Needs "nearest".
    master
        "float": the master copy keeps what is not stored yet. "codes": there is no finer copy, so that what rounding
        loses is lost ("nearest": a change of less than half a step is; "stochastic": nothing in the mean).
    row_share
        Share of a layer's rows of PEs that a step updates: those with the largest gradient. A row is a word line of one
        PE. 1: all rows.
    keep_rest
        Whether the gradient of rows left out is added to theirs in the next step (error feedback), or dropped.
    """

    rounding: Literal["nearest", "stochastic"] = "nearest"
    threshold: float = Field(0.5, ge=0.5)
    master: Literal["float", "codes"] = "float"
    row_share: float = Field(1.0, gt=0, le=1)
    keep_rest: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> "WritingConfig":
        if self.threshold > 0.5 and self.rounding == "stochastic":
            raise ValueError(
                f"threshold ({self.threshold}) is for rounding = 'nearest'; leave it out with 'stochastic'"
            )
        if self.threshold > 0.5 and self.master == "codes":
            raise ValueError(f"threshold ({self.threshold}) waits for what master = 'codes' does not keep; use 'float'")
        if self.keep_rest and self.row_share == 1:
            raise ValueError("keep_rest keeps the gradient of rows left out: give row_share below 1")
        return self

    @property
    def follows_master(self) -> bool:
        """Whether the codes are the nearest of the master copy, whatever was stored before."""
        return self.threshold == 0.5 and (self.rounding == "nearest" or self.master == "codes")

    @property
    def on_codes(self) -> bool:
        """Whether anything but the choice of rows differs from the default."""
        return self.rounding != "nearest" or self.threshold != 0.5 or self.master != "float"
