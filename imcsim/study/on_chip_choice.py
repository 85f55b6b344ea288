"""What a study measures on its chips."""

from pydantic import Field, model_validator

from imcsim.core.config import FrozenConfig
from imcsim.core.json_text import Json


class OnChipChoice(FrozenConfig):
    """Accuracy on the chips that are priced: networks are programmed at each commit, aged, and tested on their arrays.

    ``ages_s`` are times since the commit, in ascending order; the next task is committed at the last of them.
    ``test_limit`` is the largest number of test images per task, ``calibration`` the training images, of the tasks seen
    so far, that set the ranges of inputs and converters. ``config`` holds fields of
    :class:`imcsim.analog.AnalogConfig`.
    """

    ages_s: tuple[float, ...] = Field((1.0, 86_400.0), min_length=1)
    test_limit: int | None = Field(None, ge=1)
    calibration: int = Field(256, ge=1)
    config: Json = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ascending(self) -> "OnChipChoice":
        if list(self.ages_s) != sorted(set(self.ages_s)) or self.ages_s[0] < 0:
            raise ValueError(f"ages_s must ascend from 0 or more, got {list(self.ages_s)}")
        return self
