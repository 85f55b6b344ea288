"""A linear regulator between the supply and everything that a chip spends."""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from imcsim.chip.part import ChipPart, Spent, part_sort
from imcsim.core.charge import Charge, Charges, Price
from imcsim.core.config import FrozenConfig


class LdoDesign(FrozenConfig):
    """A regulator: share of its input that it passes on, what it draws itself (W), and its area (m2)."""

    kind: Literal["ldo"]
    name: str
    efficiency: float = Field(gt=0, le=1)
    quiescent_w: float = Field(ge=0)
    area_m2: float = Field(ge=0)


@part_sort("ldo")
class Ldo(ChipPart):
    """A regulator of efficiency eta: loses (1 / eta - 1) of what it feeds, and draws a power of its own."""

    references: ClassVar[dict[str, str]] = {"design": "component"}

    design: LdoDesign

    def charges(self, spent: Spent, at: str) -> Charges:
        """Return the loss of each tree of joules, the own power of those that last, and the area."""
        if spent.tree in ("latency", "inference_latency"):
            return ()
        if spent.tree == "area":
            each = Price(self.design.area_m2, "area of the regulator", (f"{at}.design.area_m2",))
            return (Charge("regulator", 1.0, "regulator", "one on the chip", (), each),)
        eta = (f"{at}.design.efficiency",)
        lost = Price(1.0 / self.design.efficiency - 1.0, "1 / eta - 1", eta).also(*spent.origins)
        found = [Charge("loss", spent.by_phase, "joules", "all that it feeds", spent.fields, lost)]
        if spent.seconds is not None:
            own = Price(self.design.quiescent_w, "quiescent power", (f"{at}.design.quiescent_w",))
            found.append(Charge("quiescent", np.asarray(spent.seconds), "seconds", "time of it all", spent.fields, own))
        return tuple(found)
