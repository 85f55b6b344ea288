"""One predicted figure beside the reported one: a cycle time or an area."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A cycle (s) or an area (m2); None where it cannot be predicted, or is not reported.

    ``reason`` says why nothing was predicted or compared, otherwise what was taken for granted.
    """

    predicted: float | None = None
    reported: float | None = None
    reason: str = ""

    @property
    def ratio(self) -> float | None:
        """Predicted over reported, None where one of them is missing."""
        if self.predicted is None or self.reported is None:
            return None
        return self.predicted / self.reported


NOTHING = Figure()
