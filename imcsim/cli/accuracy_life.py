"""The part of ``imcsim life`` that measures accuracy at the ages of a chip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imcsim.chip.config import ChipConfig
    from imcsim.learn.wear.curve import AccuracyCurve
    from imcsim.life import Outlook
    from imcsim.report.life import LifeRecord
    from imcsim.trace.trace import Trace

_SERVED_AGES, _LEARNED_AGES = 16, 6  # design choice: an evaluation takes milliseconds, learning again minutes
_CHIPS = 8


@dataclass(frozen=True)
class AccuracyAsked:
    """Limits (shares of the fresh chip's accuracy), chips to draw, whether to learn again, and the picture's file."""

    limits: tuple[float, ...]
    chips: int | None
    learn_again: bool
    png: Path | None

    def check(self) -> None:
        """Raise ConfigError for a limit out of range, or options without a limit."""
        from imcsim.core.errors import ConfigError
        from imcsim.learn.wear.curve import check_limit

        for limit in self.limits:
            check_limit(limit)
        for name, given in (
            ("--chips-drawn", self.chips is not None),
            ("--learn-again", self.learn_again),
            ("--accuracy-png", self.png is not None),
        ):
            if given and not self.limits:
                raise ConfigError(f"{name} needs an accuracy to look for: give --accuracy-limit, such as 0.9")

    def curves(self, trace: Trace, chip: ChipConfig, found: Outlook) -> list[AccuracyCurve]:
        """Measure what was asked for, with a bar on a terminal; nothing without a limit."""
        if not self.limits:
            return []
        from imcsim.cli.learn import progress_bar
        from imcsim.learn.wear.curve import age_grid
        from imcsim.learn.wear.learned import learned_accuracy
        from imcsim.learn.wear.of_chip import wear_of_chip
        from imcsim.learn.wear.served import served_accuracy
        from imcsim.life import Endurance

        wear, chips = wear_of_chip(chip), _CHIPS if self.chips is None else self.chips
        endurance = Endurance(wear.endurance_scale_cycles, wear.endurance_shape)
        with progress_bar() as advance:
            ages = age_grid(found.rates, endurance, _SERVED_AGES)
            curves = [served_accuracy(trace, chip, found, ages, chips, advance)]
            if self.learn_again:
                ages = age_grid(found.rates, endurance, _LEARNED_AGES)
                curves.append(learned_accuracy(trace, chip, found, ages, chips, advance))
        return curves

    def add_to(self, record: LifeRecord, found: Outlook, curves: list[AccuracyCurve]) -> LifeRecord:
        """Return the outlook's record with the curves, unchanged without a limit."""
        from imcsim.report.accuracy_life import accuracy_record

        return {**record, "accuracy": accuracy_record(found, curves, self.limits)} if curves else record

    def draw(self, found: Outlook, curves: list[AccuracyCurve]) -> None:
        """Draw the curves if a file was named."""
        if self.png is not None:
            from imcsim.report.accuracy_life import draw_accuracy
            from imcsim.report.style import save_as

            save_as(draw_accuracy(found, curves, self.limits), self.png)

    def text(self, found: Outlook, curves: list[AccuracyCurve]) -> str:
        """Return what follows the outlook's text; empty without a limit."""
        from imcsim.report.accuracy_life import accuracy_text

        return accuracy_text(found, curves, self.limits) if curves else ""
